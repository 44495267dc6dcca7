//! The user directory: finds the users that somebody may know of, by words of their ids and display names.
//!
//! | File | Holds |
//! |---|---|
//! | `words` | what the words of a user and of a search are (pure) |
//! | `index` | the rows by which words lead to users |
//! | `search` | from a term to users |
//! | `sight` | whether somebody may know of a user |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#user-directory>

pub mod index;
mod search;
mod sight;
mod words;

#[cfg(test)]
mod tests;

pub use search::{Found, FoundUser, search};
