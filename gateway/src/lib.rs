//! The gateway: listeners, the route table, authentication, limits, one file an endpoint, and the `playhouse` binary.
//!
//! The path of a request is the list in [`pipeline`]; the endpoints are the list in [`routes`]. To add one, write its
//! file (the file's path is the URL's path), name it in its parent module, and name it in [`routes`].

pub mod admin;
pub mod authentication;
pub mod cli;
pub mod client;
pub mod config;
pub mod context;
pub mod endpoint;
pub mod error;
pub mod federation;
pub mod gateway;
pub mod health;
pub mod json;
pub mod key;
pub mod limits;
pub mod listener;
pub mod log;
pub mod metrics;
pub mod nonce;
pub mod password;
pub mod pipeline;
pub mod reply;
pub mod router;
pub mod routes;
pub mod server;
pub mod signals;
pub mod systemd;
pub mod uia;
pub mod well_known;

#[cfg(test)]
mod testing;

pub use context::{Anyone, Context, Origin};
pub use error::ApiError;
pub use gateway::Gateway;
pub use reply::{IntoReply, Json, RawJson, Reply};
