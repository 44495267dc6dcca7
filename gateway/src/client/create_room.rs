//! `POST /_matrix/client/*/createRoom`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom>

use http::StatusCode;
use playhouse_actors::founding::{self, NewRoom, Preset};
use ruma::api::{
    client::room::{
        Visibility,
        create_room::v3::{Request, Response, RoomPreset},
    },
    error::ErrorCode,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{ApiError, Context, IntoReply, client::rooms::invite::take_tokens};

/// Founds a room: all of what is asked, or nothing.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    if !request.invite_3pid.is_empty() {
        let message = "This server uses no identity server, so people are invited by their user ids";
        return Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, message));
    }
    for user in &request.invite {
        take_tokens(&cx, None, user)?;
    }
    let room_id = founding::found(cx.node(), cx.user_id(), new_room(request)?).await?;
    Ok(Response::new(room_id))
}

fn new_room(request: Request) -> Result<NewRoom, ApiError> {
    let listed = match request.visibility {
        Visibility::Public => true,
        Visibility::Private => false,
        other => return Err(ApiError::bad_json(format!("{other} is no visibility"))),
    };
    let preset = preset(request.preset, listed)?;
    let creation_content = request.creation_content.as_ref().map(|raw| part(raw.json())).transpose()?;
    let power_levels =
        request.power_level_content_override.as_ref().map(|raw| part(raw.json())).transpose()?;
    let initial_state = request.initial_state.iter().map(|raw| part(raw.json())).collect::<Result<_, _>>()?;
    Ok(NewRoom {
        version: request.room_version,
        listed,
        alias_localpart: request.room_alias_name,
        name: request.name,
        topic: request.topic,
        invite: request.invite,
        creation_content: creation_content.unwrap_or_default(),
        initial_state,
        is_direct: request.is_direct,
        power_levels: power_levels.unwrap_or_default(),
        ..NewRoom::new(preset)
    })
}

/// > If unspecified, the server should use the `visibility` to determine which preset to use.
fn preset(preset: Option<RoomPreset>, listed: bool) -> Result<Preset, ApiError> {
    match preset {
        Some(RoomPreset::PrivateChat) => Ok(Preset::PrivateChat),
        Some(RoomPreset::TrustedPrivateChat) => Ok(Preset::TrustedPrivateChat),
        Some(RoomPreset::PublicChat) => Ok(Preset::PublicChat),
        Some(other) => Err(ApiError::bad_json(format!("{other} is no preset"))),
        None if listed => Ok(Preset::PublicChat),
        None => Ok(Preset::PrivateChat),
    }
}

fn part<T: DeserializeOwned>(json: &RawValue) -> Result<T, ApiError> {
    serde_json::from_str(json.get()).map_err(|error| ApiError::bad_json(error.to_string()))
}
