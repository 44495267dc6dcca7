//! The directory of public rooms: which rooms are listed, and pages of them.
//!
//! | File | Holds |
//! |---|---|
//! | `entry` | a room as the directory shows it, and whether a search finds it (pure) |
//! | `page` | order, tokens and pages (pure) |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#published-room-directory>

mod entry;
mod page;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use playhouse_storage::{
    IntoKey as _, Key, StoreError,
    store::{delete, put},
    tables::{PublicRoom, RoomHead, public_room::PublicRoomRow, room_head::RoomHeadRow},
};
use quick_cache::sync::Cache;
use ruma::{OwnedRoomId, RoomId};

use crate::{
    Node,
    aliases::{Asker, may_curate},
    room::RoomError,
};

pub use entry::{Entry, Search};
pub use page::{BadToken, Page, PageWish};

/// The partition of the one list that there is.
const LIST: &str = "public";
/// Rooms that are read at the same time for one listing.
const ROOMS_AT_ONCE: usize = 16;
/// Entries of rooms at rest that are kept in memory.
const CACHED_ENTRIES: usize = 20_000;

/// What the directory remembers of rooms that are at rest.
pub struct PublicRooms {
    entries: Cache<OwnedRoomId, (i64, Arc<Entry>)>,
}

impl Default for PublicRooms {
    fn default() -> Self {
        Self { entries: Cache::new(CACHED_ENTRIES) }
    }
}

/// Whether a room is listed.
///
/// # Errors
/// [`RoomError::UnknownRoom`]; [`RoomError::Unavailable`].
pub async fn is_listed(node: &Node, room_id: &RoomId) -> Result<bool, RoomError> {
    if node.store().get::<RoomHead>((room_id.as_str(),), ()).await?.is_none() {
        return Err(RoomError::UnknownRoom);
    }
    Ok(node.store().get::<PublicRoom>((LIST,), (room_id.as_str(),)).await?.is_some())
}

/// Lists a room, or takes it off the list; durable on return.
///
/// # Errors
/// [`RoomError::UnknownRoom`]; [`RoomError::Forbidden`] for those who may not change the room's aliases.
pub async fn set_listed(
    node: &Node,
    asker: Asker<'_>,
    room_id: &RoomId,
    listed: bool,
) -> Result<(), RoomError> {
    node.rooms().view(room_id).await?;
    if !may_curate(node, asker, room_id).await? {
        let why = "listing a room needs the power to change its aliases";
        return Err(RoomError::Forbidden(why.into()));
    }
    if listed {
        list(node, room_id).await?;
    } else {
        unlist(node, room_id).await?;
    }
    Ok(())
}

/// Lists a room; durable on return.
pub(crate) async fn list(node: &Node, room_id: &RoomId) -> Result<(), StoreError> {
    let stamp = node.clocks().stamp(room_id.as_str());
    let write = put::<PublicRoom>((LIST,), (room_id.as_str(),), &PublicRoomRow {}, stamp);
    node.store().write(vec![write]).await
}

async fn unlist(node: &Node, room_id: &RoomId) -> Result<(), StoreError> {
    let stamp = node.clocks().stamp(room_id.as_str());
    node.store().write(vec![delete::<PublicRoom>((LIST,), (room_id.as_str(),), stamp)]).await
}

/// A page of the listed rooms that somebody is in and that a search finds, the largest first.
///
/// # Errors
/// When the store does not answer. A room that cannot be read is left out.
pub async fn page(node: &Node, search: &Search, wish: &PageWish) -> Result<Page, StoreError> {
    let mut entries = entries(node).await?;
    entries.retain(|entry| entry.members > 0 && search.finds(entry));
    Ok(page::page(entries, wish))
}

async fn entries(node: &Node) -> Result<Vec<Arc<Entry>>, StoreError> {
    let listed = node.store().all::<PublicRoom>((LIST,), ()).await?;
    let listed = listed.into_iter().filter_map(|((room,), _)| OwnedRoomId::try_from(room).ok());
    let mut entries = Vec::new();
    let mut at_rest = Vec::new();
    for room_id in listed {
        match node.hub().hub().view(&room_id) {
            Some(view) => entries.push(Arc::new(Entry::of(&view))),
            None => at_rest.push(room_id),
        }
    }
    let keys: Vec<(Key, Key)> =
        at_rest.iter().map(|room_id| ((room_id.as_str(),).to_key(), Key::new())).collect();
    let heads = node.store().multi_get::<RoomHead>(&keys).await?;
    let known = at_rest.into_iter().zip(heads).filter_map(|(room_id, head)| Some((room_id, head?)));
    let read = stream::iter(known).map(|(room_id, head)| at_rest_entry(node, room_id, head));
    let read: Vec<Option<Arc<Entry>>> = read.buffered(ROOMS_AT_ONCE).collect().await;
    entries.extend(read.into_iter().flatten());
    Ok(entries)
}

/// The entry of a room at rest: remembered as long as nothing happens in the room, else read once.
async fn at_rest_entry(node: &Node, room_id: OwnedRoomId, head: RoomHeadRow) -> Option<Arc<Entry>> {
    let remembered = node.public_rooms().entries.get(&room_id);
    if let Some((_, entry)) = remembered.filter(|(pos, _)| *pos == head.pos) {
        return Some(entry);
    }
    let view = node.rooms().view(&room_id).await;
    let view =
        view.inspect_err(|error| tracing::warn!(%error, "a room is left out of the directory")).ok()?;
    let entry = Arc::new(Entry::of(&view));
    node.public_rooms().entries.insert(room_id, (view.pos, Arc::clone(&entry)));
    Some(entry)
}
