//! A client that keeps count: what it was told is done, and what its syncs brought.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use playhouse_actors::{
    Node,
    room::message::{ChangeMembership, MembershipAction, SendEvent},
    sync::{SyncRequest, SyncResponse, sync},
    user::message::to_device_message,
};
use playhouse_storage::tables::room_log::Transaction;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, api::client::filter::FilterDefinition};
use serde_json::{json, value::to_raw_value};

/// A client with one device.
#[derive(Debug)]
pub struct Client {
    /// The user.
    pub user: OwnedUserId,
    /// The device.
    pub device: String,
    /// Its sync token.
    pub since: Option<String>,
    /// Events that its syncs brought, in order, by room.
    pub seen: BTreeMap<OwnedRoomId, Vec<OwnedEventId>>,
    /// To-device messages that its syncs brought.
    pub received: Vec<String>,
    /// Account data that its syncs brought, the newest of each type.
    pub account_data: BTreeMap<String, String>,
    /// Events that the server said are done, by transaction.
    pub acknowledged: BTreeMap<String, OwnedEventId>,
    /// Account data that the server said is done.
    pub acknowledged_account_data: BTreeMap<String, String>,
    next_transaction: u64,
    pending: Option<(OwnedRoomId, String)>,
    pending_message: Option<(OwnedUserId, String)>,
}

/// What went against the law, in words.
pub type Violation = String;

impl Client {
    /// A client that has done nothing yet.
    pub fn new(user: OwnedUserId) -> Self {
        Self {
            user,
            device: "DEVICE".to_owned(),
            since: None,
            seen: BTreeMap::new(),
            received: Vec::new(),
            account_data: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            acknowledged_account_data: BTreeMap::new(),
            next_transaction: 0,
            pending: None,
            pending_message: None,
        }
    }

    /// Joins a room unless it is in there; answers whether it is.
    pub async fn is_in(&self, node: &Node, room_id: &RoomId) -> bool {
        let view = node.rooms().view(room_id).await;
        view.is_ok_and(|view| view.state.is_joined(&self.user)) || self.joins(node, room_id).await
    }

    /// Joins a room; answers whether the server said that it is done.
    pub async fn joins(&self, node: &Node, room_id: &RoomId) -> bool {
        let request = ChangeMembership {
            sender: self.user.clone(),
            target: self.user.clone(),
            action: MembershipAction::Join { meets_restriction: false },
            reason: None,
            extra: serde_json::Map::new(),
        };
        node.rooms().handle(room_id).change_membership(request).await.is_ok()
    }

    /// Sends a message, or again the one whose outcome is unknown.
    ///
    /// # Errors
    /// If the server answers the same transaction with two events.
    ///
    /// # Panics
    /// Never: the content is JSON.
    pub async fn sends(&mut self, node: &Node, room_id: &RoomId) -> Result<bool, Violation> {
        let (room_id, id) = self.pending.take().unwrap_or_else(|| {
            self.next_transaction += 1;
            (room_id.to_owned(), format!("{}-{}", self.user.localpart(), self.next_transaction))
        });
        let transaction = Transaction {
            user: self.user.to_string(),
            device: self.device.clone(),
            path: "send/m.room.message".to_owned(),
            id: id.clone(),
        };
        let request = SendEvent {
            sender: self.user.clone(),
            kind: "m.room.message".into(),
            state_key: None,
            content: to_raw_value(&json!({"msgtype": "m.text", "body": id})).expect("JSON"),
            redacts: None,
            transaction: Some(transaction),
        };
        let Ok(event_id) = node.rooms().handle(&room_id).send(request).await else {
            self.pending = Some((room_id, id));
            return Ok(false);
        };
        match self.acknowledged.insert(id.clone(), event_id.clone()) {
            Some(before) if before != event_id => Err(format!("{id} became {before} and {event_id}")),
            _ => Ok(true),
        }
    }

