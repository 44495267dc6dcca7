//! Events held against a user's push rules.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use playhouse_rules::{
    pdu::Pdu,
    push::{CompiledRules, RoomContext, UserContext},
    state::RoomState,
};
use playhouse_storage::Store;
use ruma::{UserId, events::room::member::MembershipState};

use super::tally::{Found, Meaning};
use crate::{
    room::{RoomError, RoomEvent, RoomView, StateDelta, load::read_rows},
    timeline::{find, state_at::put_back, thread::thread_of},
    user::data::UserData,
};

/// For whom and where events are looked at.
pub struct Scan<'a> {
    /// The store.
    pub store: &'a Store,
    /// The room.
    pub view: &'a RoomView,
    /// The user's push rules.
    pub rules: &'a CompiledRules,
    /// The user's own stream.
    pub data: &'a UserData,
    /// The user.
    pub user: &'a UserId,
}

impl Scan<'_> {
    /// What the events from row `first` to the head mean to the user, in the order of the log.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn events(&self, first: i64) -> Result<Vec<Found>, RoomError> {
        let rows = self.read(first).await?;
        let mut found = Vec::new();
        let mut notifying = Vec::new();
        for (event, meaning) in self.meanings(&rows) {
            if matches!(meaning, Meaning::Notifies { .. }) {
                notifying.push(event);
            }
            let thread = thread_of(self.store, self.view, event).await?;
            found.push(Found { seq: event.seq, thread, meaning });
        }
        self.drop_redacted(&notifying, &mut found).await?;
        Ok(found)
    }

    /// The rows from `first` on, of which the quiet ones are not looked at; those that are not in memory from the store.
    async fn read(&self, first: i64) -> Result<Vec<Row>, RoomError> {
        let view = self.view;
        let (first, tail_start) = (first.max(0), view.tail_start());
        let quiet = view.quiet_rows.of(self.rules.hash(), first, view.head_seq + 1);
        let unknown = (first..).zip(&quiet).filter(|(_, quiet)| quiet.is_none()).map(|(seq, _)| seq);
        let unknown: Vec<i64> = unknown.take_while(|seq| *seq < tail_start).collect();
        let mut stored = HashMap::new();
        if !unknown.is_empty() {
            let events = read_rows(self.store, view.version, &view.room_id, &unknown).await?;
            stored.extend(events.into_iter().map(|event| (event.seq, Arc::new(event))));
        }
        let row = |(seq, quiet): (i64, Option<i16>)| match quiet {
            Some(joined) => Some(Row::Quiet { joined }),
            None if seq < tail_start => stored.remove(&seq).map(Row::Event),
            None => view.tail.get((seq - tail_start) as usize).cloned().map(Row::Event),
        };
        Ok((first..).zip(quiet).filter_map(row).collect())
    }

    /// What the events mean to the user, where they mean something. Each is judged by the room as it was after the
    /// event: the newest first, so that the room can be taken back step by step.
    fn meanings<'r>(&self, rows: &'r [Row]) -> Vec<(&'r Arc<RoomEvent>, Meaning)> {
        let display_name = OnceLock::new();
        let mut rewind = Rewind::new(&self.view.state);
        let mut meanings = Vec::new();
        for row in rows.iter().rev() {
            match row {
                Row::Quiet { joined } => rewind.past_quiet(i64::from(*joined)),
                Row::Event(event) => {
                    let meaning = self.meaning(event, &mut rewind, &display_name);
                    meanings.extend(meaning.map(|meaning| (event, meaning)));
                    self.note_quiet(event);
                    rewind.past(event);
                }
            }
        }
        meanings.reverse();
        meanings
    }

    /// Spares the next one who counts so far back the look at a row that is nothing to anybody.
    fn note_quiet(&self, event: &RoomEvent) {
        // What a message before the tail redacts lies before the tail as well, and is not looked for there.
        let redacts_nothing = event.pdu.redacts().is_some() && event.seq < self.view.tail_start();
        let is_nothing = !event.is_visible()
            || redacts_nothing
            || (event.pdu.is_state() && event.push.is_quiet(self.rules.hash()));
        if is_nothing
            && !event.changes.iter().any(changes_power_levels)
            && let Ok(joined) = i16::try_from(joined_by(event))
        {
            self.view.quiet_rows.note(self.rules.hash(), event.seq, joined);
        }
    }

    fn meaning(
        &self,
        event: &RoomEvent,
        rewind: &mut Rewind<'_>,
        display_name: &OnceLock<Option<String>>,
    ) -> Option<Meaning> {
        let pdu = &event.pdu;
        if !event.is_visible() {
            return None;
        }
        if let Some(target) = pdu.redacts() {
            return self.view.recent(target).map(|target| Meaning::Redacts(target.seq));
        }
        if pdu.sender() == self.user {
            return (!pdu.is_state()).then_some(Meaning::Own);
        }
        if self.data.ignores(pdu.sender()) || event.push.is_quiet(self.rules.hash()) {
            return None;
        }
        let display_name = display_name.get_or_init(|| display_name_of(self.view, self.user));
        let user = UserContext { user_id: self.user, display_name: display_name.as_deref() };
        let outcome = event.push.outcome(pdu, self.rules, || rewind.room(), &user);
        outcome.notify.then_some(Meaning::Notifies { highlight: outcome.highlight })
    }

    /// What was redacted does not notify any more.
    async fn drop_redacted(
        &self,
        notifying: &[&Arc<RoomEvent>],
        found: &mut Vec<Found>,
    ) -> Result<(), RoomError> {
        let redacted = find::redactions(self.store, self.view, notifying.iter().copied()).await?;
        if redacted.is_empty() {
            return Ok(());
        }
        let seqs: Vec<i64> = notifying
            .iter()
            .filter(|event| redacted.contains_key(event.pdu.event_id()))
            .map(|event| event.seq)
            .collect();
        found.retain(|found| !seqs.contains(&found.seq));
        Ok(())
    }
}

