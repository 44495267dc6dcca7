//! Server-side backups of room keys.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups>
//!
//! | File | Holds |
//! |---|---|
//! | `key` | a backed-up key, checked without a store, and which of two is the better |
//! | `versions`, `sessions` | backups and the keys in them: the verbs of the user's actor |
//! | `read` | what is in a backup: reads beside the actor |
//! | `message`, `handle` | the requests, and the typed way to make them |

pub mod handle;
pub mod key;
pub mod message;
pub mod read;
pub mod sessions;
pub mod versions;

pub use key::BackedUpKey;
pub use message::BackupRequest;
pub use read::Backups;
pub use sessions::{BackupContents, BackupScope};
pub use versions::{BackupInfo, NewBackup};

#[cfg(test)]
mod tests;
