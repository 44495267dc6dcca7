//! Room aliases of this server: names that are unique, who may make and remove them, and what a room says of its own.
//!
//! | File | Holds |
//! |---|---|
//! | `name` | which names can be aliases of this server (pure) |
//! | `canonical` | the aliases in `m.room.canonical_alias` (pure) |
//! | `claim` | the unique row, and its inverse by room |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#room-aliases>

pub(crate) mod canonical;
pub(crate) mod claim;
mod error;
pub(crate) mod name;

#[cfg(test)]
mod tests;

use playhouse_rules::state::RoomState;
use playhouse_storage::{
    StoreError,
    tables::{Alias, alias::AliasRow},
};
use ruma::{OwnedRoomAliasId, OwnedRoomId, RoomAliasId, RoomId, UserId, events::TimelineEventType};
use serde_json::value::RawValue;

use crate::{
    Node,
    room::{RoomError, RoomView, message::SendEvent},
};

pub use claim::of_room;
pub use error::AliasError;

/// The type of the event that names a room's aliases.
const CANONICAL_ALIAS: &str = "m.room.canonical_alias";

/// Who asks for something that an administrator may do anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The user.
    pub user: &'a UserId,
    /// Whether they administer the server.
    pub is_admin: bool,
}

/// The room that an alias of this server leads to.
///
/// # Errors
/// When the store does not answer.
pub async fn resolve(node: &Node, alias: &RoomAliasId) -> Result<Option<OwnedRoomId>, StoreError> {
    let row = node.store().get::<Alias>((alias.as_str(),), ()).await?;
    Ok(row.and_then(|row: AliasRow| OwnedRoomId::try_from(row.room).ok()))
}

/// Makes an alias for a room that the asker is in.
///
/// # Errors
/// [`AliasError::Taken`], [`AliasError::BadName`], [`AliasError::Room`] for who is not in the room.
pub async fn make(
    node: &Node,
    asker: Asker<'_>,
    alias: &RoomAliasId,
    room_id: &RoomId,
) -> Result<(), AliasError> {
    name::check(alias, node.server_name())?;
    if asker.is_admin {
        node.rooms().view(room_id).await?;
    } else {
        node.rooms().view_for_member(room_id, asker.user).await?;
    }
    claim::claim(node, alias, room_id, asker.user).await
}

/// Removes an alias, and takes it out of the room's canonical alias where the asker may change that.
///
/// # Errors
/// [`AliasError::Unknown`], [`AliasError::NotYours`] for those who neither made it nor may change the room's aliases.
pub async fn remove(node: &Node, asker: Asker<'_>, alias: &RoomAliasId) -> Result<(), AliasError> {
    let (row, stored) = claim::stored(node, alias).await?.ok_or(AliasError::Unknown)?;
    let room_id = OwnedRoomId::try_from(row.room.as_str()).map_err(|_| AliasError::Unknown)?;
    if row.creator != asker.user.as_str() && !may_curate(node, asker, &room_id).await? {
        return Err(AliasError::NotYours);
    }
    claim::release(node, alias, &room_id, stored).await?;
    forget_in_room(node, asker.user, &room_id, alias).await;
    Ok(())
}

/// Whether the asker may change how a room is found: its aliases, its place in the directory.
///
/// # Errors
/// When the room cannot be read.
pub(crate) async fn may_curate(node: &Node, asker: Asker<'_>, room_id: &RoomId) -> Result<bool, RoomError> {
    if asker.is_admin {
        return Ok(true);
    }
    match node.rooms().view_for_member(room_id, asker.user).await {
        Ok(view) => Ok(has_power_over_aliases(&view.state, asker.user)),
        Err(RoomError::Forbidden(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn has_power_over_aliases(state: &RoomState, user: &UserId) -> bool {
    let levels = state.power_levels();
    levels.user_level(user) >= levels.required_for_event(CANONICAL_ALIAS, true)
}

/// > Servers which choose to update the canonical alias event are recommended to […] delete the alias and return a
/// > successful response even if the user does not have permission to update the `m.room.canonical_alias` event.
async fn forget_in_room(node: &Node, user: &UserId, room_id: &RoomId, alias: &RoomAliasId) {
    let Ok(view) = node.rooms().view(room_id).await else { return };
    let standing = view.state.get(CANONICAL_ALIAS, "");
    let Some(content) = standing.and_then(|pdu| canonical::without(pdu.content(), alias)) else { return };
    let update = SendEvent {
        sender: user.to_owned(),
        kind: TimelineEventType::RoomCanonicalAlias,
        state_key: Some(String::new()),
        content,
        redacts: None,
        transaction: None,
    };
    if let Err(error) = node.rooms().handle(room_id).send(update).await {
        tracing::debug!(%error, "a room keeps a removed alias in its canonical alias");
    }
}

/// Checks the aliases that an `m.room.canonical_alias` event would newly name: they must lead to the room.
///
/// > Servers do not validate aliases which are being removed or are already present in the state event.
///
/// # Errors
/// [`AliasError::Malformed`], [`AliasError::LeadsElsewhere`].
pub async fn check_canonical(node: &Node, view: &RoomView, content: &RawValue) -> Result<(), AliasError> {
    let standing = view.state.get(CANONICAL_ALIAS, "").map(playhouse_rules::Pdu::content);
    for alias in canonical::newly_named(standing, content)? {
        let leads_here = resolve(node, &alias).await?.is_some_and(|room_id| room_id == view.room_id);
        if !leads_here {
            return Err(AliasError::LeadsElsewhere { alias });
        }
    }
    Ok(())
}

/// The whole alias of this server with a local part.
///
/// # Errors
/// [`AliasError::BadName`].
pub(crate) fn local(node: &Node, localpart: &str) -> Result<OwnedRoomAliasId, AliasError> {
    name::of_localpart(localpart, node.server_name())
}
