//! `GET /_matrix/client/*/rooms/{roomId}/messages`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages>

use playhouse_actors::{
    history::page::Place,
    reading::{HistoryWish, Reading},
    timeline::page::Direction,
};
use ruma::{OwnedRoomId, UInt, api::client::message::get_message_events::v3::Request};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{filter, place, reader};
use crate::{ApiError, Context, IntoReply, Json, client::loose::Loose};

/// Events on a page where the client names no number.
const DEFAULT_LIMIT: u64 = 10;

#[derive(Debug, Deserialize)]
struct Query {
    from: Option<String>,
    to: Option<String>,
    dir: Option<ruma::api::Direction>,
    limit: Option<UInt>,
    filter: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    chunk: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    state: Vec<Box<RawValue>>,
}

/// Shows a page of a room's history. Whether the caller may read the room is told before what is wrong with the query.
pub async fn handler(cx: Context, request: Loose<Request>) -> Result<impl IntoReply, ApiError> {
    let (room_id,): (OwnedRoomId,) = request.path()?;
    let reading = Reading::open(cx.node(), &room_id, cx.user_id()).await?;
    let query: Query = request.query()?;
    let direction = match query.dir {
        Some(ruma::api::Direction::Backward) => Direction::Backward,
        Some(ruma::api::Direction::Forward) => Direction::Forward,
        None => return Err(ApiError::missing_param("dir is missing")),
    };
    let wish = HistoryWish {
        from: place_in(&cx, &reading, "from", query.from.as_deref()).await?,
        to: place_in(&cx, &reading, "to", query.to.as_deref()).await?.map(|to| to.before),
        direction,
        limit: usize::try_from(query.limit.map_or(DEFAULT_LIMIT, u64::from)).unwrap_or(usize::MAX),
        filter: &filter(query.filter.as_deref())?,
    };
    let page = reading.page(cx.node(), &reader(&cx), &wish).await?;
    Ok(Json(Answer {
        start: query.from.unwrap_or_else(|| page.start.encode()),
        end: page.end.map(Place::encode),
        chunk: page.chunk,
        state: page.state,
    }))
}

/// Places in gaps of the log are named by nothing but pages of history.
async fn place_in(
    cx: &Context,
    reading: &Reading,
    name: &str,
    token: Option<&str>,
) -> Result<Option<Place>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    if let Some(place) = Place::decode(token) {
        return Ok(Some(place));
    }
    place(cx, &reading.view, name, token).await.map(|gap| Some(gap.into()))
}
