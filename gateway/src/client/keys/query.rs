//! `POST /_matrix/client/v3/keys/query`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery>

use std::collections::BTreeMap;

use playhouse_actors::user::keys::query_all::query_keys;
use ruma::{OwnedUserId, api::client::keys::get_keys::v3::Request};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Failures, failures, time_to_answer};
use crate::{ApiError, context::Context, reply::Json};

type ByUser<T> = BTreeMap<OwnedUserId, T>;

/// What the caller may see of the keys asked for.
#[derive(Debug, Serialize)]
pub struct Answer {
    device_keys: ByUser<BTreeMap<String, Box<RawValue>>>,
    failures: Failures,
    master_keys: ByUser<Box<RawValue>>,
    self_signing_keys: ByUser<Box<RawValue>>,
    user_signing_keys: ByUser<Box<RawValue>>,
}

/// Looks up devices and keys of users.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Answer>, ApiError> {
    let time = time_to_answer(request.timeout);
    let found = query_keys(cx.node(), cx.user_id(), request.device_keys, time).await?;
    Ok(Json(Answer {
        device_keys: found.devices,
        failures: failures(found.unreachable),
        master_keys: found.master,
        self_signing_keys: found.self_signing,
        user_signing_keys: found.user_signing,
    }))
}
