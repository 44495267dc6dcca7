//! The scenes, each about one thing that goes wrong.

pub mod conditional;
pub mod copy;
pub mod gone;
pub mod nodes;
pub mod storm;
pub mod two;

use std::net::SocketAddr;

use playhouse_tests::Setup;

/// A server that reaches its CQL nodes through these addresses, in a keyspace that is dropped past them.
pub fn reaching(setup: Setup, addresses: &[SocketAddr]) -> Setup {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    setup.set("scylla.contact_points", addresses)
}
