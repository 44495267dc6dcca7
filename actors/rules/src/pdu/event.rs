//! How ruma's state resolution and authorization rules read a [`Pdu`].

use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, UserId, events::TimelineEventType, state_res::Event,
};
use serde_json::value::RawValue;

use super::Pdu;

impl Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &Self::Id {
        &self.inner.event_id
    }

    /// What the JSON says, not the derived id: a version 12 create event that names a room must be rejected.
    fn room_id(&self) -> Option<&RoomId> {
        self.inner.names_room.then_some(&*self.inner.room_id)
    }

    fn sender(&self) -> &UserId {
        &self.inner.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.inner.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.inner.kind
    }

    fn content(&self) -> &RawValue {
        &self.inner.content
    }

    fn state_key(&self) -> Option<&str> {
        self.inner.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.inner.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.inner.auth_events.iter())
    }

    fn redacts(&self) -> Option<&Self::Id> {
        self.inner.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        self.rejected
    }
}
