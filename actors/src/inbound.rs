//! What other servers send: transactions of events and of passing news.
//!
//! | File | Holds |
//! |---|---|
//! | `transaction` | one transaction, from its proof to its answer |
//! | `gate` | one transaction of a server at a time, and the one before |
//! | `sorting` | which events are taken: rooms, access lists, signatures |
//! | `inbox` | what was answered and waits for its room; durable |
//! | `outside` | memberships that end in rooms that this server is not in |
//!
//! A transaction is answered when its events are in the inbox. What their rooms say of them nobody waits for.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#transactions>

mod gate;
pub(crate) mod inbox;
mod outside;
mod sorting;
mod transaction;

pub use gate::Gates;
pub use transaction::{IncomingTransaction, MOST_EDUS, MOST_PDUS, TransactionError, take};