fn display_name_of(view: &RoomView, user: &UserId) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Content {
        displayname: Option<String>,
    }
    view.state.member(user)?.content_as::<Content>().ok()?.displayname
}

/// A row of the log.
enum Row {
    Event(Arc<RoomEvent>),
    /// One that means nothing to anybody, and by how many it changed the number of joined members.
    Quiet {
        joined: i16,
    },
}

/// By how many an event changed the number of joined members.
fn joined_by(event: &RoomEvent) -> i64 {
    let joined =
        |pdu: &Option<Pdu>| i64::from(pdu.as_ref().and_then(Pdu::membership) == Some(&MembershipState::Join));
    let members = event.changes.iter().filter(|change| change.kind == "m.room.member");
    members.map(|change| joined(&change.new) - joined(&change.old)).sum()
}

fn changes_power_levels(change: &StateDelta) -> bool {
    change.state_key.is_empty() && matches!(&*change.kind, "m.room.power_levels" | "m.room.create")
}

/// What push rules ask of the room, taken back event by event, and only as far as somebody asks.
struct Rewind<'e> {
    joined: i64,
    /// The state, of which only the power levels are taken back.
    state: RoomState,
    passed: Vec<&'e RoomEvent>,
}

impl<'e> Rewind<'e> {
    fn new(head: &RoomState) -> Self {
        Self { joined: head.joined_count() as i64, state: head.clone(), passed: Vec::new() }
    }

    /// Goes on to the event before this one.
    fn past(&mut self, event: &'e RoomEvent) {
        if !event.changes.is_empty() {
            self.passed.push(event);
        }
    }

    const fn past_quiet(&mut self, joined: i64) {
        self.joined -= joined;
    }

    /// The room after the event that is looked at.
    fn room(&mut self) -> RoomContext<'_> {
        for event in self.passed.drain(..) {
            self.joined -= joined_by(event);
            for change in event.changes.iter().filter(|change| changes_power_levels(change)) {
                put_back(&mut self.state, &change.kind, &change.state_key, change.old.clone());
            }
        }
        let member_count = usize::try_from(self.joined).unwrap_or_default();
        RoomContext { member_count, power_levels: self.state.power_levels() }
    }
}
