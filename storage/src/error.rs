//! What can go wrong in a store, by what the caller must do about it.

use std::time::Duration;

/// A store operation that gave no answer. Each variant names the caller's next step, not the cause.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or is over its bound of requests in flight. Nothing is known of a write in
    /// flight; idempotent writes may be sent again after the given time. Clients get 503 with `Retry-After`.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// One line for the log.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A sync to disk failed or the disk is full: this process acknowledges nothing any more. Only a restart,
    /// after someone looked at the disk, mends it.
    #[error("the store stopped acknowledging writes: {reason}")]
    Poisoned {
        /// One line for the log.
        reason: String,
    },
    /// The store has looked at the request and rejects it, as it would any time: a right that the log-in has not, a
    /// table that is not as this version knows it. Nothing was done. An operator must mend it.
    #[error("the store rejects a request: {reason}")]
    Rejected {
        /// One line for the log, which says what to do.
        reason: String,
    },
    /// A row could not be decoded. The partition is left alone and reported; other partitions are fine.
    #[error("corrupt row in {table}: {reason}")]
    Corrupt {
        /// The table's name.
        table: &'static str,
        /// The key and what is wrong with it.
        reason: String,
    },
    /// The key or the value does not fit the table: a bug in the caller.
    #[error("misuse of table {table}: {reason}")]
    Misuse {
        /// The table's name.
        table: &'static str,
        /// What does not fit.
        reason: String,
    },
}

impl StoreError {
    /// A row of `table` that cannot be decoded.
    #[allow(clippy::needless_pass_by_value)]
    pub fn corrupt(table: &'static str, reason: impl ToString) -> Self {
        Self::Corrupt { table, reason: reason.to_string() }
    }

    /// Whether the same request may succeed later in this process.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
