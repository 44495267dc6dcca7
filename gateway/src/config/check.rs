//! Keys that are fine alone and impossible together.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError, Part, StoreKind, environment::Setting, error::Problem};

/// Where the configuration came from, to say where a problem is.
#[derive(Debug)]
pub struct Source<'a> {
    /// The file.
    pub path: Option<&'a Path>,
    /// Its text.
    pub text: Option<&'a str>,
    /// The settings in the environment.
    pub settings: &'a [Setting],
}

/// Collects every problem, so that one start shows them all.
///
/// # Errors
/// [`ConfigError::Impossible`].
pub fn check(config: &Config, source: &Source<'_>) -> Result<(), ConfigError> {
    let mut found = Vec::new();
    listeners(config, &mut found);
    registration(config, &mut found);
    well_known(config, &mut found);
    found.extend(config.federation.problems(&config.server_name));
    if config.store == StoreKind::Scylla {
        found.extend(config.scylla.problems());
    }
    if config.memory_limit.bytes() < 64 << 20 {
        found.push(("memory_limit".to_owned(), "the server needs at least \"64 MiB\"".to_owned()));
    }
    if found.is_empty() {
        return Ok(());
    }
    let problem = |(key, message): (String, String)| Problem { place: source.place(&key), key, message };
    Err(ConfigError::Impossible(found.into_iter().map(problem).collect()))
}

type Found = Vec<(String, String)>;

fn listeners(config: &Config, found: &mut Found) {
    let mut problem = |key: String, message: &str| found.push((key, message.to_owned()));
    if config.listeners.is_empty() {
        problem("listener".to_owned(), "the server needs at least one listener");
    }
    for (n, listener) in config.listeners.iter().enumerate() {
        match (&listener.tls_certificate, &listener.tls_key) {
            (Some(_), None) => problem(format!("listener[{n}].tls_certificate"), "needs `tls_key` beside it"),
            (None, Some(_)) => problem(format!("listener[{n}].tls_key"), "needs `tls_certificate` beside it"),
            _ => {}
        }
        if listener.parts.is_empty() {
            problem(
                format!("listener[{n}].parts"),
                "name at least one of client, federation, admin, metrics, health",
            );
        }
        if listener.max_connections == 0 {
            problem(format!("listener[{n}].max_connections"), "must be at least 1");
        }
        if config.listeners[..n].iter().any(|earlier| earlier.address == listener.address) {
            problem(format!("listener[{n}].address"), "another listener has this address");
        }
    }
}

fn registration(config: &Config, found: &mut Found) {
    let registration = &config.registration;
    let mut problem = |key: &str, message: &str| found.push((key.to_owned(), message.to_owned()));
    let reachable = |part: &super::Listener| part.parts.contains(&Part::Client) && !part.address.is_local();
    if registration.open && !registration.open_to_everyone && config.listeners.iter().any(reachable) {
        problem(
            "registration.open",
            "a listener can be reached from other machines, so anybody could register: set \
             `registration.open_to_everyone = true` if that is meant, `registration.tokens` to admit those who have \
             one, or `registration.open = false`",
        );
    }
    if registration.open_to_everyone && !registration.open {
        problem("registration.open_to_everyone", "has no effect without `registration.open = true`");
    }
    if registration.open && !registration.tokens.is_empty() {
        problem("registration.tokens", "have no effect while `registration.open = true`; set it to false");
    }
    if registration.shared_secret.as_ref().is_some_and(String::is_empty) {
        problem("registration.shared_secret", "is empty: leave it out to turn it off");
    }
    if !registration.terms.is_empty() && !registration.is_possible() {
        problem("registration.terms", "have no effect while nobody can register");
    }
    for (n, policy) in registration.terms.iter().enumerate() {
        if policy.languages.is_empty() {
            problem(
                &format!("registration.terms[{n}].languages"),
                "name the document in at least one language",
            );
        }
    }
}

fn well_known(config: &Config, found: &mut Found) {
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    let urls = [
        ("well_known.client", &config.well_known.client),
        ("well_known.support_page", &config.well_known.support_page),
    ];
    for (key, url) in urls {
        if url.as_deref().is_some_and(|url| !is_url(url)) {
            found.push((key.to_owned(), "must start with https:// (or http://)".to_owned()));
        }
    }
}

impl Source<'_> {
    /// Where a key was set: its line in the file, or its variable.
    fn place(&self, key: &str) -> Option<String> {
        let steps: Vec<&str> = key.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect();
        let sets = |setting: &&Setting| {
            steps.starts_with(&setting.path.iter().map(String::as_str).collect::<Vec<_>>())
        };
        if let Some(setting) = self.settings.iter().find(sets) {
            return Some(format!("environment variable {}", setting.variable));
        }
        let line = line_of(self.text?, &steps)?;
        Some(format!("{} line {line}", self.path?.display()))
    }
}

/// The line of a key, or of the closest table around it.
fn line_of(text: &str, steps: &[&str]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let (mut offset, mut value): (_, Option<&DeValue<'_>>) = (None, None);
    for step in steps {
        let found = match value {
            None => root.get_ref().get_key_value(*step),
            Some(DeValue::Table(table)) => table.get_key_value(*step),
            Some(DeValue::Array(items)) => {
                let Some(item) = step.parse().ok().and_then(|n: usize| items.get(n)) else { break };
                (offset, value) = (Some(item.span().start), Some(item.get_ref()));
                continue;
            }
            Some(_) => break,
        };
        let Some((key, item)) = found else { break };
        (offset, value) = (Some(key.span().start), Some(item.get_ref()));
    }
    Some(text[..offset?].matches('\n').count() + 1)
}
