//! To-device messages for users of other servers.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#mdirect_to_device>

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use playhouse_storage::tables::room_log::Transaction;
use ruma::{OwnedServerName, UserId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Contents;
use crate::{Node, user::UserError};

#[derive(Serialize)]
struct DirectToDevice<'a> {
    sender: &'a UserId,
    #[serde(rename = "type")]
    kind: &'a str,
    message_id: String,
    messages: Contents,
}

/// Has the messages of a transaction delivered to other servers; durable on return. Each server takes them once, however often
/// the transaction is repeated.
///
/// # Errors
/// [`UserError::Unavailable`]: some may be on their way; the same request again sends the others.
pub(super) async fn send(
    node: &Node,
    sender: &UserId,
    kind: &str,
    transaction: &Transaction,
    contents: Contents,
) -> Result<(), UserError> {
    let Some(outbound) = node.outbound() else { return Ok(()) };
    let mut by_server: BTreeMap<OwnedServerName, Contents> = BTreeMap::new();
    for (user, devices) in contents {
        by_server.entry(user.server_name().to_owned()).or_default().insert(user, devices);
    }
    for (server, messages) in by_server {
        let message_id = message_id(transaction);
        let content = DirectToDevice { sender, kind, message_id, messages };
        let sent = outbound.send_durable(&server, "m.direct_to_device", &content).await;
        sent.map_err(|_| UserError::retry())?;
    }
    Ok(())
}

/// What names the messages of a transaction: 32 characters, as many as the specification lets it have.
fn message_id(transaction: &Transaction) -> String {
    let Transaction { user, device, path, id } = transaction;
    let mut hash = Sha256::new();
    for part in [user, device, path, id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(&hash.finalize()[..24])
}
