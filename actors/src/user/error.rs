//! Why a user's stream refused a request.

use std::time::Duration;

use playhouse_rules::push::PushRuleError;
use playhouse_storage::StoreError;

/// A refusal or failure of a user operation. Each variant is one answer to the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UserError {
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request is malformed; the text says how.
    #[error("{0}")]
    Invalid(String),
    /// The request is JSON of the wrong shape; the text says where.
    #[error("{0}")]
    Malformed(String),
    /// The request lacks something.
    #[error("{0}")]
    MissingParam(String),
    /// A signature is missing or wrong.
    #[error("{0}")]
    InvalidSignature(String),
    /// The request is not allowed; the text says why.
    #[error("{0}")]
    Forbidden(String),
    /// A key backup is not at the version that the request names.
    #[error("the backup is at version {current}")]
    WrongBackupVersion {
        /// The current version.
        current: String,
    },
    /// The request passes a named bound.
    #[error("{0}")]
    TooLarge(String),
    /// What the user keeps here would pass a named bound; something else has to go first.
    #[error("{0}")]
    Full(String),
    /// The profile would pass 64 KiB.
    #[error("a profile may hold 64 KiB")]
    ProfileTooLarge,
    /// The server manages this type of account data itself.
    #[error("Cannot set {0} through this API")]
    ServerManaged(String),
    /// The name of a profile field is too long.
    #[error("a profile field's name may be 255 bytes long")]
    KeyTooLarge,
    /// A change of the push rules is refused.
    #[error(transparent)]
    PushRule(PushRuleError),
    /// As much of the sender as may wait for a device waits for it already.
    #[error("too many messages of yours wait for a device of this user; it has to read them first")]
    InboxFull,
    /// Too many requests wait for this user already.
    #[error("too many requests wait for this user")]
    Busy,
    /// The store does not answer; the request may be sent again.
    #[error("the server cannot write at the moment")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// Stored rows cannot be read.
    #[error("the user's data cannot be read: {0}")]
    Corrupt(String),
}

impl UserError {
    /// A failure that a retry in a moment will mend.
    pub const fn retry() -> Self {
        Self::Unavailable { retry_after: Duration::from_secs(1) }
    }
}

impl From<StoreError> for UserError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { retry_after, .. } => Self::Unavailable { retry_after },
            StoreError::Poisoned { .. } | StoreError::Rejected { .. } => {
                Self::Unavailable { retry_after: Duration::from_secs(30) }
            }
            StoreError::Corrupt { .. } | StoreError::Misuse { .. } => Self::Corrupt(error.to_string()),
        }
    }
}
