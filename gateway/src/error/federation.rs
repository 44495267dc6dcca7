//! What goes wrong between servers.

use http::StatusCode;
use playhouse_federation::{
    AuthError, client::RequestError, egress::EgressError, keys::KeyError, x_matrix::Forged,
};
use ruma::{ServerName, api::error::ErrorCode};

use super::ApiError;

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match &error {
            AuthError::Denied(_) => Self::forbidden(error.to_string()),
            AuthError::Claim(_) => Self::unauthorized(error.to_string()),
            AuthError::Forged(Forged::Body(_)) => Self::bad_json(error.to_string()),
            AuthError::Forged(Forged::Signature) => Self::unauthorized(error.to_string()),
            AuthError::Key(KeyError::Busy | KeyError::Memory(_)) => Self::busy(error),
            AuthError::Key(KeyError::Unknown { .. } | KeyError::Expired { .. }) => {
                Self::unauthorized(error.to_string())
            }
            // Where our request went and what became of it is nobody else's business.
            AuthError::Key(KeyError::Unavailable { server, .. }) => {
                Self::unauthorized(format!("the keys of {server} cannot be had"))
            }
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        Self::from(AuthError::Key(error))
    }
}

impl ApiError {
    /// What a client is told when another server has not answered; `nothing` is for what that server does not know.
    pub fn of_remote(server: &ServerName, error: &RequestError, nothing: Self) -> Self {
        let failed = |status, what: &str| Self::new(status, ErrorCode::Unknown, format!("{server} {what}"));
        match error {
            RequestError::Denied => Self::forbidden(format!("This server does not talk to {server}")),
            RequestError::Refused { status: StatusCode::NOT_FOUND, .. } => nothing,
            RequestError::Egress(EgressError::Busy) => Self::busy(error),
            RequestError::Egress(EgressError::TooSlow) => {
                failed(StatusCode::GATEWAY_TIMEOUT, "does not answer in time")
            }
            RequestError::Paused | RequestError::Egress(_) => {
                failed(StatusCode::BAD_GATEWAY, "cannot be reached at the moment")
            }
            RequestError::Refused { .. } => failed(StatusCode::BAD_GATEWAY, "refuses to answer"),
            RequestError::Malformed(_) => {
                failed(StatusCode::BAD_GATEWAY, "gives an answer that makes no sense")
            }
            RequestError::NotSignable(_) => Self::internal(error),
        }
    }
}
