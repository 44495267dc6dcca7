//! `POST /_matrix/client/*/account/deactivate`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate>

use std::sync::Arc;

use playhouse_actors::accounts::Session;
use ruma::api::client::account::{
    ThirdPartyIdRemovalStatus,
    deactivate::v3::{Request, Response},
};

use crate::{
    ApiError, Context, IntoReply,
    uia::{Attempt, Flows},
};

/// Ends an account, confirmed by its password, with an access token or without.
pub async fn handler(
    cx: Context<Option<Arc<Session>>>,
    request: Request,
) -> Result<impl IntoReply, ApiError> {
    let caller = cx.caller.as_deref().map(|session| &*session.user_id);
    let attempt = Attempt::new(cx.gateway(), &cx.request, caller)?;
    let proof = attempt.complete(&Flows::password(), request.auth.as_ref()).await?;
    let user = proof.user.ok_or_else(|| ApiError::internal("a password was checked and nobody's"))?;

    cx.node().accounts().deactivate(&user, request.erase).await?;
    // There are no third-party ids to unbind, which the specification calls a success.
    Ok(Response::new(ThirdPartyIdRemovalStatus::Success))
}
