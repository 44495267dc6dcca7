//! The events of a gap, as they are kept.

use std::{ops::Range, sync::Arc};

use playhouse_rules::pdu::{Pdu, PduStanding};
use playhouse_storage::{
    IntoKey as _, Key, Store, StoreError, Write,
    store::put,
    tables::{
        History, HistoryEvent, HistoryGap,
        history::{BUCKET_ROWS, HistoryRow},
        history_event::HistoryEventRow,
        history_gap::HistoryGapRow,
    },
};
use ruma::{EventId, OwnedEventId, events::room::history_visibility::HistoryVisibility};

use crate::{
    push::PushMemo,
    room::{RoomError, RoomEvent, RoomView},
};

/// A gap in a room's log, before the row `before`.
#[derive(Clone, Copy)]
pub(super) struct GapRows<'a> {
    pub store: &'a Store,
    pub view: &'a RoomView,
    pub before: i64,
}

impl GapRows<'_> {
    /// How far it is filled; `None` for one that nobody has looked into.
    pub async fn head(&self) -> Result<Option<HistoryGapRow>, StoreError> {
        self.store.get::<HistoryGap>((self.view.room_id.as_str(),), (self.before,)).await
    }

    pub fn write_of_head(&self, head: &HistoryGapRow, stamp: i64) -> Write {
        put::<HistoryGap>((self.view.room_id.as_str(),), (self.before,), head, stamp)
    }

    /// The events with these numbers, the newest first.
    pub async fn events(&self, numbers: Range<i64>) -> Result<Vec<Arc<RoomEvent>>, RoomError> {
        let mut events = Vec::new();
        for row in self.rows(numbers).await? {
            let event_id = OwnedEventId::try_from(row.event_id).map_err(corrupt)?;
            let pdu = Pdu::parse(self.view.version, row.pdu, Some(event_id)).map_err(corrupt)?;
            events.push(Arc::new(self.event(pdu, row.visibility.map(HistoryVisibility::from))));
        }
        Ok(events)
    }

    /// The rows with these numbers.
    pub async fn rows(&self, numbers: Range<i64>) -> Result<Vec<HistoryRow>, StoreError> {
        let keys: Vec<(Key, Key)> =
            numbers.map(|number| (self.partition(number).to_key(), (number,).to_key())).collect();
        Ok(self.store.multi_get::<History>(&keys).await?.into_iter().flatten().collect())
    }

    fn partition(&self, number: i64) -> (String, i64, i64) {
        (self.view.room_id.to_string(), self.before, number.div_euclid(BUCKET_ROWS))
    }

    fn event(&self, pdu: Pdu, visibility: Option<HistoryVisibility>) -> RoomEvent {
        RoomEvent {
            seq: self.before - 1,
            pos: 0,
            pdu,
            standing: PduStanding::Accepted,
            transaction: None,
            overlay: Vec::new(),
            stripped: None,
            goes_out: false,
            after_gap: false,
            in_gap: Some(visibility),
            changes: Vec::new(),
            push: PushMemo::default(),
        }
    }

    /// The writes that keep an event.
    pub fn writes_of(&self, number: i64, row: &HistoryRow, stamp: i64) -> [Write; 2] {
        let place = HistoryEventRow { room: self.view.room_id.to_string(), gap: self.before, number };
        [
            put::<History>(self.partition(number), (number,), row, stamp),
            put::<HistoryEvent>((row.event_id.as_str(),), (), &place, stamp),
        ]
    }
}

/// Where an event lies that is in a gap of the room's log.
///
/// # Errors
/// When the store does not answer.
pub async fn place_of(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<HistoryEventRow>, StoreError> {
    let place = store.get::<HistoryEvent>((event_id.as_str(),), ()).await?;
    Ok(place.filter(|place| place.room == view.room_id.as_str()))
}

/// An event that lies in a gap of the room's log.
///
/// # Errors
/// When the store does not answer.
pub async fn event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<Arc<RoomEvent>>, RoomError> {
    let Some(place) = place_of(store, view, event_id).await? else { return Ok(None) };
    let rows = GapRows { store, view, before: place.gap };
    let found = rows.events(place.number..place.number + 1).await?.pop();
    Ok(found.filter(|event| event.pdu.event_id() == event_id))
}

fn corrupt(error: impl std::fmt::Display) -> RoomError {
    RoomError::Corrupt(error.to_string())
}
