//! The back ends.

pub mod fjall;
pub mod shape;

pub use self::fjall::{FjallBackend, FjallOptions};
