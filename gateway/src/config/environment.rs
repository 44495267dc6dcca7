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
#[derive(Debug, Clone)]
pub struct Setting {
    /// The variable.
    pub variable: String,
    /// The key, from the top.
    pub path: Vec<String>,
    /// Its value.
    pub value: Value,
}

/// The settings in the environment, each checked on top of `base`, the file's table. Variables of one inner table, such
/// as both numbers of a rate, are checked together.
///
/// # Errors
/// A variable that no key fits, or whose value its key does not take.
pub fn settings(
    base: &Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<Setting>, ConfigError> {
    let is_ours = |name: &str| name.starts_with(PREFIX) && !NOT_OURS.contains(&name);
    let mut ours: Vec<(String, String)> = variables.into_iter().filter(|(name, _)| is_ours(name)).collect();
    ours.sort_unstable();
    let guesses: Vec<Setting> = ours.iter().map(|(variable, text)| guess(variable, text)).collect();
    guesses.iter().zip(&ours).map(|(setting, (_, text))| setting.settled(base, &guesses, text)).collect()
}

/// The setting of a variable, as TOML if its text is TOML.
fn guess(variable: &str, text: &str) -> Setting {
    let path = variable[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
    let value = parse_value(text).unwrap_or_else(|| Value::String(text.to_owned()));
    Setting { variable: variable.to_owned(), path, value }
}

fn parse_value(text: &str) -> Option<Value> {
    let mut table: Table = format!("value = {text}").parse().ok()?;
    if table.len() == 1 { table.remove("value") } else { None }
}

impl Setting {
    /// The setting with a value that its key takes: the guess, or else the text as it is.
    fn settled(&self, base: &Table, all: &[Self], text: &str) -> Result<Self, ConfigError> {
        let mut table = base.clone();
        for sibling in
            all.iter().filter(|other| self.path.len() > 2 && other.path.get(..2) == self.path.get(..2))
        {
            insert(&mut table, &sibling.path, sibling.value.clone());
        }
        let Err(message) = self.fits(table.clone()) else { return Ok(self.clone()) };
        let as_text = Self { value: Value::String(text.to_owned()), ..self.clone() };
        match as_text.fits(table) {
            Ok(()) => Ok(as_text),
            Err(_) => Err(ConfigError::Variable { name: self.variable.clone(), message }),
        }
    }

    fn fits(&self, mut table: Table) -> Result<(), String> {
        insert(&mut table, &self.path, self.value.clone());
        Config::deserialize(Value::Table(table)).map(|_| ()).map_err(|error| error.message().to_owned())
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
