//! Seeded simulations: a server whose store misbehaves and whose process dies, and clients who keep count.
//!
//! Time is virtual, chance comes from the seed, and the store's steps are where a process can die. What a client was
//! told is compared with what it sees: nothing acknowledged is lost, nothing comes twice, nothing comes out of order.

pub mod client;
pub mod server;
pub mod story;
