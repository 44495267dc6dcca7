//! The room's state after an event: the current state, and what differed from it then.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use playhouse_rules::{pdu::Pdu, state::RoomState};
use playhouse_storage::{
    IntoKey as _, Order, Slice, Store,
    tables::{
        RoomLog, StateChange,
        state_change::{CHANGE_BUCKET, Change},
    },
};
use ruma::{OwnedUserId, UserId};

use crate::room::{
    RoomError, RoomView, StateDelta,
    load::{log_key, parse_row, read_event},
};

/// State changes read to answer one request.
const MOST_CHANGES: usize = 200_000;
/// The type of member events.
const MEMBER: &str = "m.room.member";

/// Which member events somebody wants of a state.
#[derive(Debug, Clone, Copy)]
pub enum Members<'a> {
    /// Those of everybody.
    All,
    /// Those of these users. No other is looked at: the cost does not depend on the size of the room.
    Only(&'a BTreeSet<OwnedUserId>),
}

impl Members<'_> {
    /// Whether the event of this key is wanted.
    pub fn want(self, kind: &str, state_key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(users) => {
                kind != MEMBER || <&UserId>::try_from(state_key).is_ok_and(|user| users.contains(user))
            }
        }
    }
}

/// The state after a log row, as far as somebody wants it.
pub struct StateAt<'a> {
    now: &'a RoomState,
    members: Members<'a>,
    /// What stood then where something else stands now, by type and state key.
    then: BTreeMap<String, BTreeMap<String, Option<Pdu>>>,
}

impl<'a> StateAt<'a> {
    /// Looks at the state after the log row `seq`.
    ///
    /// # Errors
    /// When the store does not answer, or more than 200,000 changes lie between then and now.
    pub async fn after(
        store: &Store,
        view: &'a RoomView,
        seq: i64,
        members: Members<'a>,
    ) -> Result<Self, RoomError> {
        let mut state = Self { now: &view.state, members, then: BTreeMap::new() };
        if let Some(changes) = changes_in_memory(view, seq, view.head_seq) {
            for change in changes {
                state.note(&change.kind, &change.state_key, || change.old.clone());
            }
            return Ok(state);
        }
        // Of each key the oldest change after `seq` says what stood at `seq`.
        let mut oldest: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
        for (_, change) in changes_between(store, view, seq, view.head_seq).await? {
            if members.want(&change.kind, &change.state_key) {
                oldest.entry((change.kind, change.state_key)).or_insert(change.old);
            }
        }
        for ((kind, state_key), old) in oldest {
            let old = match old {
                Some(event_id) => read_event(store, view.version, &event_id).await?.map(|(_, pdu)| pdu),
                None => None,
            };
            state.note(&kind, &state_key, || old);
        }
        Ok(state)
    }

    /// Notes what stood before a change; the oldest change of a key comes first.
    fn note(&mut self, kind: &str, state_key: &str, old: impl FnOnce() -> Option<Pdu>) {
        if !self.members.want(kind, state_key) {
            return;
        }
        if !self.then.contains_key(kind) {
            self.then.insert(kind.to_owned(), BTreeMap::new());
        }
        if let Some(of_kind) = self.then.get_mut(kind).filter(|of_kind| !of_kind.contains_key(state_key)) {
            of_kind.insert(state_key.to_owned(), old());
        }
    }

    /// What stood then of a key, if something else stands there now.
    fn differs(&self, kind: &str, state_key: &str) -> Option<&Option<Pdu>> {
        self.then.get(kind)?.get(state_key)
    }

    /// The member event of a user who is wanted.
    fn member(&self, user: &OwnedUserId) -> Option<&Pdu> {
        match self.differs(MEMBER, user.as_str()) {
            Some(then) => then.as_ref(),
            None => self.now.member(user),
        }
    }

    /// The wanted member events, ordered by user.
    pub fn members(&self) -> Vec<Pdu> {
        match self.members {
            Members::All => {
                self.standing(self.now.of_kind(MEMBER).map(|(_, pdu)| pdu), |kind| kind == MEMBER)
            }
            Members::Only(users) => users.iter().filter_map(|user| self.member(user)).cloned().collect(),
        }
    }

    /// The wanted events.
    pub fn events(&self) -> Vec<Pdu> {
        let Members::Only(_) = self.members else { return self.standing(self.now.iter(), |_| true) };
        let mut events = self.standing(self.now.iter_without_members(), |kind| kind != MEMBER);
        events.extend(self.members());
        events
    }

