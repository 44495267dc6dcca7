//! Messages to devices of local users.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#mdirect_to_device>

use ruma::{DeviceId, OwnedUserId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Node,
    room::RoomError,
    user::{
        UserError,
        to_device::{Contents, SendToDevice, send_to_device},
    },
};

#[derive(Deserialize)]
struct Content {
    sender: OwnedUserId,
    #[serde(rename = "type")]
    kind: String,
    message_id: String,
    messages: Contents,
}

/// Delivers the messages, each once however often the EDU comes.
///
/// # Errors
/// They cannot be kept now.
pub(super) async fn receive(node: &Node, origin: &ServerName, content: &RawValue) -> Result<(), RoomError> {
    let Ok(content) = serde_json::from_str(content.get()) else { return Ok(()) };
    let Content { sender, kind, message_id, mut messages } = content;
    if sender.server_name() != origin {
        return Ok(());
    }
    messages.retain(|user, _| user.server_name() == node.server_name());
    // What names the message is the origin's, as what names a client's request is its device's.
    let device = <&DeviceId>::from(origin.as_str());
    let outcome = match SendToDevice::check((&sender, device), kind, message_id, messages) {
        Ok(request) => send_to_device(node, request).await,
        Err(refused) => Err(refused),
    };
    match outcome {
        Err(UserError::Unavailable { retry_after }) => Err(RoomError::Unavailable { retry_after }),
        Err(UserError::Busy) => Err(RoomError::Busy),
        Err(error) => {
            tracing::debug!(%origin, %error, "messages to devices are not taken");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
