//! Logs: text for people or JSON for machines, with a level that can change while the server runs.

use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt as _, reload, reload::Handle, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// What is too talkative at any level, unless the configuration names it.
const QUIET: &str = "ruma_state_res=warn,h2=warn,hyper=warn,rustls=warn,fjall=warn,lsm_tree=warn,\
                     scylla=error";

/// The log's level, to be set again.
#[derive(Debug, Clone)]
pub struct Level(Handle<EnvFilter, Registry>);

/// A level that is no level.
#[derive(Debug, thiserror::Error)]
#[error(
    "log.level `{level}` is no level: write error, warn, info, debug or trace, or directives such as \"info,playhouse_actors=debug\""
)]
pub struct BadLevel {
    level: String,
}

/// Starts logging.
///
/// # Errors
/// The level is none.
pub fn start(config: &Log) -> Result<Level, BadLevel> {
    let (filter, handle) = reload::Layer::new(filter(&config.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    let _ = match config.format {
        LogFormat::Text => registry.with(layer.with_ansi(is_terminal())).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    Ok(Level(handle))
}

impl Level {
    /// Sets another level; one that is none is reported and the old one stays.
    pub fn set(&self, level: &str) {
        match filter(level).map(|filter| self.0.reload(filter)) {
            Ok(Ok(())) => tracing::info!(level, "log level set"),
            Ok(Err(error)) => tracing::error!(%error, "the log level cannot be set"),
            Err(error) => tracing::error!(%error, "the log level stays"),
        }
    }
}

/// The filter of a level, as the configuration writes it.
///
/// # Errors
/// It is none.
pub fn filter(level: &str) -> Result<EnvFilter, BadLevel> {
    let bad = || BadLevel { level: level.to_owned() };
    // EnvFilter takes any word for a target, and a misspelled level would silence everything.
    let is_word = !level.contains(['=', ',']);
    if level.is_empty() || is_word && level.parse::<tracing::level_filters::LevelFilter>().is_err() {
        return Err(bad());
    }
    EnvFilter::builder().parse(format!("{QUIET},{level}")).map_err(|_| bad())
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_taken_and_nothing_else() {
        for good in ["info", "DEBUG", "off", "warn,playhouse_actors=debug"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["loud", "", "info,playhouse=loud"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
