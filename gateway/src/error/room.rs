//! What a client is told when a room refuses a request.

use std::time::Duration;

use http::StatusCode;
use playhouse_actors::{receipts::ReceiptError, room::RoomError, sending::SendError};
use ruma::api::error::ErrorCode;

use crate::ApiError;

/// When a client asks again whose requests fill a room.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::UnknownRoom => Self::not_found("There is no such room on this server"),
            RoomError::Forbidden(why) => Self::forbidden(why),
            RoomError::BadEvent(why) => Self::bad_json(why),
            RoomError::TooLarge(why) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, why),
            RoomError::BadState(why) => Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadState, why),
            RoomError::RestrictedJoinNotAllowed | RoomError::NobodyMayGrant => {
                Self::forbidden(error.to_string())
            }
            RoomError::Busy => {
                tracing::debug!(rule = "room_permits", "too many requests wait for one room");
                Self::limit_exceeded(BUSY_RETRY_AFTER)
            }
            RoomError::Quarantined { retry_after } | RoomError::Unavailable { retry_after } => {
                Self::unavailable(retry_after, error)
            }
            RoomError::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::TransactionIdTooLong => Self::invalid_param("A transaction id has at most 255 bytes"),
            SendError::Suspended => Self::user_suspended(),
            SendError::NothingToRedact => Self::not_found("There is no such event in this room"),
            SendError::BadContent(why) => Self::bad_json(why),
            SendError::Alias(error) => error.into(),
            SendError::Membership(error) => error.into(),
            SendError::Room(error) => error.into(),
        }
    }
}

impl From<ReceiptError> for ApiError {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::UnknownEvent => Self::not_found("There is no such event in this room"),
            ReceiptError::OtherThread => Self::invalid_param("The event is not in this thread"),
            ReceiptError::Room(error) => error.into(),
            ReceiptError::User(error) => error.into(),
        }
    }
}
