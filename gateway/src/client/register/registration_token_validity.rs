//! `GET /_matrix/client/*/register/m.login.registration_token/validity`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity>

use ruma::api::client::account::check_registration_token_validity::v1::{Request, Response};

use crate::{
    Anyone, ApiError, Context, IntoReply,
    limits::{Class, Whose},
};

/// Says whether a registration token would admit one more. Counted as registering is, or tokens could be guessed here.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    if !cx.config().registration.is_possible() {
        return Err(ApiError::forbidden("Registration is not enabled on this homeserver"));
    }
    cx.gateway().limits.take(Class::Registrations, Whose::Address(cx.request.address))?;
    Ok(Response::new(cx.node().accounts().registration_token_is_valid(&request.token).await?))
}