    /// Of the types that `of` names: the events that stand still, and those that stood then.
    fn standing<'s>(&'s self, now: impl Iterator<Item = &'s Pdu>, of: impl Fn(&str) -> bool) -> Vec<Pdu> {
        let stands = |pdu: &&Pdu| self.differs(pdu.kind_str(), pdu.state_key().unwrap_or_default()).is_none();
        let then = self.then.iter().filter(|(kind, _)| of(kind)).flat_map(|(_, of_kind)| of_kind.values());
        now.filter(stands).chain(then.flatten()).cloned().collect()
    }

    /// The whole of it as a state: everything must be wanted.
    fn into_state(self) -> RoomState {
        let mut state = self.now.clone();
        for (kind, of_kind) in self.then {
            for (state_key, old) in of_kind {
                put_back(&mut state, &kind, &state_key, old);
            }
        }
        state
    }
}

/// The whole state after the log row `seq`.
///
/// # Errors
/// When the store does not answer, or the rewind would pass 200,000 changes.
pub async fn state_after(store: &Store, view: &RoomView, seq: i64) -> Result<RoomState, RoomError> {
    Ok(StateAt::after(store, view, seq, Members::All).await?.into_state())
}

/// Undoes the change of one state key.
pub fn put_back(state: &mut RoomState, kind: &str, state_key: &str, old: Option<Pdu>) {
    match old {
        Some(old) => drop(state.insert(old)),
        None => drop(state.remove(kind, state_key)),
    }
}

/// The changes of log rows after `after` and up to `up_to`, oldest first; `None` where the tail does not hold them all.
fn changes_in_memory(view: &RoomView, after: i64, up_to: i64) -> Option<impl Iterator<Item = &StateDelta>> {
    let skipped = usize::try_from(after + 1 - view.tail_start());
    let skipped = if after >= view.head_seq { view.tail.len() } else { skipped.ok()? };
    let events = view.tail_from(skipped).take_while(move |event| event.seq <= up_to);
    Some(events.flat_map(|event| &event.changes))
}

/// The changes of log rows after `after` and up to `up_to`, oldest first.
///
/// # Errors
/// When the store does not answer, or there are more than 200,000.
pub async fn changes_between(
    store: &Store,
    view: &RoomView,
    after: i64,
    up_to: i64,
) -> Result<Vec<(i64, Change)>, RoomError> {
    let room = view.room_id.as_str();
    let mut changes = Vec::new();
    for bucket in (after + 1).div_euclid(CHANGE_BUCKET)..=up_to.div_euclid(CHANGE_BUCKET) {
        let slice = Slice {
            from: Bound::Excluded((after,).to_key()),
            to: Bound::Included((up_to,).to_key()),
            order: Order::Forward,
            limit: CHANGE_BUCKET as usize,
        };
        let (rows, _) = store.slice::<StateChange>((room, bucket), slice).await?;
        changes.extend(
            rows.into_iter().flat_map(|((seq,), row)| row.changes.into_iter().map(move |c| (seq, c))),
        );
        if changes.len() > MOST_CHANGES {
            return Err(RoomError::TooLarge("too much changed since then to answer".into()));
        }
    }
    Ok(changes)
}

/// The wanted events that stand, of the keys that changed in log rows after `after` and up to `up_to`, as of `up_to`.
///
/// # Errors
/// When the store does not answer.
pub async fn changed_state(
    store: &Store,
    view: &RoomView,
    (after, up_to): (i64, i64),
    members: Members<'_>,
) -> Result<Vec<Pdu>, RoomError> {
    if let Some(changes) = changes_in_memory(view, after, up_to) {
        let changes = changes.filter(|change| members.want(&change.kind, &change.state_key));
        let newest: BTreeMap<(&str, &str), Option<&Pdu>> =
            changes.map(|change| ((&*change.kind, &*change.state_key), change.new.as_ref())).collect();
        return Ok(newest.into_values().flatten().cloned().collect());
    }
    let mut newest: BTreeMap<(String, String), Option<i64>> = BTreeMap::new();
    for (_, change) in changes_between(store, view, after, up_to).await? {
        if members.want(&change.kind, &change.state_key) {
            newest.insert((change.kind, change.state_key), change.new);
        }
    }
    let keys: Vec<_> =
        newest.into_values().flatten().map(|seq| log_key(view.room_id.as_str(), seq)).collect();
    let rows = store.multi_get::<RoomLog>(&keys).await?;
    rows.into_iter().flatten().map(|row| Ok(parse_row(view.version, row)?.1)).collect()
}
