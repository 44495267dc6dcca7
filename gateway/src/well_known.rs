//! `/.well-known/matrix/`: how clients, servers and people find this server.

pub mod client;
pub mod server;
pub mod support;
