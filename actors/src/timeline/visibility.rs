//! What a user may see of a room's history: decided by the visibility and the membership at each event.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility>

use std::ops::Bound;

use playhouse_rules::visibility::VisibilityTimeline;
use playhouse_storage::{
    IntoKey as _, Order, Slice, Store, StoreError,
    tables::{StateHistory, state_history::shard_of},
};
use ruma::{
    OwnedUserId, RoomId, UserId,
    events::room::{history_visibility::HistoryVisibility, member::MembershipState},
};

use crate::room::{RoomEvent, RoomView};

/// Versions read of one key: what lies further back counts as the oldest version read.
const MOST_VERSIONS: usize = 10_000;

/// A user's sight of a room.
pub enum Sight {
    /// Joined, and nothing was ever hidden from members: sees everything, was a member since this log row.
    Everything,
    /// Decided event by event.
    ByEvent(OwnedUserId, VisibilityTimeline),
}

impl Sight {
    /// Reads a user's sight of a room.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(store: &Store, view: &RoomView, user: &UserId) -> Result<Self, StoreError> {
        let room = &view.room_id;
        if view.history_always_open && view.state.is_joined(user) {
            return Ok(Self::Everything);
        }
        let visibilities = versions(store, room, "m.room.history_visibility", "").await?;
        let memberships = versions(store, room, "m.room.member", user.as_str()).await?;
        let visibilities =
            visibilities.into_iter().map(|(seq, word)| (seq, HistoryVisibility::from(word))).collect();
        let memberships =
            memberships.into_iter().map(|(seq, word)| (seq, MembershipState::from(word))).collect();
        Ok(Self::ByEvent(user.to_owned(), VisibilityTimeline::new(visibilities, memberships)))
    }

    /// Whether the user may see a logged event.
    pub fn may_see(&self, event: &RoomEvent) -> bool {
        if let Some(visibility) = &event.in_gap {
            return self.may_see_in_gap(event.seq, visibility.as_ref());
        }
        match self {
            Self::Everything => true,
            // One's own membership is never hidden: else a rejected invite would not go away.
            Self::ByEvent(user, timeline) => {
                event.membership_change_of(user).is_some() || timeline.may_see(event.seq, Some(&event.pdu))
            }
        }
    }

    /// Whether the user may see an event in the gap after a log row that was sent under this visibility; as long as it is not
    /// known under which, only who was in the room before and after the gap may.
    fn may_see_in_gap(&self, seq: i64, visibility: Option<&HistoryVisibility>) -> bool {
        let visibility = visibility.unwrap_or(&HistoryVisibility::Joined);
        match self {
            Self::Everything => {
                matches!(visibility, HistoryVisibility::Shared | HistoryVisibility::WorldReadable)
            }
            Self::ByEvent(_, timeline) => timeline.may_see_between(seq, visibility),
        }
    }

    /// Whether the user may see what stood after a log row.
    pub fn may_see_at(&self, seq: i64) -> bool {
        match self {
            Self::Everything => true,
            Self::ByEvent(_, timeline) => timeline.may_see(seq + 1, None),
        }
    }
}

/// The words of every version of a state key, oldest first, by the sequence number from which each stood.
pub async fn versions(
    store: &Store,
    room: &RoomId,
    kind: &str,
    state_key: &str,
) -> Result<Vec<(i64, String)>, StoreError> {
    let prefix = (state_key,).to_key();
    let slice = Slice {
        from: Bound::Included(prefix.clone()),
        to: Bound::Included(prefix),
        order: Order::Backward,
        limit: MOST_VERSIONS,
    };
    let partition = (room.as_str(), kind, shard_of(kind, state_key));
    let (rows, _) = store.slice::<StateHistory>(partition, slice).await?;
    let words = rows.into_iter().rev().filter_map(|((_, since), row)| row.word.map(|word| (since, word)));
    Ok(words.collect())
}

/// The reader's membership at events, for `unsigned.membership`: the newest version at or before each.
pub struct Memberships(Vec<(i64, MembershipState)>);

impl Memberships {
    /// Reads the user's memberships in a room.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(store: &Store, room: &RoomId, user: &UserId) -> Result<Self, StoreError> {
        let versions = versions(store, room, "m.room.member", user.as_str()).await?;
        Ok(Self(versions.into_iter().map(|(seq, word)| (seq, MembershipState::from(word))).collect()))
    }

    /// The membership after the log row `seq`.
    pub fn at(&self, seq: i64) -> MembershipState {
        let standing = self.0.iter().rev().find(|(since, _)| *since <= seq);
        standing.map_or(MembershipState::Leave, |(_, membership)| membership.clone())
    }
}
