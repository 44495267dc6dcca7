//! Who may see an event: decided by the state of the room *at the event* and by the reader's membership then.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility>

use ruma::events::room::{history_visibility::HistoryVisibility, member::MembershipState};

use crate::Pdu;

/// The history of a room's visibility and of one user's membership, by which each event is judged in O(log n).
///
/// A version counts from the sequence number of the event that set it. Before the first version a room is `shared` and
/// the user is not in it; the versions given must reach back to the earliest event asked about.
#[derive(Debug, Clone)]
pub struct VisibilityTimeline {
    visibility: Versions<HistoryVisibility>,
    membership: Versions<MembershipState>,
    /// The last event at which the user joined.
    last_join: Option<i64>,
}

impl VisibilityTimeline {
    /// A timeline of these versions, in any order.
    pub fn new(
        visibility_versions: Vec<(i64, HistoryVisibility)>,
        membership_versions: Vec<(i64, MembershipState)>,
    ) -> Self {
        let joins = membership_versions.iter().filter(|(_, state)| *state == MembershipState::Join);
        Self {
            last_join: joins.map(|(seq, _)| *seq).max(),
            visibility: Versions::new(visibility_versions),
            membership: Versions::new(membership_versions),
        }
    }

    /// Whether the user may see the event at `seq`.
    ///
    /// Give the event if it is, or may be, a state event: one that changes the visibility, and the user's own member
    /// events, are shown if the state before *or* after them allows it.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-6>
    pub fn may_see(&self, seq: i64, event: Option<&Pdu>) -> bool {
        let joined_later = self.last_join.is_some_and(|join| join > seq);
        let before = (self.visibility.before(seq), self.membership.before(seq));
        let may_see = |visibility: Option<&HistoryVisibility>, membership: Option<&MembershipState>| {
            allows(
                visibility.unwrap_or(&HistoryVisibility::Shared),
                membership.unwrap_or(&MembershipState::Leave),
                joined_later,
            )
        };
        let Some(event) = event else { return may_see(before.0, before.1) };
        may_see(before.0, before.1)
            || (event.is_state_of("m.room.history_visibility", "")
                && may_see(self.visibility.at(seq), before.1))
            || (self.is_own_membership(seq, event)
                && (may_see(before.0, self.membership.at(seq)) || self.is_own_departure(seq)))
    }

    /// Whether the user may see an event that lies between two rows of the log, after `seq`, and was sent under `visibility`.
    /// As a member counts who was one at both rows.
    pub fn may_see_between(&self, seq: i64, visibility: &HistoryVisibility) -> bool {
        let joined_later = self.last_join.is_some_and(|join| join > seq);
        let before = self.membership.at(seq).unwrap_or(&MembershipState::Leave);
        let after = self.membership.at(seq + 1).unwrap_or(&MembershipState::Leave);
        let throughout = if before == after { before } else { &MembershipState::Leave };
        allows(visibility, throughout, joined_later)
    }

    /// Whether the user's own member event ends a membership, an invite or a knock. Its user sees it whatever the
    /// visibility: else a room that was declined would stay in the user's clients for ever.
    fn is_own_departure(&self, seq: i64) -> bool {
        let gone = |membership: Option<&MembershipState>| {
            membership
                .is_none_or(|membership| matches!(membership, MembershipState::Leave | MembershipState::Ban))
        };
        gone(self.membership.at(seq)) && !gone(self.membership.before(seq))
    }

    /// Whether the user may see the room as it is now (its state, its members): by being in it, or, as a guest or a
    /// peeker, because it is `world_readable`.
    pub fn may_see_now(&self) -> bool {
        let visibility = self.visibility.last().unwrap_or(&HistoryVisibility::Shared);
        let membership = self.membership.last().unwrap_or(&MembershipState::Leave);
        *visibility == HistoryVisibility::WorldReadable || *membership == MembershipState::Join
    }

    /// An event that set a version of the membership at its own place is the user's own.
    fn is_own_membership(&self, seq: i64, event: &Pdu) -> bool {
        event.kind_str() == "m.room.member"
            && self.membership.set_at(seq).is_some_and(|set| event.membership() == Some(set))
    }
}

/// The table of the specification: what a member of this kind may see of an event sent under this visibility.
/// `joined_later`: whether the user joined at any point after the event.
///
/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-6>
pub fn allows(visibility: &HistoryVisibility, membership: &MembershipState, joined_later: bool) -> bool {
    match (visibility, membership) {
        // > 1. If the history_visibility was set to world_readable, allow.
        // > 2. If the user’s membership was join, allow.
        (HistoryVisibility::WorldReadable, _) | (_, MembershipState::Join) => true,
        // > 4. If the user’s membership was invite, and the history_visibility was set to invited, allow.
        (HistoryVisibility::Invited, membership) => *membership == MembershipState::Invite,
        (HistoryVisibility::Joined, _) => false,
        // > 3. If history_visibility was set to shared, and the user joined the room at any point after the event was
        // > sent, allow. […] If the value is not understood, the visibility is assumed to be shared.
        _ => joined_later,
    }
}

/// The values of one state key over time, by the sequence numbers from which they count.
#[derive(Debug, Clone)]
struct Versions<T>(Vec<(i64, T)>);

impl<T> Versions<T> {
    fn new(mut versions: Vec<(i64, T)>) -> Self {
        versions.sort_by_key(|(seq, _)| *seq);
        Self(versions)
    }

    /// The value before the event at `seq`.
    fn before(&self, seq: i64) -> Option<&T> {
        let later = self.0.partition_point(|(from, _)| *from < seq);
        self.0[..later].last().map(|(_, value)| value)
    }

    /// The value after the event at `seq`.
    fn at(&self, seq: i64) -> Option<&T> {
        let later = self.0.partition_point(|(from, _)| *from <= seq);
        self.0[..later].last().map(|(_, value)| value)
    }

    /// The value that the event at `seq` itself set, if it did.
    fn set_at(&self, seq: i64) -> Option<&T> {
        let index = self.0.binary_search_by_key(&seq, |(from, _)| *from).ok()?;
        Some(&self.0[index].1)
    }

    fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests;
