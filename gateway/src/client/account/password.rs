//! `POST /_matrix/client/*/account/password`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword>

use std::sync::Arc;

use playhouse_actors::accounts::Session;
use ruma::api::client::account::change_password::v3::{Request, Response};

use crate::{
    ApiError, Context, IntoReply,
    uia::{Attempt, Flows},
};

/// Sets a new password. The old one confirms it, with an access token or without; the device that asks stays logged in.
pub async fn handler(
    cx: Context<Option<Arc<Session>>>,
    request: Request,
) -> Result<impl IntoReply, ApiError> {
    let caller = cx.caller.as_deref();
    let attempt = Attempt::new(cx.gateway(), &cx.request, caller.map(|session| &*session.user_id))?;
    let proof = attempt.complete(&Flows::password(), request.auth.as_ref()).await?;
    let user = proof.user.ok_or_else(|| ApiError::internal("a password was checked and nobody's"))?;

    let keep = caller.map(|session| &session.device_id);
    let accounts = cx.node().accounts();
    accounts.change_password(&user, &request.new_password, keep, request.logout_devices).await?;
    Ok(Response::new())
}
