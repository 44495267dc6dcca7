//! The back ends.

pub mod fjall;
pub mod memory;
pub mod scylla;
pub mod shape;

pub use self::{
    fjall::{FjallBackend, FjallOptions},
    memory::{Adversity, MemoryBackend},
    scylla::{CqlBackend, CqlOptions},
};
