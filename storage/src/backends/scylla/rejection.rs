//! Statements that the cluster has looked at and rejects: no try again would help, an operator must.

use std::time::Duration;

use parking_lot::Mutex;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use tokio::time::Instant;

use super::error::one_line;
use crate::{StoreError, metrics::Rejected};

/// How often a kind of rejection that lasts is told in the log.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Why a statement is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    /// The log-in may not do it.
    Unauthorized,
    /// It does not fit the tables or the limits of the cluster.
    Invalid,
    /// The cluster does not understand it.
    Syntax,
}

impl Rejection {
    /// The rejection that an error is, if it is one.
    pub const fn of(error: &ExecutionError) -> Option<Self> {
        match error {
            ExecutionError::LastAttemptError(error) => Self::of_attempt(error),
            ExecutionError::PrepareError(error) => Self::of_preparation(error),
            _ => None,
        }
    }

    /// The same of a statement that was to be prepared.
    pub const fn of_preparation(error: &PrepareError) -> Option<Self> {
        match error {
            PrepareError::AllAttemptsFailed { first_attempt } => Self::of_attempt(first_attempt),
            _ => None,
        }
    }

    const fn of_attempt(error: &RequestAttemptError) -> Option<Self> {
        match error {
            RequestAttemptError::DbError(DbError::Unauthorized, _) => Some(Self::Unauthorized),
            RequestAttemptError::DbError(DbError::Invalid, _) => Some(Self::Invalid),
            RequestAttemptError::DbError(DbError::SyntaxError, _) => Some(Self::Syntax),
            _ => None,
        }
    }

    /// What the caller gets, with what an operator can do.
    pub fn with(self, error: &impl std::fmt::Display) -> StoreError {
        let what = one_line(error);
        let reason = match self {
            Self::Unauthorized => {
                format!("{what}; grant SELECT and MODIFY on the keyspace to the role of scylla.user")
            }
            Self::Invalid => format!(
                "{what}; where a table or a column is missing, start the server again, which makes it; where a limit of \
                 the cluster is passed, raise that"
            ),
            Self::Syntax => format!("{what}; the cluster must run ScyllaDB, or Apache Cassandra 4 or newer"),
        };
        StoreError::Rejected { reason }
    }
}

/// Counts rejections, and tells of them now and then.
pub(super) struct Rejections {
    counters: Rejected,
    told: Mutex<Option<Instant>>,
}

impl Rejections {
    pub const fn new(counters: Rejected) -> Self {
        Self { counters, told: Mutex::new(None) }
    }

    /// Counts one.
    pub fn count(&self, rejection: Rejection, error: &impl std::fmt::Display) {
        match rejection {
            Rejection::Unauthorized => self.counters.unauthorized.increment(1),
            Rejection::Invalid => self.counters.invalid.increment(1),
            Rejection::Syntax => self.counters.syntax.increment(1),
        }
        let mut told = self.told.lock();
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            tracing::error!("{}", rejection.with(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(error: DbError) -> ExecutionError {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "no such thing".to_owned()))
    }

    #[test]
    fn what_only_an_operator_can_mend_is_no_passing_trouble() {
        for (error, advice) in [
            (DbError::Unauthorized, "grant SELECT and MODIFY"),
            (DbError::Invalid, "start the server again"),
            (DbError::SyntaxError, "the cluster must run"),
        ] {
            let error = refused(error);
            let meant = StoreError::from(super::super::error::Failure::Sent(error));
            assert!(!meant.is_transient(), "{meant}");
            assert!(meant.to_string().contains(advice), "{meant}");
            assert!(meant.to_string().contains("no such thing"), "{meant}");
        }
        assert_eq!(Rejection::of(&refused(DbError::Overloaded)), None);
    }

    #[test]
    fn a_statement_that_cannot_be_prepared_is_rejected_as_one_that_runs() {
        let first_attempt = RequestAttemptError::DbError(DbError::Invalid, "unconfigured table".to_owned());
        let error = ExecutionError::PrepareError(PrepareError::AllAttemptsFailed { first_attempt });
        assert_eq!(Rejection::of(&error), Some(Rejection::Invalid));
    }
}
