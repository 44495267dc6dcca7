//! `POST /_matrix/client/v3/keys/claim`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim>

use std::collections::BTreeMap;

use playhouse_actors::user::keys::{WantedKey, claim_all::claim_keys};
use ruma::{OwnedUserId, api::client::keys::claim_keys::v3::Request};
use serde::Serialize;

use super::{ByDevice, Failures, by_device, failures, time_to_answer};
use crate::{ApiError, context::Context, reply::Json};

/// The keys, by user, device and name.
#[derive(Debug, Serialize)]
pub struct Answer {
    failures: Failures,
    one_time_keys: BTreeMap<OwnedUserId, ByDevice>,
}

/// Takes one-time keys of devices, to begin encrypted sessions with them.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Answer>, ApiError> {
    let wanted = request.one_time_keys.into_iter().map(|(user, devices)| {
        let devices = devices
            .into_iter()
            .map(|(device, algorithm)| WantedKey { device: device.into(), algorithm: algorithm.to_string() });
        (user, devices.collect())
    });
    let time = time_to_answer(request.timeout);
    let claimed = claim_keys(cx.node(), wanted.collect(), time).await?;
    let one_time_keys = claimed.keys.into_iter().map(|(user, keys)| (user, by_device(keys))).collect();
    Ok(Json(Answer { failures: failures(claimed.unreachable), one_time_keys }))
}
