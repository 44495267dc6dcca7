//! `PUT /_matrix/client/*/rooms/{roomId}/state/{eventType}/{stateKey}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey>

use playhouse_actors::sending;
use ruma::{
    UserId,
    api::client::state::send_state_event::v3::{Request, Response},
};
use serde::Deserialize;

use crate::{
    ApiError, Context, IntoReply,
    client::rooms::{invite::take_tokens, sender},
};

/// Sets the state of a type and a key.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let kind = request.event_type.to_string();
    let place = (kind.as_str(), request.state_key.as_str());
    if let Some(invited) = invited(place, request.body.json().get()) {
        take_tokens(&cx, Some(&request.room_id), invited)?;
    }
    let content = request.body.into_json();
    let event_id = sending::set_state(cx.node(), sender(&cx), &request.room_id, place, content).await?;
    Ok(Response::new(event_id))
}

/// Who is invited by this state, if it is an invite: it counts like one made by its own endpoint.
fn invited<'a>((kind, state_key): (&str, &'a str), content: &str) -> Option<&'a UserId> {
    #[derive(Deserialize)]
    struct Content {
        membership: String,
    }
    let user = <&UserId>::try_from(state_key).ok().filter(|_| kind == "m.room.member")?;
    let content = serde_json::from_str::<Content>(content).ok()?;
    (content.membership == "invite").then_some(user)
}
