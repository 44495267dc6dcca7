//! Founding a room: from what a client asks to one append that holds all of it, or nothing.
//!
//! | File | Holds |
//! |---|---|
//! | `request` | what a client may ask |
//! | `plan` | the first events, in the order of the specification (pure) |
//! | `create_content` | the content of `m.room.create` (pure) |
//! | `power_levels` | the first power levels (pure) |
//! | `presets` | what the presets set (pure) |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom>

mod create_content;
mod error;
mod plan;
mod power_levels;
mod presets;
mod request;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::{StreamExt as _, stream};
use playhouse_rules::{
    builder::{EventFrame, PduBuilder},
    pdu::Pdu,
    room_version::RoomVersion,
};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomAliasId, OwnedRoomId, RoomId, UInt, UserId,
    events::TimelineEventType,
};
use serde_json::{Map, value::RawValue};

use self::plan::{Founder, Plan};
use crate::{
    Node, aliases,
    joining::{self, Said, permission, profile_of},
    public_rooms,
    room::{RoomError, message::FoundRoom},
};

pub use error::FoundingError;
pub use presets::Preset;
pub use request::{InitialState, NewRoom};

/// Users of other servers who are invited at the same time.
const INVITES_AT_ONCE: usize = 8;

/// Founds a room for `creator`; on return it is durable, named and listed as asked.
///
/// # Errors
/// [`FoundingError`]: there is no room then, and its alias is free again.
pub async fn found(node: &Node, creator: &UserId, new: NewRoom) -> Result<OwnedRoomId, FoundingError> {
    let version = new.version.as_ref().unwrap_or(node.default_room_version());
    let version =
        RoomVersion::get(version).ok_or_else(|| FoundingError::UnsupportedVersion(version.clone()))?;
    for user in &new.invite {
        permission::may_be_invited(node, user).await?;
    }
    let alias =
        new.alias_localpart.as_deref().map(|localpart| aliases::local(node, localpart)).transpose()?;
    let founder =
        Founder { creator, version, alias: alias.as_deref(), profiles: profiles(node, creator, &new).await? };
    let plan = plan::plan(&founder, &new)?;
    let create = create_event(node, creator, version, plan.create.clone())?;
    let room_id = create.room_id().to_owned();
    if let Some(alias) = &alias {
        aliases::claim::claim(node, alias, &room_id, creator).await?;
    }
    if let Err(error) = append(node, version, create, plan).await {
        give_up_alias(node, alias, &room_id).await;
        return Err(error);
    }
    if new.listed {
        public_rooms::list(node, &room_id).await?;
    }
    invite_elsewhere(node, creator, &room_id, &new).await;
    Ok(room_id)
}

/// Invites the users of other servers, who must sign for it: so the room is there before. One whose server cannot be reached is
/// not invited, and the room stands all the same.
async fn invite_elsewhere(node: &Node, creator: &UserId, room_id: &RoomId, new: &NewRoom) {
    let others: BTreeSet<_> =
        new.invite.iter().filter(|user| user.server_name() != node.server_name()).cloned().collect();
    let is_direct = Map::from_iter(new.is_direct.then(|| ("is_direct".to_owned(), true.into())));
    let said = Said { reason: None, extra: is_direct };
    let invites = others.into_iter().map(|user| {
        let said = said.clone();
        async move {
            if let Err(error) = joining::invite(node, creator, &user, room_id, said).await {
                tracing::warn!(%room_id, %user, %error, "a user is not invited into a new room");
            }
        }
    });
    stream::iter(invites).buffer_unordered(INVITES_AT_ONCE).collect::<()>().await;
}

/// The profiles that go into the first member events.
async fn profiles(node: &Node, creator: &UserId, new: &NewRoom) -> Result<plan::Profiles, FoundingError> {
    let mut profiles = BTreeMap::new();
    for user in new.invite.iter().map(|user| &**user).chain([creator]) {
        if !profiles.contains_key(user) {
            profiles.insert(user.to_owned(), profile_of(node, user).await?);
        }
    }
    Ok(profiles)
}

/// Builds and signs the create event. From version 12 on it names the room.
fn create_event(
    node: &Node,
    creator: &UserId,
    version: &'static RoomVersion,
    content: Box<RawValue>,
) -> Result<Pdu, FoundingError> {
    let random = (!version.room_id_is_create_hash()).then(|| RoomId::new_v1(node.server_name()));
    let frame = EventFrame {
        version,
        room_id: random.as_deref(),
        sender: creator,
        prev_events: &[],
        auth_events: &[],
        depth: 1,
        origin_server_ts: MilliSecondsSinceUnixEpoch(unused_ms(node.clocks().now_ms())),
    };
    let builder = PduBuilder {
        kind: TimelineEventType::RoomCreate,
        state_key: Some(String::new()),
        content,
        redacts: None,
    };
    Ok(builder.build(&frame, &*node.rooms().tools().signer).map_err(RoomError::from)?)
}

/// A time that no other create event of this process has: two rooms that a user makes in one millisecond would
/// otherwise have the same create event, and so be the same room.
fn unused_ms(now_ms: u64) -> UInt {
    static LAST_MS: AtomicU64 = AtomicU64::new(0);
    let later = |last: u64| now_ms.max(last + 1);
    let last = LAST_MS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(later(last)));
    let last = last.unwrap_or_else(|last| last);
    UInt::new(later(last)).unwrap_or(UInt::MAX)
}

/// Makes the room of its events. An unknown outcome is settled by asking again: the room exists, or it is made now.
async fn append(
    node: &Node,
    version: &'static RoomVersion,
    create: Pdu,
    plan: Plan,
) -> Result<(), FoundingError> {
    let room = node.rooms().handle(create.room_id());
    let found = FoundRoom { create, events: plan.events };
    match room.found(version, found.clone()).await {
        Ok(_) => Ok(()),
        Err(RoomError::Unavailable { .. }) => match room.found(version, found).await {
            Ok(_) | Err(RoomError::BadState(_)) => Ok(()),
            Err(error) => Err(error.into()),
        },
        // The first events are what the client asked for: they contradict one another.
        Err(RoomError::Forbidden(why)) => Err(FoundingError::InvalidState(why)),
        Err(error) => Err(error.into()),
    }
}

/// Frees the alias of a room that is not there, unless it leads elsewhere by now.
async fn give_up_alias(node: &Node, alias: Option<OwnedRoomAliasId>, room_id: &RoomId) {
    let Some(alias) = alias else { return };
    let Ok(Some((row, stored))) = aliases::claim::stored(node, &alias).await else { return };
    if row.room != room_id.as_str() {
        return;
    }
    if let Err(error) = aliases::claim::release(node, &alias, room_id, stored).await {
        tracing::warn!(%error, "the alias of a room that was not founded stays taken");
    }
}
