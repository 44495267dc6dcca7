//! `playhouse check-config`

use super::{ConfigFile, Failure};
use crate::log;

/// Reads the configuration and reports.
pub fn run(file: &ConfigFile) -> Result<(), Failure> {
    let config = file.load()?;
    log::filter(&config.log.level)?;
    let name = file.config.as_ref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
    println!("{name}: the configuration of {} is fine", config.server_name);
    for listener in &config.listeners {
        let scheme = if listener.tls_certificate.is_some() { "https" } else { "http" };
        println!("  {scheme}://{} serves {:?}", listener.address, listener.parts);
    }
    Ok(())
}
