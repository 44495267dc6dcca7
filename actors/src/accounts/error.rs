//! Why an account operation was refused or failed.

use playhouse_storage::StoreError;

/// A refusal, or a failure of the store. Variants say what the caller is told.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// No device has this token (any more).
    #[error("the token is not known")]
    UnknownToken,
    /// The token's time is over; a refresh or a new login on the same device goes on.
    #[error("the token has expired")]
    ExpiredToken,
    /// The account is locked.
    #[error("the account is locked")]
    Locked,
    /// The user name cannot be registered.
    #[error("invalid user name: {0}")]
    InvalidUsername(&'static str),
    /// The user name is taken, by a living account or a deactivated one.
    #[error("the user name is taken")]
    UserInUse,
    /// The password is refused.
    #[error("weak password: {0}")]
    WeakPassword(&'static str),
    /// The password is longer than anything would check.
    #[error("the password is too long")]
    PasswordTooLong,
    /// The device id cannot be used.
    #[error("invalid device id")]
    InvalidDeviceId,
    /// A cross-signing key of the user has this id.
    #[error("the device id is that of a cross-signing key")]
    DeviceIdIsKey,
    /// Wrong password, unknown user, deactivated user or used login token: which of them, nobody is told.
    #[error("wrong credentials")]
    WrongCredentials,
    /// There is no such account here.
    #[error("unknown user")]
    UnknownUser,
    /// The user has no such device.
    #[error("unknown device")]
    UnknownDevice,
    /// Too many passwords wait to be checked; try again in a moment.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug; the text is for the log.
    #[error("internal error: {0}")]
    Internal(String),
}
