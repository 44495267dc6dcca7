//! `PUT /_matrix/federation/v1/send_join/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_joinroomideventid>

use playhouse_actors::serving::{SentJoin, send_join};
use ruma::{
    OwnedEventId, OwnedRoomId,
    api::{
        IncomingRequest, Metadata,
        error::DeserializationError,
        federation::{authentication::ServerSignatures, membership::create_join_event::v2},
        path_builder::SinglePath,
    },
};

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

/// The request, which ruma has no type for any more: that of `v2` at another path.
#[derive(Debug)]
pub struct Request;

impl Metadata for Request {
    const METHOD: http::Method = v2::Request::METHOD;
    const RATE_LIMITED: bool = v2::Request::RATE_LIMITED;
    type Authentication = ServerSignatures;
    type PathBuilder = SinglePath;
    const PATH_BUILDER: SinglePath = SinglePath::new("/_matrix/federation/v1/send_join/{room_id}/{event_id}");
}

impl IncomingRequest for Request {
    type EndpointError = ruma::api::error::Error;
    type OutgoingResponse = v2::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        _: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(Self)
    }
}

/// Takes the join of a user of another server in, and answers the room.
pub async fn handler(
    cx: Context<Origin>,
    request: Loose<Request>,
) -> Result<Json<(u16, SentJoin)>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let event = cx.request.body_as()?;
    let sent = send_join(cx.node(), &cx.caller.0, &room_id, &event_id, event).await?;
    Ok(Json((200, sent)))
}
