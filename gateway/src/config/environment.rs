//! `PLAYHOUSE_…` variables: `__` leads into a table, so `PLAYHOUSE_LOG__LEVEL` is `log.level`. Values are TOML, or text
//! where that is no TOML of the right kind.

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, ConfigError};

/// What our variables start with.
pub const PREFIX: &str = "PLAYHOUSE_";

/// Variables that are not configuration: tools around the server read them.
const NOT_OURS: &[&str] = &["PLAYHOUSE_BIN", "PLAYHOUSE_CACHE", "PLAYHOUSE_CONFIG"];

/// A key that a variable sets.
#[derive(Debug)]
pub struct Setting {
    /// The variable.
    pub variable: String,
    /// The key, from the top.
    pub path: Vec<String>,
    /// Its value.
    pub value: Value,
}

/// The settings in the environment, each checked alone.
///
/// # Errors
/// The first variable that no key fits, or whose value its key does not take.
pub fn settings(variables: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Setting>, ConfigError> {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_OURS.contains(&name.as_str()))
        .collect();
    ours.sort_unstable();
    ours.into_iter().map(|(variable, text)| setting(variable, &text)).collect()
}

fn setting(variable: String, text: &str) -> Result<Setting, ConfigError> {
    let path: Vec<String> = variable[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
    let as_toml = parse_value(text).and_then(|value| fits(&path, value).ok());
    match as_toml {
        Some(value) => Ok(Setting { variable, path, value }),
        None => match fits(&path, Value::String(text.to_owned())) {
            Ok(value) => Ok(Setting { variable, path, value }),
            Err(message) => Err(ConfigError::Variable { name: variable, message }),
        },
    }
}

fn parse_value(text: &str) -> Option<Value> {
    let mut table: Table = format!("value = {text}").parse().ok()?;
    if table.len() == 1 { table.remove("value") } else { None }
}

/// Whether the configuration takes `value` at `path`.
fn fits(path: &[String], value: Value) -> Result<Value, String> {
    let mut table = Table::new();
    insert(&mut table, path, value.clone());
    match Config::deserialize(Value::Table(table)) {
        Ok(_) => Ok(value),
        Err(error) => Err(error.message().to_owned()),
    }
}

/// Puts a value into a table of tables.
pub fn insert(table: &mut Table, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(name.clone(), value);
        return;
    }
    let inner = table.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
    if !inner.is_table() {
        *inner = Value::Table(Table::new());
    }
    if let Value::Table(inner) = inner {
        insert(inner, rest, value);
    }
}
