//! Reading the configuration: the file alone first, so that its mistakes have lines; then the environment on top.

use std::path::Path;

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, ConfigError, check, environment, environment::Setting};

/// The commented example: every key with its default.
pub const EXAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/playhouse.example.toml"));

/// The configuration of a file, or of none, with the environment of this process on top.
///
/// # Errors
/// [`ConfigError`] names file, line, key and what is allowed.
pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
    load_with(path, std::env::vars())
}

/// [`load`] with another environment.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    path: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let text = path.map(read).transpose()?;
    let table = match (path, &text) {
        (Some(path), Some(text)) => parse(path, text)?,
        _ => without_file(),
    };
    let settings = environment::settings(&table, variables)?;
    let config = merged(table, &settings)?;
    let source = check::Source { path, text: text.as_deref(), settings: &settings };
    check::check(&config, &source)?;
    Ok(config)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })
}

fn parse(path: &Path, text: &str) -> Result<Table, ConfigError> {
    let in_file =
        |error: toml::de::Error| ConfigError::File { path: path.to_owned(), error: Box::new(error) };
    toml::from_str::<Config>(text).map_err(in_file)?;
    text.parse().map_err(in_file)
}

/// What holds for a first try without any file: who can reach the server may register.
fn without_file() -> Table {
    let mut table = Table::new();
    let open = ["registration", "open"].map(str::to_owned);
    environment::insert(&mut table, &open, Value::Boolean(true));
    table
}

fn merged(mut table: Table, settings: &[Setting]) -> Result<Config, ConfigError> {
    for setting in settings {
        environment::insert(&mut table, &setting.path, setting.value.clone());
    }
    Config::deserialize(Value::Table(table)).map_err(|error| ConfigError::Variable {
        name: settings.iter().map(|setting| setting.variable.as_str()).collect::<Vec<_>>().join(", "),
        message: error.message().to_owned(),
    })
}
