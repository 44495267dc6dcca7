//! Memberships in a state, and how many there are of each.

use ruma::{UserId, events::room::member::MembershipState};

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

    /// At most `limit` users whom a room without a name can be named after: joined or invited, else those who left,
    /// earliest first; never `except`, to whom the room is shown. Walks all members: keep the answer.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-room>
    pub fn heroes(&self, except: &UserId, limit: usize) -> Vec<&UserId> {
        let earliest = |present: bool| {
            let mut members: Vec<_> = self
                .of_kind(KIND)
                .filter(|(user, pdu)| *user != except && is_present(pdu) == Some(present))
                .collect();
            let order = |(user, pdu): &(&str, &Pdu)| (pdu.depth(), pdu.origin_server_ts(), user.to_string());
            if members.len() > limit {
                members.select_nth_unstable_by_key(limit, order);
                members.truncate(limit);
            }
            members.sort_by_cached_key(order);
            members.into_iter().filter_map(|(user, _)| <&UserId>::try_from(user).ok()).collect::<Vec<_>>()
        };
        let present = earliest(true);
        if present.is_empty() { earliest(false) } else { present }
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
