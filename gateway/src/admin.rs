//! The administration API.

pub mod register;
