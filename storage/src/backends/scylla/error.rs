//! What a driver's error means to the caller of an operation.

use std::time::Duration;

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use super::rejection::Rejection;
use crate::StoreError;

/// When a client should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A statement that gave no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not sent.
    Unsent(StoreError),
    /// The servers may have it.
    Sent(ExecutionError),
    /// It was answered, in words that we do not know.
    Unread(String),
}

impl Failure {
    /// Whether it surely did nothing.
    pub const fn is_harmless(&self) -> bool {
        match self {
            Self::Unsent(_) => true,
            Self::Sent(error) => never_ran(error),
            Self::Unread(_) => false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsent(error) => error.fmt(f),
            Self::Sent(error) => error.fmt(f),
            Self::Unread(reason) => f.write_str(reason),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unsent(error) => error,
            Failure::Sent(error) => match Rejection::of(&error) {
                Some(rejection) => rejection.with(&error),
                None => unavailable(one_line(&error)),
            },
            Failure::Unread(reason) => unavailable(one_line(&reason)),
        }
    }
}

/// The store cannot be asked now.
pub(super) fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { reason: reason.into(), retry_after: RETRY_AFTER }
}

/// An error in one line of a bearable length.
pub(super) fn one_line(error: &impl std::fmt::Display) -> String {
    const LONGEST: usize = 300;
    let line = error.to_string().replace(['\n', '\t'], " ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// Whether no server ran the statement. An answer of "unavailable" is no proof: a conditional write can get it when
/// it was accepted and is to be committed.
const fn never_ran(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => true,
        ExecutionError::LastAttemptError(error) => matches!(
            error,
            RequestAttemptError::SerializationError(_)
                | RequestAttemptError::CqlRequestSerialization(_)
                | RequestAttemptError::UnableToAllocStreamId
                | RequestAttemptError::DbError(
                    DbError::SyntaxError
                        | DbError::Invalid
                        | DbError::Unauthorized
                        | DbError::Unprepared { .. }
                        | DbError::IsBootstrapping,
                    _
                )
        ),
        _ => false,
    }
}
