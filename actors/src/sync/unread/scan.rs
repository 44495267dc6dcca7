//! Events held against a user's push rules.

use std::sync::{Arc, OnceLock};

use playhouse_rules::{
    push::{CompiledRules, RoomContext, UserContext},
    state::RoomState,
};
use playhouse_storage::Store;
use ruma::UserId;

use super::tally::{Found, Meaning};
use crate::{
    room::{RoomError, RoomEvent, RoomView, load::read_events},
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
        let events = self.read(first).await?;
        let meanings = self.meanings(&events);
        let mut found = Vec::new();
        let mut notifying = Vec::new();
        for (event, meaning) in events.iter().zip(meanings) {
            let Some(meaning) = meaning else { continue };
            if matches!(meaning, Meaning::Notifies { .. }) {
                notifying.push(event);
            }
            let thread = thread_of(self.store, self.view, event).await?;
            found.push(Found { seq: event.seq, thread, meaning });
        }
        self.drop_redacted(&notifying, &mut found).await?;
        Ok(found)
    }

    /// The events from row `first` on: those that are not in memory from the store.
    async fn read(&self, first: i64) -> Result<Vec<Arc<RoomEvent>>, RoomError> {
        let view = self.view;
        let (first, tail_start) = (first.max(0), view.tail_start());
        let mut events = Vec::new();
        if first < tail_start {
            let stored = read_events(self.store, view.version, &view.room_id, first, tail_start - 1).await?;
            events.extend(stored.into_iter().map(Arc::new));
        }
        let in_memory = (first - tail_start).max(0) as usize;
        events.extend(view.tail_from(in_memory).cloned());
        Ok(events)
    }

    /// What each event means to the user. Each is judged by the room as it was after the event: the newest first, so
    /// that the room can be taken back step by step.
    fn meanings(&self, events: &[Arc<RoomEvent>]) -> Vec<Option<Meaning>> {
        let display_name = OnceLock::new();
        let mut rewind = Rewind::new(&self.view.state);
        let mut meanings: Vec<_> = events
            .iter()
            .rev()
            .map(|event| {
                let meaning = self.meaning(event, &mut rewind, &display_name);
                rewind.past(event);
                meaning
            })
            .collect();
        meanings.reverse();
        meanings
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
        if self.data.ignores(pdu.sender()) {
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

/// The room's state, taken back event by event, and only as far as somebody asks.
struct Rewind<'e> {
    state: RoomState,
    passed: Vec<&'e RoomEvent>,
}

impl<'e> Rewind<'e> {
    fn new(head: &RoomState) -> Self {
        Self { state: head.clone(), passed: Vec::new() }
    }

    /// Goes on to the event before this one.
    fn past(&mut self, event: &'e RoomEvent) {
        if !event.changes.is_empty() {
            self.passed.push(event);
        }
    }

    /// The room after the event that is looked at.
    fn room(&mut self) -> RoomContext<'_> {
        for change in self.passed.drain(..).flat_map(|event| &event.changes) {
            put_back(&mut self.state, &change.kind, &change.state_key, change.old.clone());
        }
        RoomContext { member_count: self.state.joined_count(), power_levels: self.state.power_levels() }
    }
}