    /// Sets account data to a value that grows.
    ///
    /// # Panics
    /// Never: the content is JSON.
    pub async fn sets_account_data(&mut self, node: &Node, value: u64) -> bool {
        let content = json!({ "value": value });
        let raw = to_raw_value(&content).expect("JSON");
        let done = node.users().handle(&self.user).set_account_data(None, "sim.value", raw).await.is_ok();
        if done {
            self.acknowledged_account_data.insert("sim.value".to_owned(), content.to_string());
        }
        done
    }

    /// Sends a to-device message, or again the one whose outcome is unknown; answers to whom and its text if the server
    /// said that it is done.
    ///
    /// # Panics
    /// Never: the content is JSON.
    pub async fn sends_to_device(
        &mut self,
        node: &Node,
        to: &OwnedUserId,
        text: String,
    ) -> Option<(OwnedUserId, String)> {
        let (to, text) = self.pending_message.take().unwrap_or_else(|| (to.clone(), text));
        let content = to_raw_value(&json!({ "text": text })).expect("JSON");
        let message = to_device_message(&self.user, "sim.message", &content);
        let transaction = Transaction {
            user: self.user.to_string(),
            device: self.device.clone(),
            path: "sendToDevice/sim.message".to_owned(),
            id: text.clone(),
        };
        let messages = vec![("*".to_owned(), message)];
        if node.users().handle(&to).deliver_once(messages, transaction).await.is_err() {
            self.pending_message = Some((to, text));
            return None;
        }
        Some((to, text))
    }

    /// Syncs once and takes in what came; answers whether the server answered.
    ///
    /// # Errors
    /// If an event comes twice, or a timeline has a gap.
    pub async fn syncs(&mut self, node: &Node, timeout: Duration) -> Result<bool, Violation> {
        let since = match &self.since {
            Some(token) => Some(node.tokens().decode(token).map_err(|error| error.to_string())?),
            None => None,
        };
        let mut filter = FilterDefinition::default();
        filter.room.timeline.limit = Some(200_u32.into());
        let request = SyncRequest {
            user: self.user.clone(),
            device: Some(self.device.as_str().into()),
            since,
            filter,
            full_state: false,
            use_state_after: false,
            timeout,
        };
        match sync(node, &request).await {
            Ok(response) => self.takes_in(&response).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// How much its syncs brought: what a quiet server adds nothing to.
    pub fn holds(&self) -> usize {
        let seen: usize = self.seen.values().map(Vec::len).sum();
        seen + self.received.len() + self.account_data.values().map(String::len).sum::<usize>()
    }

    fn takes_in(&mut self, response: &SyncResponse) -> Result<(), Violation> {
        for (room_id, room) in &response.rooms.join {
            // The timeline of a room that is new to the client always counts as cut.
            if room.timeline.limited && self.seen.contains_key(room_id) {
                return Err(format!("{} got a limited timeline of {room_id}", self.user));
            }
            let seen = self.seen.entry(room_id.clone()).or_default();
            for event in &room.timeline.events {
                let event: serde_json::Value =
                    serde_json::from_str(event.get()).map_err(|e| e.to_string())?;
                let id = event["event_id"].as_str().and_then(|id| OwnedEventId::try_from(id).ok());
                let id = id.ok_or("an event without an id")?;
                if seen.contains(&id) {
                    return Err(format!("{} got {id} twice", self.user));
                }
                seen.push(id);
            }
        }
        for message in &response.to_device.events {
            let message: serde_json::Value =
                serde_json::from_str(message.get()).map_err(|e| e.to_string())?;
            self.received.push(message["content"]["text"].as_str().unwrap_or_default().to_owned());
        }
        for event in &response.account_data.events {
            let event: serde_json::Value = serde_json::from_str(event.get()).map_err(|e| e.to_string())?;
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            self.account_data.insert(kind, event["content"].to_string());
        }
        self.since = Some(response.next_batch.clone());
        Ok(())
    }

    /// The messages that came more than once.
    pub fn doubled(&self) -> Vec<&String> {
        let mut once = BTreeSet::new();
        self.received.iter().filter(|text| !once.insert(*text)).collect()
    }
}
