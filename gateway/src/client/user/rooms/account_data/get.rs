//! `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype>

use ruma::api::client::config::get_room_account_data::v3::Request;

use crate::{ApiError, context::Context, reply::RawJson};

/// The content of a room's account data of one type.
pub async fn handler(cx: Context, request: Request) -> Result<RawJson, ApiError> {
    cx.must_be(&request.user_id)?;
    let data = cx.node().users().feed(cx.user_id()).await?.data();
    let content = data.account_data(request.room_id.as_str(), &request.event_type.to_string());
    content.map(RawJson::from).ok_or_else(|| ApiError::not_found("Room account data not found"))
}
