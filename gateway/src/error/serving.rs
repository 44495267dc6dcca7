//! What another server is told that is not served.

use http::StatusCode;
use playhouse_actors::serving::ServingError;
use ruma::api::error::ErrorCode;

use crate::ApiError;

impl From<ServingError> for ApiError {
    fn from(error: ServingError) -> Self {
        let bad_request =
            |code, error: &ServingError| Self::new(StatusCode::BAD_REQUEST, code, error.to_string());
        match error {
            ServingError::NotFound(_) => Self::not_found(error.to_string()),
            ServingError::Forbidden(why) => Self::forbidden(why),
            ServingError::IncompatibleVersion(ref version) => {
                let version = version.to_string();
                bad_request(ErrorCode::IncompatibleRoomVersion, &error).with("room_version", version)
            }
            ServingError::UnableToAuthoriseJoin => bad_request(ErrorCode::UnableToAuthorizeJoin, &error),
            ServingError::UnableToGrantJoin => bad_request(ErrorCode::UnableToGrantJoin, &error),
            ServingError::Malformed(why) => Self::bad_json(why),
            ServingError::Room(error) => error.into(),
        }
    }
}
