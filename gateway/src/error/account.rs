//! What a client is told when an account operation is refused.

use http::StatusCode;
use playhouse_actors::accounts::AccountError;
use ruma::api::error::ErrorCode;

use crate::ApiError;

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let bad_request = |code, message: &'static str| Self::new(StatusCode::BAD_REQUEST, code, message);
        match error {
            AccountError::UnknownToken => Self::unknown_token(false),
            AccountError::ExpiredToken => Self::unknown_token(true),
            AccountError::Locked => Self::user_locked(),
            AccountError::InvalidUsername(reason) => bad_request(ErrorCode::InvalidUsername, reason),
            AccountError::UserInUse => bad_request(ErrorCode::UserInUse, "This user name is taken"),
            AccountError::WeakPassword(reason) => bad_request(ErrorCode::WeakPassword, reason),
            AccountError::PasswordTooLong => Self::invalid_param("The password is too long"),
            AccountError::InvalidDeviceId => bad_request(ErrorCode::InvalidParam, "This is no device id"),
            AccountError::DeviceIdIsKey => Self::forbidden("A cross-signing key has this id"),
            AccountError::WrongCredentials => Self::forbidden("Wrong user name or password"),
            AccountError::UnknownUser => Self::not_found("There is no such user"),
            AccountError::UnknownDevice => Self::not_found("There is no such device"),
            AccountError::Busy => Self::busy("too many passwords are being checked"),
            AccountError::Store(error) => error.into(),
            AccountError::Internal(cause) => Self::internal(cause),
        }
    }
}
