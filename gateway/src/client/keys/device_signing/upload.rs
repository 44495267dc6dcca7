//! `POST /_matrix/client/v3/keys/device_signing/upload`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload>

use playhouse_actors::user::keys::{CrossSigningOutcome, CrossSigningUpload};
use ruma::{
    api::client::keys::upload_signing_keys::v3::{Request, Response},
    serde::Raw,
};

use crate::{ApiError, IntoReply, context::Context, uia};

/// Publishes the caller's cross-signing keys. Confirmed by password, unless they are the first or those already there.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let upload = CrossSigningUpload::check(
        cx.user_id(),
        request.master_key.map(Raw::into_json),
        request.self_signing_key.map(Raw::into_json),
        request.user_signing_key.map(Raw::into_json),
    )?;
    let user = cx.node().users().handle(cx.user_id());
    if user.upload_cross_signing(upload.clone(), false).await? == CrossSigningOutcome::AuthenticationNeeded {
        uia::confirm(&cx, request.auth.as_ref()).await?;
        let _published = user.upload_cross_signing(upload, true).await?;
    }
    Ok(Response::new())
}
