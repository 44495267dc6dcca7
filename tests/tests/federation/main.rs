//! Servers among each other, over TLS on loopback with an authority of their own.

mod encryption;
mod history;
mod joins;
mod keys;
mod proof;
mod queries;
mod reach;
mod spoilt;
mod traffic;

use playhouse_tests::{Authority, Setup, World};

/// A server that deals with others, and its name.
async fn server(authority: &Authority, host: &str) -> (World, String) {
    server_with(Setup::default().federating(authority, host)).await
}

async fn server_with(setup: Setup) -> (World, String) {
    let name = setup.server_name().to_owned();
    (World::with(setup).await, name)
}
