//! `PUT /_matrix/client/*/rooms/{roomId}/redact/{eventId}/{txnId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid>

use playhouse_actors::sending;
use ruma::api::client::redact::redact_event::v3::{Request, Response};

use super::sender;
use crate::{ApiError, Context, IntoReply};

/// Redacts an event.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let redaction = sending::redact(
        cx.node(),
        sender(&cx),
        &request.room_id,
        &request.event_id,
        request.txn_id.as_str(),
        request.reason.as_deref(),
    );
    Ok(Response::new(redaction.await?))
}
