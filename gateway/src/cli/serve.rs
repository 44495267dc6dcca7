//! `playhouse serve`

use super::{ConfigFile, Failure, runtime};
use crate::{
    config::Config,
    log,
    server::{self, Reload, Server},
};

/// Runs the server.
pub fn run(file: &ConfigFile) -> Result<(), Failure> {
    let config = file.load()?;
    let level = log::start(&config.log)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), server_name = %config.server_name, "starting");
    warn_of_open_doors(&config);
    runtime()?.block_on(async {
        let metrics = server::start_metrics(&config)?;
        let server = Server::start(config, metrics).await?;
        server.run(Reload { config: file.config.clone(), level }).await?;
        Ok(())
    })
}

fn warn_of_open_doors(config: &Config) {
    let registration = &config.registration;
    if registration.open && registration.open_to_everyone {
        tracing::warn!(
            "REGISTRATION IS OPEN TO EVERYONE who reaches this server (registration.open_to_everyone)"
        );
    } else if registration.open {
        tracing::warn!("REGISTRATION IS OPEN to everyone on this machine (registration.open)");
    }
    if config.passwords.cost == crate::config::PasswordCost::Test {
        tracing::warn!("password hashes are for tests only (passwords.cost)");
    }
    if config.store == crate::config::StoreKind::Memory {
        tracing::warn!("the store is in memory: everything is lost at the end (store)");
    }
}
