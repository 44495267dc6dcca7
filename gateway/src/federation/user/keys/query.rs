//! `POST /_matrix/federation/v1/user/keys/query`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery>

use std::collections::BTreeMap;

use playhouse_actors::user::keys::{KeyQuery, QueriedKeys};
use ruma::{OwnedUserId, api::federation::keys::get_keys::v1::Request};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    ApiError, Context, Json, Origin,
    federation::{must_be_ours, user::shares_device_names},
};

type ByUser<T> = BTreeMap<OwnedUserId, T>;

/// The keys of the users asked for.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(rename = "device_keys")]
    devices: ByUser<BTreeMap<String, Box<RawValue>>>,
    #[serde(rename = "master_keys")]
    master: ByUser<Box<RawValue>>,
    #[serde(rename = "self_signing_keys")]
    self_signing: ByUser<Box<RawValue>>,
}

/// Tells another server the keys of users of this one.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Json<Answer>, ApiError> {
    for user in request.device_keys.keys() {
        must_be_ours(&cx, user.server_name())?;
    }
    let query = KeyQuery { store: cx.node().store(), asker: None, with_names: shares_device_names(&cx) };
    let found = query.run(request.device_keys).await?;
    let QueriedKeys { devices, master, self_signing, .. } = found;
    Ok(Json(Answer { devices, master, self_signing }))
}
