//! `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype>

use ruma::api::client::config::set_room_account_data::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Sets a room's account data of one type; the user's other devices hear of it in their syncs.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    let (kind, content) = (request.event_type.to_string(), request.data.into_json());
    let user = cx.node().users().handle(cx.user_id());
    user.put_account_data(Some(&request.room_id), &kind, content).await?;
    Ok(Response::new())
}
