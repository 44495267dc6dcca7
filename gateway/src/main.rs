//! The `playhouse` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    playhouse_gateway::cli::run()
}
