//! `GET /_matrix/federation/v1/user/devices/{userId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid>

use playhouse_actors::user::{UserError, keys::published::published};
use ruma::{OwnedUserId, api::federation::device::get_devices::v1::Request};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    ApiError, Context, Json, Origin,
    federation::{must_be_ours, user::shares_device_names},
};

/// The devices of a user that have published keys.
#[derive(Debug, Serialize)]
pub struct Answer {
    user_id: OwnedUserId,
    stream_id: i64,
    devices: Vec<Device>,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_signing_key: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct Device {
    #[serde(rename = "device_id")]
    id: String,
    #[serde(rename = "device_display_name", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    keys: Box<RawValue>,
}

/// Tells another server all devices and keys of a user of this one, and which news of them it need not hear any more.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Json<Answer>, ApiError> {
    let user_id = request.user_id;
    must_be_ours(&cx, user_id.server_name())?;
    let node = cx.node();
    let published = published(node.store(), &user_id, node.clocks().closed(), shares_device_names(&cx)).await;
    let published = published.map_err(UserError::from)?;
    let devices = published.devices.into_iter();
    let devices =
        devices.filter_map(|(id, device)| Some(Device { id, name: device.name, keys: device.keys? }));
    Ok(Json(Answer {
        stream_id: published.stream_id,
        devices: devices.collect(),
        master_key: published.master,
        self_signing_key: published.self_signing,
        user_id,
    }))
}
