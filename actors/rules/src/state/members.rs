//! Memberships in a state, how many there are of each, and whom a room without a name is named after.

use std::sync::{Arc, OnceLock};

use ruma::{MilliSecondsSinceUnixEpoch, UserId, events::room::member::MembershipState};

use super::RoomState;
use crate::Pdu;

/// The type of membership events.
pub(super) const KIND: &str = "m.room.member";

/// How many members there are, so that nobody walks all of them to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MemberCounts {
    joined: usize,
    invited: usize,
}

impl MemberCounts {
    pub(super) fn change(&mut self, old: Option<&Pdu>, new: Option<&Pdu>) {
        if let Some(count) = old.and_then(|pdu| self.of(pdu)) {
            *count -= 1;
        }
        if let Some(count) = new.and_then(|pdu| self.of(pdu)) {
            *count += 1;
        }
    }

    fn of(&mut self, pdu: &Pdu) -> Option<&mut usize> {
        match pdu.membership()? {
            MembershipState::Join => Some(&mut self.joined),
            MembershipState::Invite => Some(&mut self.invited),
            _ => None,
        }
    }
}

/// The most members whom a room without a name is named after.
///
/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-room>
pub const MOST_HEROES: usize = 5;
/// One more than are shown: nobody is shown oneself.
const HEROES_KEPT: usize = MOST_HEROES + 1;

/// The earliest of the members who are present. Found when somebody asks, kept as long as no change concerns them,
/// and shared with the copies of the state: a room that grows has its earliest members for long.
#[derive(Debug, Clone, Default)]
pub(super) struct Earliest(Arc<OnceLock<Vec<Pdu>>>);

impl Earliest {
    pub(super) fn change(&mut self, old: Option<&Pdu>, new: Option<&Pdu>) {
        let stays = match self.0.get() {
            Some(known) => !concerns(known, old, new),
            // Whoever shares it would find what is in another state.
            None => Arc::get_mut(&mut self.0).is_some(),
        };
        if !stays {
            *self = Self::default();
        }
    }

    /// The earliest members present in `state`, to which this belongs.
    fn of(&self, state: &RoomState) -> &[Pdu] {
        self.0.get_or_init(|| earliest(state, true, None, HEROES_KEPT).into_iter().cloned().collect())
    }
}

/// Whether the change of a member may change who the earliest are.
fn concerns(earliest: &[Pdu], old: Option<&Pdu>, new: Option<&Pdu>) -> bool {
    let was_one = old.is_some_and(|old| earliest.contains(old));
    let becomes_one = |new: &Pdu| {
        let last = earliest.get(HEROES_KEPT - 1);
        last.is_none_or(|last| order(new) < order(last))
    };
    was_one || new.is_some_and(|new| is_present(new) == Some(true) && becomes_one(new))
}

/// Who came first.
fn order(member: &Pdu) -> (u64, MilliSecondsSinceUnixEpoch, &str) {
    (member.depth(), member.origin_server_ts(), member.state_key().unwrap_or_default())
}

/// The earliest members who are present, or of those who are gone, but for one. Walks all members.
fn earliest<'s>(state: &'s RoomState, present: bool, except: Option<&UserId>, limit: usize) -> Vec<&'s Pdu> {
    let members = state.of_kind(KIND).filter(|(user, _)| except.is_none_or(|except| except != *user));
    let mut members: Vec<&Pdu> =
        members.map(|(_, pdu)| pdu).filter(|pdu| is_present(pdu) == Some(present)).collect();
    if members.len() > limit {
        members.select_nth_unstable_by(limit, |a, b| order(a).cmp(&order(b)));
        members.truncate(limit);
    }
    members.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
    members
}

impl RoomState {
    /// The member event of this user.
    pub fn member(&self, user: &UserId) -> Option<&Pdu> {
        self.get(KIND, user.as_str())
    }

    /// The membership of this user; `None` if the user never had one.
    pub fn membership(&self, user: &UserId) -> Option<&MembershipState> {
        self.member(user)?.membership()
    }

    /// Whether this user has joined.
    pub fn is_joined(&self, user: &UserId) -> bool {
        self.membership(user) == Some(&MembershipState::Join)
    }

    /// How many have joined.
    pub fn joined_count(&self) -> usize {
        self.counts.joined
    }

    /// How many are invited.
    pub fn invited_count(&self) -> usize {
        self.counts.invited
    }

    /// The member events that set this membership, ordered by user id, each with its user.
    pub fn members_with(&self, membership: MembershipState) -> impl Iterator<Item = (&UserId, &Pdu)> {
        self.of_kind(KIND)
            .filter(move |(_, pdu)| pdu.membership() == Some(&membership))
            .filter_map(|(state_key, pdu)| Some((<&UserId>::try_from(state_key).ok()?, pdu)))
    }

    /// Who has joined, ordered by user id.
    pub fn joined_members(&self) -> impl Iterator<Item = &UserId> {
        self.members_with(MembershipState::Join).map(|(user, _)| user)
    }

    /// At most [`MOST_HEROES`] users whom a room without a name can be named after: joined or invited, else those who
    /// left, earliest first; never `except`, to whom the room is shown.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-room>
    pub fn heroes(&self, except: &UserId) -> Vec<&UserId> {
        let present = self.earliest.of(self).iter();
        let others = present.filter(|pdu| pdu.state_key() != Some(except.as_str()));
        let mut heroes: Vec<&Pdu> = others.take(MOST_HEROES).collect();
        if heroes.is_empty() {
            heroes = earliest(self, false, Some(except), MOST_HEROES);
        }
        heroes.into_iter().filter_map(|pdu| <&UserId>::try_from(pdu.state_key()?).ok()).collect()
    }

    /// Every event but those of members, ordered by type and state key.
    pub fn iter_without_members(&self) -> impl Iterator<Item = &Pdu> {
        self.kinds.iter().filter(|(kind, _)| &***kind != KIND).flat_map(|(_, of_kind)| of_kind.values())
    }
}

/// Whether a member is in the room or about to be; `None` for one who only knocked.
fn is_present(pdu: &Pdu) -> Option<bool> {
    match pdu.membership()? {
        MembershipState::Join | MembershipState::Invite => Some(true),
        MembershipState::Leave | MembershipState::Ban => Some(false),
        _ => None,
    }
}
