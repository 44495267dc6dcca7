//! `POST /_matrix/client/*/rooms/{roomId}/read_markers`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers>

use playhouse_actors::receipts::{ReceiptKind, Thread, set_fully_read, set_receipt};
use ruma::api::client::read_marker::set_read_marker::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Moves the caller's fully-read marker and receipts.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let (node, user, room_id) = (cx.node(), cx.user_id(), &request.room_id);
    if let Some(event_id) = &request.fully_read {
        set_fully_read(node, user, room_id, event_id).await?;
    }
    for (kind, event_id) in
        [(ReceiptKind::Public, &request.read_receipt), (ReceiptKind::Private, &request.private_read_receipt)]
    {
        if let Some(event_id) = event_id {
            set_receipt(node, user, room_id, kind, event_id, &Thread::Unthreaded).await?;
        }
    }
    Ok(Response::new())
}
