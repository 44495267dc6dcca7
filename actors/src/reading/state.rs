//! The state as a reader may see it.

use std::ops::Bound;

use playhouse_rules::{pdu::Pdu, state::RoomState};
use playhouse_storage::{
    IntoKey as _, Order, Slice, Store,
    tables::{RoomLog, StateHistory, state_history::shard_of},
};
use ruma::OwnedEventId;
use serde_json::value::RawValue;

use super::Reading;
use crate::{
    Node,
    room::{
        RoomError, RoomView,
        load::{log_key, parse_row, redactions_of},
    },
    timeline::{Reader, page::Gap, state_at::state_after},
};

/// The longest state key that an event can have, in bytes; longer ones are not looked for.
const MAX_KEY_BYTES: usize = 255;

/// A state, and what is needed to show it.
pub struct Snapshot {
    /// The state.
    pub state: RoomState,
    /// The room, with the redactions of this state.
    view: RoomView,
}

impl Snapshot {
    /// The state after a log row.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn after(store: &Store, view: &RoomView, seq: i64) -> Result<Self, RoomError> {
        let state = state_after(store, view, seq).await?;
        Self::of(store, view, state).await
    }

    /// A state of a room.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn of(store: &Store, view: &RoomView, state: RoomState) -> Result<Self, RoomError> {
        let mut view = view.clone();
        // The redactions of what stands now are in the view; those of what stood before are not.
        let replaced = state.iter().filter(|pdu| stands(&view.state, pdu) != Some(true));
        let replaced: Vec<OwnedEventId> = replaced.map(|pdu| pdu.event_id().to_owned()).collect();
        if !replaced.is_empty() {
            let redactions = redactions_of(store, view.version, &view.room_id, &replaced).await?;
            view.redactions.extend(redactions);
        }
        Ok(Self { state, view })
    }

    /// A state event as a client gets it.
    pub fn render(&self, reader: &Reader<'_>, pdu: &Pdu) -> Box<RawValue> {
        reader.state_event(pdu, &self.view, true)
    }
}

fn stands(state: &RoomState, pdu: &Pdu) -> Option<bool> {
    Some(state.get(pdu.kind_str(), pdu.state_key()?)? == pdu)
}

impl Reading {
    /// The state as the reader may see it, or as it was at an earlier place.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn snapshot(&self, node: &Node, at: Option<Gap>) -> Result<Snapshot, RoomError> {
        // Before the creator's join there was nobody: a page that reaches the beginning starts there.
        const FOUNDED: Gap = Gap(2);
        let end = at.map_or(self.end(), |at| at.max(FOUNDED).min(self.end()));
        Snapshot::after(node.store(), &self.view, end.0 - 1).await
    }

    /// One state event, rendered whole, or its content alone.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn state_event(
        &self,
        node: &Node,
        reader: &Reader<'_>,
        (kind, state_key): (&str, &str),
        whole: bool,
    ) -> Result<Option<Box<RawValue>>, RoomError> {
        let standing = match self.until {
            None => self.view.state.get(kind, state_key).cloned(),
            Some(until) => version_at(node.store(), &self.view, kind, state_key, until).await?,
        };
        let Some(pdu) = standing else { return Ok(None) };
        let mut only = RoomState::new(self.view.version);
        only.insert(pdu.clone());
        let snapshot = Snapshot::of(node.store(), &self.view, only).await?;
        let event = snapshot.render(reader, &pdu);
        if whole { Ok(Some(event)) } else { content_of(&event).map(Some) }
    }
}

/// The content of a rendered event: what a redaction left of it.
fn content_of(event: &RawValue) -> Result<Box<RawValue>, RoomError> {
    #[derive(serde::Deserialize)]
    struct Event {
        content: Box<RawValue>,
    }
    let event: Event =
        serde_json::from_str(event.get()).map_err(|error| RoomError::Corrupt(error.to_string()))?;
    Ok(event.content)
}

/// The event that stood for a state key after a log row: one lookup, however far back.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn version_at(
    store: &Store,
    view: &RoomView,
    kind: &str,
    state_key: &str,
    seq: i64,
) -> Result<Option<Pdu>, RoomError> {
    if kind.len() > MAX_KEY_BYTES || state_key.len() > MAX_KEY_BYTES {
        return Ok(None);
    }
    let newest = Slice {
        from: Bound::Included((state_key,).to_key()),
        to: Bound::Included((state_key, seq).to_key()),
        order: Order::Backward,
        limit: 1,
    };
    let partition = (view.room_id.as_str(), kind, shard_of(kind, state_key));
    let (rows, _) = store.slice::<StateHistory>(partition, newest).await?;
    let Some((_, version)) = rows.into_iter().next().filter(|(_, version)| version.event_id.is_some()) else {
        return Ok(None);
    };
    let row =
        store.multi_get::<RoomLog>(&[log_key(view.room_id.as_str(), version.seq)]).await?.pop().flatten();
    let row = row.ok_or_else(|| RoomError::Corrupt("a version of the state is not in the log".into()))?;
    Ok(Some(parse_row(view.version, row)?.1))
}
