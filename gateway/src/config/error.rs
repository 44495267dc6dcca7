//! Why a configuration stops the start, said so that the operator can mend it.

use std::{fmt::Write as _, io, path::PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or not readable.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no TOML, has an unknown key, or a value that its key does not take.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Line, key and what is allowed.
        error: Box<toml::de::Error>,
    },
    /// A `PLAYHOUSE_` variable is unknown or has a value that its key does not take.
    #[error("environment variable {name}: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong, and what is allowed.
        message: String,
    },
    /// Keys that are fine alone and make no sense together.
    #[error("{}", listed(.0))]
    Impossible(Vec<Problem>),
}

/// A key whose value cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was set: `playhouse.toml line 7`, a variable, or nowhere.
    pub place: Option<String>,
    /// The key, such as `listener[0].tls_key`.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

fn listed(problems: &[Problem]) -> String {
    let mut text = String::new();
    for (n, problem) in problems.iter().enumerate() {
        let start = if n == 0 { "" } else { "\n" };
        let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let _ = write!(text, "{start}{place}`{}`: {}", problem.key, problem.message);
    }
    text
}
