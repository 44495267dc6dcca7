//! `POST /_matrix/client/v3/keys/upload`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload>

use std::collections::BTreeMap;

use playhouse_actors::user::keys::{KeyUpload, upload::NamedKeys};
use ruma::{
    OwnedOneTimeKeyId, api::client::keys::upload_keys::v3::Request, encryption::OneTimeKey, serde::Raw,
};
use serde::Serialize;

use crate::{ApiError, context::Context, reply::Json};

/// How many one-time keys are left.
#[derive(Debug, Serialize)]
pub struct Answer {
    one_time_key_counts: BTreeMap<String, u64>,
}

/// Publishes keys of the device that asks.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Answer>, ApiError> {
    let upload = KeyUpload::check(
        cx.user_id(),
        cx.device_id(),
        request.device_keys.map(Raw::into_json),
        named(request.one_time_keys),
        named(request.fallback_keys),
    )?;
    let one_time_key_counts =
        cx.node().users().handle(cx.user_id()).upload_keys(cx.device_id(), upload).await?;
    Ok(Json(Answer { one_time_key_counts }))
}

fn named(keys: BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>) -> NamedKeys {
    keys.into_iter().map(|(name, key)| (name.to_string(), key.into_json())).collect()
}
