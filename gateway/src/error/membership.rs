//! What a client is told when a membership does not change, an alias cannot be had, or a room is not founded.

use http::StatusCode;
use playhouse_actors::{aliases::AliasError, founding::FoundingError, joining::MembershipError};
use ruma::api::error::ErrorCode;

use crate::ApiError;

impl From<MembershipError> for ApiError {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::UnknownRoom | MembershipError::NoServer => Self::not_found(error.to_string()),
            MembershipError::Refused { ref errcode, .. } => refused(errcode, &error),
            MembershipError::NotReached { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, ErrorCode::Unknown, error.to_string())
            }
            MembershipError::OtherServer { .. } => Self::forbidden(error.to_string()),
            MembershipError::InviteBlocked { .. } => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::InviteBlocked, error.to_string())
            }
            MembershipError::BadContent(why) => Self::bad_json(why),
            MembershipError::Room(error) => error.into(),
            MembershipError::User(error) => error.into(),
        }
    }
}

/// What another server's refusal is for our client: the reason stays the same where it is one that clients know.
fn refused(errcode: &str, error: &MembershipError) -> ApiError {
    let (status, code) = match errcode {
        "M_NOT_FOUND" => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
        "M_UNABLE_TO_AUTHORISE_JOIN" => (StatusCode::BAD_REQUEST, ErrorCode::UnableToAuthorizeJoin),
        "M_UNABLE_TO_GRANT_JOIN" => (StatusCode::BAD_REQUEST, ErrorCode::UnableToGrantJoin),
        "M_INCOMPATIBLE_ROOM_VERSION" => (StatusCode::BAD_REQUEST, ErrorCode::UnsupportedRoomVersion),
        "M_LIMIT_EXCEEDED" => (StatusCode::BAD_GATEWAY, ErrorCode::Unknown),
        _ => (StatusCode::FORBIDDEN, ErrorCode::Forbidden),
    };
    ApiError::new(status, code, error.to_string())
}

impl From<AliasError> for ApiError {
    fn from(error: AliasError) -> Self {
        match error {
            AliasError::BadName(why) | AliasError::Malformed(why) => Self::invalid_param(why),
            AliasError::Taken => {
                Self::new(StatusCode::CONFLICT, ErrorCode::Unknown, "This alias exists already")
            }
            AliasError::Unknown => Self::not_found("There is no such alias on this server"),
            AliasError::NotYours => Self::forbidden(error.to_string()),
            AliasError::LeadsElsewhere { .. } => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadAlias, error.to_string())
            }
            AliasError::Room(error) => error.into(),
        }
    }
}

impl From<FoundingError> for ApiError {
    fn from(error: FoundingError) -> Self {
        let bad_request = |code, why: String| Self::new(StatusCode::BAD_REQUEST, code, why);
        match error {
            FoundingError::UnsupportedVersion(_) => {
                bad_request(ErrorCode::UnsupportedRoomVersion, error.to_string())
            }
            FoundingError::Malformed(why) => Self::bad_json(why),
            FoundingError::InvalidState(_) => bad_request(ErrorCode::InvalidRoomState, error.to_string()),
            FoundingError::Alias(AliasError::Taken) => bad_request(ErrorCode::RoomInUse, error.to_string()),
            FoundingError::Alias(error) => error.into(),
            FoundingError::Membership(error) => error.into(),
            FoundingError::Room(error) => error.into(),
        }
    }
}
