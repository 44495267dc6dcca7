//! `POST /_matrix/federation/v1/user/keys/claim`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim>

use std::collections::BTreeMap;

use playhouse_actors::user::keys::{WantedKey, claim_all::claim_local_keys};
use ruma::{OwnedUserId, api::federation::keys::claim_keys::v1::Request};
use serde::Serialize;

use crate::{
    ApiError, Context, Json, Origin,
    client::keys::{ByDevice, by_device},
    federation::must_be_ours,
};

/// The keys, by user, device and name.
#[derive(Debug, Serialize)]
pub struct Answer {
    one_time_keys: BTreeMap<OwnedUserId, ByDevice>,
}

/// Gives another server one-time keys of devices of our users.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Json<Answer>, ApiError> {
    for user in request.one_time_keys.keys() {
        must_be_ours(&cx, user.server_name())?;
    }
    let wanted = request.one_time_keys.into_iter().map(|(user, devices)| {
        let devices = devices
            .into_iter()
            .map(|(device, algorithm)| WantedKey { device: device.into(), algorithm: algorithm.to_string() });
        (user, devices.collect())
    });
    let claimed = claim_local_keys(cx.node(), wanted.collect()).await?;
    let one_time_keys = claimed.keys.into_iter().map(|(user, keys)| (user, by_device(keys))).collect();
    Ok(Json(Answer { one_time_keys }))
}
