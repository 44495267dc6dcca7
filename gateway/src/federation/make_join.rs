//! `GET /_matrix/federation/v1/make_join/{roomId}/{userId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid>

use playhouse_actors::serving::{Template, make};
use playhouse_federation::client::Step;
use ruma::{OwnedRoomId, OwnedUserId, api::federation::membership::prepare_join_event::v1::Request};

use super::known_versions::known_versions;
use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

/// Answers what a user of another server has to sign to join a room.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<Template>, ApiError> {
    let (room_id, user): (OwnedRoomId, OwnedUserId) = request.path()?;
    let versions = known_versions(&request)?;
    let made = make(cx.node(), &cx.caller.0, Step::Join, &room_id, &user, Some(&versions)).await?;
    Ok(Json(made))
}
