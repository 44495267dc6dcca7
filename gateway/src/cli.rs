//! The command line.

mod check_config;
mod generate_config;
mod serve;
mod store;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config, ConfigError};

/// A Matrix homeserver.
///
/// `playhouse serve` runs with no configuration at all: it keeps its data in ./data and answers clients of this
/// machine on http://127.0.0.1:8008, where anybody may register. `playhouse generate-config` prints a commented file
/// to go on with.
#[derive(Debug, Parser)]
#[command(name = "playhouse", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until it is told to stop
    Serve(ConfigFile),
    /// Read the configuration and say what is wrong with it
    CheckConfig(ConfigFile),
    /// Print a commented configuration with every key
    GenerateConfig(generate_config::Options),
    /// Make accounts
    #[command(subcommand)]
    User(user::Command),
    /// Look into the store, or move it
    #[command(subcommand)]
    Store(store::Command),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
struct ConfigFile {
    /// The configuration file (TOML). Without one the defaults hold; PLAYHOUSE_ variables come on top either way
    #[arg(short, long, value_name = "FILE", env = "PLAYHOUSE_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> Result<Config, ConfigError> {
        config::load(self.config.as_deref())
    }
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(file) => serve::run(&file),
        Command::CheckConfig(file) => check_config::run(&file),
        Command::GenerateConfig(options) => generate_config::run(&options),
        Command::User(command) => user::run(command),
        Command::Store(command) => store::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("playhouse: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed, as it is printed.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A runtime for one command.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
