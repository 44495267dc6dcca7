//! `playhouse generate-config`

use std::io::Write as _;

use clap::Args;
use ruma::OwnedServerName;

use super::Failure;
use crate::config;

/// What to put into it.
#[derive(Debug, Args)]
pub struct Options {
    /// The domain in user ids, such as example.org
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    server_name: Option<OwnedServerName>,
}

fn parse_name(text: &str) -> Result<OwnedServerName, String> {
    OwnedServerName::try_from(text).map_err(|error| error.to_string())
}

/// Prints the commented example.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut text = config::EXAMPLE.to_owned();
    if let Some(name) = &options.server_name {
        text = text.replacen("server_name = \"localhost\"", &format!("server_name = \"{name}\""), 1);
    }
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
