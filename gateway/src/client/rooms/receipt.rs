//! `POST /_matrix/client/*/rooms/{roomId}/receipt/{receiptType}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid>

use playhouse_actors::receipts::{ReceiptKind, Thread, set_fully_read, set_receipt};
use ruma::{
    OwnedEventId, OwnedRoomId,
    api::client::receipt::create_receipt::v3::{ReceiptType, Request, Response},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{ApiError, Context, IntoReply, client::loose::Loose};

#[derive(Debug, Deserialize)]
struct Body {
    thread_id: Option<Value>,
}

/// Sets a receipt, or the fully-read marker.
pub async fn handler(cx: Context, request: Loose<Request>) -> Result<impl IntoReply, ApiError> {
    let (room_id, kind, event_id): (OwnedRoomId, ReceiptType, OwnedEventId) = request.path()?;
    let body: Body = cx.request.body_as()?;
    let kind = match kind {
        ReceiptType::Read => ReceiptKind::Public,
        ReceiptType::ReadPrivate => ReceiptKind::Private,
        ReceiptType::FullyRead if body.thread_id.is_some() => {
            return Err(ApiError::invalid_param("m.fully_read has no thread"));
        }
        ReceiptType::FullyRead => {
            set_fully_read(cx.node(), cx.user_id(), &room_id, &event_id).await?;
            return Ok(Response::new());
        }
        other => return Err(ApiError::invalid_param(format!("{other} is no type of receipt"))),
    };
    let thread = thread(body.thread_id.as_ref())?;
    set_receipt(cx.node(), cx.user_id(), &room_id, kind, &event_id, &thread).await?;
    Ok(Response::new())
}

/// > The `thread_id` is invalid in some way. For example: It is not a string. It is empty.
fn thread(thread_id: Option<&Value>) -> Result<Thread, ApiError> {
    match thread_id {
        None => Ok(Thread::Unthreaded),
        Some(thread_id) => thread_id
            .as_str()
            .and_then(Thread::parse)
            .ok_or_else(|| ApiError::invalid_param("thread_id must be `main` or the id of an event")),
    }
}
