//! The back ends.
