//! `PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid>

use playhouse_actors::user::to_device::{SendToDevice, send_to_device};
use ruma::api::client::to_device::send_event_to_device::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// The most bytes of a request.
pub const MOST_BODY_BYTES: usize = 4 << 20;

/// Sends messages to devices, each once however often the request is repeated.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let contents = request.messages.into_iter().map(|(user, devices)| {
        (
            user,
            devices.into_iter().map(|(device, content)| (device.to_string(), content.into_json())).collect(),
        )
    });
    let request = SendToDevice::check(
        (cx.user_id(), cx.device_id()),
        request.event_type.to_string(),
        request.txn_id.to_string(),
        contents.collect(),
    )?;
    send_to_device(cx.node(), request).await?;
    Ok(Response::new())
}
