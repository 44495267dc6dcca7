//! What a client is told when its user's stream refuses a request.

use std::time::Duration;

use http::StatusCode;
use playhouse_actors::user::UserError;
use playhouse_rules::push::PushRuleError;
use ruma::api::error::ErrorCode;

use crate::ApiError;

/// When a client asks again whose requests fill its user's stream.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// When a client asks again whose messages fill the inbox of a device: that device has to come first.
const INBOX_RETRY_AFTER: Duration = Duration::from_mins(1);

impl From<PushRuleError> for ApiError {
    fn from(error: PushRuleError) -> Self {
        let bad_request = |code| Self::new(StatusCode::BAD_REQUEST, code, error.to_string());
        match error {
            PushRuleError::NotFound => Self::not_found(error.to_string()),
            PushRuleError::UnknownNeighbor | PushRuleError::DefaultNeighbor => {
                bad_request(ErrorCode::Unknown)
            }
            PushRuleError::ReservedId
            | PushRuleError::InvalidId
            | PushRuleError::DefaultRule
            | PushRuleError::UnknownKind
            | PushRuleError::UnknownAction => bad_request(ErrorCode::InvalidParam),
            PushRuleError::TooLarge { .. } => bad_request(ErrorCode::TooLarge),
        }
    }
}

impl From<UserError> for ApiError {
    fn from(error: UserError) -> Self {
        let bad_request = |code, message: String| Self::new(StatusCode::BAD_REQUEST, code, message);
        match error {
            UserError::NotFound(message) => Self::not_found(message),
            UserError::Invalid(message) => Self::invalid_param(message),
            UserError::Forbidden(message) => Self::forbidden(message),
            UserError::WrongBackupVersion { ref current } => {
                let code = ErrorCode::WrongRoomKeysVersion;
                Self::new(StatusCode::FORBIDDEN, code, error.to_string())
                    .with("current_version", current.clone())
            }
            UserError::Malformed(message) => Self::bad_json(message),
            UserError::MissingParam(message) => Self::missing_param(message),
            UserError::InvalidSignature(message) => {
                bad_request(ErrorCode::from("M_INVALID_SIGNATURE"), message)
            }
            UserError::ServerManaged(_) => {
                Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadJson, error.to_string())
            }
            UserError::TooLarge(message) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, message)
            }
            UserError::Full(message) => bad_request(ErrorCode::ResourceLimitExceeded, message),
            UserError::ProfileTooLarge => bad_request(ErrorCode::ProfileTooLarge, error.to_string()),
            UserError::KeyTooLarge => bad_request(ErrorCode::KeyTooLarge, error.to_string()),
            UserError::PushRule(error) => error.into(),
            UserError::Busy => {
                tracing::debug!(rule = "user_permits", "too many requests wait for one user");
                Self::limit_exceeded(BUSY_RETRY_AFTER)
            }
            UserError::InboxFull => {
                tracing::debug!(rule = "to_device_inbox", "a sender's share of a device's inbox is full");
                let text = error.to_string();
                Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::LimitExceeded, text)
                    .retry_after(INBOX_RETRY_AFTER)
            }
            UserError::Unavailable { retry_after } => Self::unavailable(retry_after, error),
            UserError::Corrupt(_) => Self::internal(error),
        }
    }
}
