//! `GET /_matrix/federation/v1/event/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid>

use playhouse_actors::serving;
use ruma::{OwnedEventId, api::federation::event::get_event::v1::Request};

use super::event_list::EventList;
use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

/// Answers one event.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<EventList>, ApiError> {
    let (event_id,): (OwnedEventId,) = request.path()?;
    let event = serving::event(cx.node(), &cx.caller.0, &event_id).await?;
    Ok(Json(EventList::now(&cx, vec![event])))
}
