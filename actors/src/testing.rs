//! The vocabulary of tests of what goes on in rooms: a server on a store in memory, and people who act in its rooms.

use std::{sync::Arc, time::Duration};

use playhouse_storage::{
    Outcome, Store,
    backends::{Adversity, MemoryBackend, memory::MemoryDisk},
    tables::{Account, account::AccountRow},
};
use ruma::{
    DeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId,
    api::client::filter::RoomEventFilter, device_id,
};
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use crate::{
    Node, NodeConfig,
    aliases::Asker,
    founding::{self, FoundingError, NewRoom, Preset},
    joining::{self, Measure, MembershipError, Said},
    reading::{HistoryWish, Reading},
    room::RoomError,
    sending::{self, SendError, Sender},
    timeline::{Reader, page::Direction},
};

/// A server, and what survives it.
pub(crate) struct Theatre {
    disk: MemoryDisk,
    folder: tempfile::TempDir,
    pub(crate) node: Arc<Node>,
}

impl Theatre {
    /// A server on an empty, helpful store.
    pub(crate) async fn open() -> Self {
        Self::open_on(MemoryBackend::new(7, Adversity::none()).disk(), Adversity::none()).await
    }

    /// A server on a store that may be unhelpful.
    pub(crate) async fn open_on(disk: MemoryDisk, adversity: Adversity) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = start(&disk, adversity, &folder).await;
        Self { disk, folder, node }
    }

    /// The server stops; another starts on what is left of it.
    pub(crate) async fn reopen(self) -> Self {
        self.reopen_on(Adversity::none()).await
    }

    /// The server stops; another starts on what is left of it, on a store that is unhelpful from then on.
    pub(crate) async fn reopen_on(self, adversity: Adversity) -> Self {
        self.node.shutdown(Duration::from_secs(1)).await;
        let node = start(&self.disk, adversity, &self.folder).await;
        Self { node, ..self }
    }

    /// A person with an account.
    pub(crate) async fn person(&self, name: &str) -> Person<'_> {
        let id: OwnedUserId = format!("@{name}:test").try_into().unwrap();
        let row = AccountRow::default();
        let made = self.node.store().insert_if_absent::<Account>((id.as_str(),), (), &row, Vec::new()).await;
        assert_eq!(made.unwrap(), Outcome::Applied);
        self.person_again(&id)
    }

    /// A person whom an earlier server knew.
    pub(crate) fn person_again(&self, id: &UserId) -> Person<'_> {
        Person { node: &self.node, id: id.to_owned(), device: device_id!("PHONE") }
    }

    /// The aliases that lead to a room.
    pub(crate) async fn aliases_of(&self, room: &RoomId) -> Vec<String> {
        let aliases = crate::aliases::of_room(&self.node, room).await.unwrap();
        aliases.into_iter().map(|alias| alias.to_string()).collect()
    }
}

async fn start(disk: &MemoryDisk, adversity: Adversity, folder: &tempfile::TempDir) -> Arc<Node> {
    let store = Store::new(MemoryBackend::open(disk, adversity));
    Node::start(store, NodeConfig::new("test".try_into().unwrap(), folder.path().join("key"))).await.unwrap()
}

/// Somebody at a device.
#[derive(Clone)]
pub(crate) struct Person<'a> {
    node: &'a Node,
    pub(crate) id: OwnedUserId,
    pub(crate) device: &'static DeviceId,
}

