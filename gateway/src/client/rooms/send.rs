//! `PUT /_matrix/client/*/rooms/{roomId}/send/{eventType}/{txnId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>

use playhouse_actors::sending;
use ruma::api::client::message::send_message_event::v3::{Request, Response};

use super::sender;
use crate::{ApiError, Context, IntoReply};

/// Sends a message event, once for each transaction id.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let kind = request.event_type.to_string();
    let content = request.body.into_json();
    let (room_id, id) = (&request.room_id, request.txn_id.as_str());
    let event_id = sending::send_message(cx.node(), sender(&cx), room_id, &kind, id, content).await?;
    Ok(Response::new(event_id))
}
