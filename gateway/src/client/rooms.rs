//! `/_matrix/client/v3/rooms/{roomId}/…`

pub mod aliases;
pub mod ban;
pub mod context;
pub mod event;
pub mod forget;
pub mod invite;
pub mod join;
pub mod joined_members;
pub mod kick;
pub mod leave;
pub mod members;
pub mod messages;
pub mod read_markers;
pub mod receipt;
pub mod redact;
pub mod report;
pub mod send;
pub mod state;
pub mod typing;
pub mod unban;

use playhouse_actors::{
    Node, aliases as alias_rules, reading,
    room::RoomView,
    sending::Sender,
    timeline::{Reader, page::Gap},
};
use ruma::{
    OwnedRoomId, OwnedRoomOrAliasId, OwnedServerName, RoomAliasId, api::client::filter::RoomEventFilter,
};

use super::directory::room::get::remote_room;
use crate::{ApiError, Context};

/// The room that a path names by its id or an alias, and the servers that an alias of another server names with it.
///
/// # Errors
/// `M_NOT_FOUND` for an alias that leads nowhere; what keeps the other server from answering.
pub(super) async fn named_room(
    cx: &Context,
    name: OwnedRoomOrAliasId,
) -> Result<(OwnedRoomId, Vec<OwnedServerName>), ApiError> {
    match OwnedRoomId::try_from(name) {
        Ok(room_id) => Ok((room_id, Vec::new())),
        Err(alias) if alias.server_name() == cx.node().server_name() => {
            Ok((room_of_alias(cx.node(), &alias).await?, Vec::new()))
        }
        Err(alias) => {
            let found = remote_room(cx, &alias).await?;
            Ok((found.room_id, found.servers))
        }
    }
}

/// The room that an alias of this server leads to.
///
/// # Errors
/// `M_NOT_FOUND`.
pub(crate) async fn room_of_alias(node: &Node, alias: &RoomAliasId) -> Result<OwnedRoomId, ApiError> {
    let room_id = alias_rules::resolve(node, alias).await?;
    room_id.ok_or_else(|| ApiError::not_found(format!("Room alias {alias} not found.")))
}

/// For whom events are rendered.
fn reader(cx: &Context) -> Reader<'_> {
    Reader::new(cx.node(), cx.user_id(), Some(cx.device_id().as_str()))
}

/// Who sends.
fn sender(cx: &Context) -> Sender<'_> {
    Sender { user: cx.user_id(), device: cx.device_id(), is_suspended: cx.caller.is_suspended() }
}

/// The place in a room that a token of the query names.
///
/// # Errors
/// `M_INVALID_PARAM`.
async fn place(cx: &Context, view: &RoomView, name: &str, token: &str) -> Result<Gap, ApiError> {
    let place = reading::place(cx.node(), view, token).await?;
    place.ok_or_else(|| ApiError::invalid_param(format!("{name} is not a token of this server")))
}

/// The filter of a query.
///
/// # Errors
/// `M_INVALID_PARAM`.
fn filter(json: Option<&str>) -> Result<RoomEventFilter, ApiError> {
    match json {
        None | Some("") => Ok(RoomEventFilter::default()),
        Some(json) => serde_json::from_str(json)
            .map_err(|error| ApiError::invalid_param(format!("The filter cannot be read: {error}"))),
    }
}