impl Person<'_> {
    /// The same person at another device.
    pub(crate) fn at(&self, device: &'static DeviceId) -> Self {
        Self { device, ..self.clone() }
    }

    pub(crate) fn sender(&self) -> Sender<'_> {
        Sender { user: &self.id, device: self.device, is_suspended: false }
    }

    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker { user: &self.id, is_admin: false }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader::new(self.node, &self.id, Some(self.device.as_str()))
    }

    pub(crate) async fn founds(&self, new: NewRoom) -> Result<OwnedRoomId, FoundingError> {
        founding::found(self.node, &self.id, new).await
    }

    /// Founds a public room of version 11, in which powers are numbers.
    pub(crate) async fn opens_a_room(&self) -> OwnedRoomId {
        let version = Some(RoomVersionId::V11);
        self.founds(NewRoom { version, ..NewRoom::new(Preset::PublicChat) }).await.unwrap()
    }

    /// Founds a private room.
    pub(crate) async fn opens_a_private_room(&self) -> OwnedRoomId {
        self.founds(NewRoom::new(Preset::PrivateChat)).await.unwrap()
    }

    pub(crate) async fn joins(&self, room: &RoomId) -> Result<OwnedEventId, MembershipError> {
        joining::join(self.node, &self.id, room, &[], Said::default()).await
    }

    pub(crate) async fn knocks(&self, room: &RoomId) -> Result<OwnedEventId, MembershipError> {
        joining::knock(self.node, &self.id, room, &[], Said::default()).await
    }

    pub(crate) async fn invites(
        &self,
        room: &RoomId,
        whom: &UserId,
    ) -> Result<OwnedEventId, MembershipError> {
        joining::invite(self.node, &self.id, whom, room, Said::default()).await
    }

    pub(crate) async fn leaves(&self, room: &RoomId) -> Result<OwnedEventId, MembershipError> {
        joining::leave(self.node, &self.id, room, Said::default()).await
    }

    pub(crate) async fn moderates(
        &self,
        room: &RoomId,
        whom: &Person<'_>,
        measure: Measure,
    ) -> Result<OwnedEventId, MembershipError> {
        joining::moderate(self.node, &self.id, &whom.id, room, measure, Said::default()).await
    }

    /// Sends a message with a transaction id of its own.
    pub(crate) async fn says(&self, room: &RoomId, text: &str) -> OwnedEventId {
        self.sends(room, "m.room.message", text, json!({ "body": text })).await.unwrap()
    }

    pub(crate) async fn sends(
        &self,
        room: &RoomId,
        kind: &str,
        id: &str,
        content: Value,
    ) -> Result<OwnedEventId, SendError> {
        sending::send_message(self.node, self.sender(), room, kind, id, raw(&content)).await
    }

    pub(crate) async fn sets(
        &self,
        room: &RoomId,
        place: (&str, &str),
        content: Value,
    ) -> Result<OwnedEventId, SendError> {
        sending::set_state(self.node, self.sender(), room, place, raw(&content)).await
    }

    /// The content of a state event, as the person may see it.
    pub(crate) async fn finds(&self, room: &RoomId, place: (&str, &str)) -> Result<Option<Value>, RoomError> {
        let reading = Reading::open(self.node, room, &self.id).await?;
        let event = reading.state_event(self.node, &self.reader(), place, false).await?;
        Ok(event.map(|raw| value(&raw)))
    }

    /// The membership of somebody, with the rest of the member event.
    pub(crate) async fn sees_member(&self, room: &RoomId, whom: &UserId) -> Value {
        self.finds(room, ("m.room.member", whom.as_str())).await.unwrap().unwrap_or_default()
    }

    /// The texts of the messages that the person may see, newest first.
    pub(crate) async fn reads(&self, room: &RoomId) -> Result<Vec<String>, RoomError> {
        let reading = Reading::open(self.node, room, &self.id).await?;
        let filter: RoomEventFilter = serde_json::from_value(json!({ "types": ["m.room.message"] })).unwrap();
        let wish =
            HistoryWish { from: None, to: None, direction: Direction::Backward, limit: 100, filter: &filter };
        let page = reading.page(self.node, &self.reader(), &wish).await?;
        let text = |raw: &RawValue| value(raw)["content"]["body"].as_str().unwrap_or_default().to_owned();
        Ok(page.chunk.iter().map(|raw| text(raw)).collect())
    }

    pub(crate) async fn sets_profile(&self, field: &str, value: &str) {
        let value = Some(raw(&json!(value)));
        self.node.users().handle(&self.id).set_profile(field, value).await.unwrap();
    }

    pub(crate) async fn sets_account_data(&self, kind: &str, content: Value) {
        self.node.users().handle(&self.id).set_account_data(None, kind, raw(&content)).await.unwrap();
    }
}

/// JSON as it comes in.
pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// JSON as it goes out.
pub(crate) fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap()
}

/// A JSON object.
pub(crate) fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}
