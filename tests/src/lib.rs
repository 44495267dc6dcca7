//! The vocabulary of the end-to-end tests: a [`World`] is one server process on a free loopback port with a store of
//! its own; a [`User`] acts in it over real HTTP; a [`Reply`] says what the server answered; a [`Sync`] what it told.
//!
//! The server is the built `playhouse` binary (see [`Server`]); nothing of it is linked in here. With
//! `PLAYHOUSE_TEST_WORLD=cql` each keeps its rows in a keyspace of its own on the CQL server that `PLAYHOUSE_TEST_CQL` names.

mod authority;
pub mod encryption;
mod http;
mod keyspace;
mod server;
mod setup;
mod signing;
pub mod stage;
mod stranger;
mod sync;
mod user;
mod world;

pub use self::authority::Authority;
pub use self::http::{Http, Reply, Unanswered, segment};
pub use self::keyspace::Keyspace;
pub use self::server::Server;
pub use self::setup::Setup;
pub use self::signing::TestKey;
pub use self::stranger::Stranger;
pub use self::sync::Sync;
pub use self::user::User;
pub use self::world::World;
pub use serde_json::{Value, json};
