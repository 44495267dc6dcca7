//! What a client is told when a report is not taken.

use playhouse_actors::reports::ReportError;

use crate::ApiError;

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::NotFound(what) => Self::not_found(what),
            ReportError::ReasonTooLong => Self::invalid_param(error.to_string()),
            ReportError::Room(error) => error.into(),
        }
    }
}
