//! Whether an attempt at a stage succeeds.

use http::StatusCode;
use ruma::{api::client::uiaa::AuthData, api::error::ErrorCode};

use super::{Attempt, Proof};
use crate::{ApiError, password};

/// A stage that was not completed.
#[derive(Debug)]
pub enum Failure {
    /// The client may try again.
    Again(ApiError),
    /// The request is refused, or the server failed.
    Refused(ApiError),
}

/// Checks what the client submitted for a stage.
pub async fn check(attempt: &Attempt<'_>, auth: &AuthData) -> Result<Proof, Failure> {
    match auth {
        AuthData::Dummy(_) | AuthData::Terms(_) => Ok(Proof::default()),
        AuthData::Password(given) => {
            let named = password::named(&given.identifier);
            let named =
                named.ok_or_else(|| Failure::Again(ApiError::forbidden("Unknown kind of identifier")))?;
            by_password(attempt, named, &given.password).await
        }
        AuthData::RegistrationToken(given) => by_registration_token(attempt, &given.token).await,
        _ => Err(Failure::Again(ApiError::unrecognized_stage())),
    }
}

async fn by_password(attempt: &Attempt<'_>, named: &str, password: &str) -> Result<Proof, Failure> {
    let user = match password::verify(attempt.gateway, attempt.address, named, password).await {
        Ok(user) => user,
        Err(error) if error.status() == StatusCode::FORBIDDEN => return Err(Failure::Again(error)),
        Err(error) => return Err(Failure::Refused(error)),
    };
    if attempt.user.is_some_and(|expected| expected != user) {
        return Err(Failure::Refused(ApiError::forbidden("This is another user's password")));
    }
    Ok(Proof { user: Some(user), ..Proof::default() })
}

async fn by_registration_token(attempt: &Attempt<'_>, token: &str) -> Result<Proof, Failure> {
    let is_valid = attempt.gateway.node.accounts().registration_token_is_valid(token).await;
    if is_valid.map_err(|error| Failure::Refused(error.into()))? {
        return Ok(Proof { registration_token: Some(token.to_owned()), ..Proof::default() });
    }
    let message = "This registration token is not known, or used up";
    Err(Failure::Again(ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)))
}

impl ApiError {
    /// A stage that no flow has next.
    pub(super) fn unrecognized_stage() -> Self {
        let message = "This stage is not the next of any flow";
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unrecognized, message)
    }
}
