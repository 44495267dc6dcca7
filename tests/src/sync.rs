//! What one answer of `/sync` tells.

use serde_json::Value;

/// One answer of `/sync`, as the server sent it.
#[derive(Clone, Debug)]
pub struct Sync(pub Value);

impl Sync {
    /// The token to go on from.
    #[track_caller]
    pub fn next_batch(&self) -> &str {
        self.0["next_batch"].as_str().expect("every sync has a next_batch")
    }

    /// The room's entry under `join`, null if there is none.
    pub fn joined(&self, room: &str) -> &Value {
        &self.0["rooms"]["join"][room]
    }

    /// The room's entry under `leave`, null if there is none.
    pub fn left(&self, room: &str) -> &Value {
        &self.0["rooms"]["leave"][room]
    }

    /// The stripped state of an invite, empty if there is none.
    pub fn invite(&self, room: &str) -> Vec<Value> {
        events(&self.0["rooms"]["invite"][room]["invite_state"])
    }

    /// The stripped state of a knock, empty if there is none.
    pub fn knock(&self, room: &str) -> Vec<Value> {
        events(&self.0["rooms"]["knock"][room]["knock_state"])
    }

    /// The timeline of a room that the user is in.
    pub fn timeline(&self, room: &str) -> Vec<Value> {
        events(&self.joined(room)["timeline"])
    }

    /// The state at the start of the timeline.
    pub fn state(&self, room: &str) -> Vec<Value> {
        events(&self.joined(room)["state"])
    }

    /// Typing, receipts.
    pub fn ephemeral(&self, room: &str) -> Vec<Value> {
        events(&self.joined(room)["ephemeral"])
    }

    /// The account data of a room.
    pub fn room_account_data(&self, room: &str) -> Vec<Value> {
        events(&self.joined(room)["account_data"])
    }

    /// The global account data.
    pub fn account_data(&self) -> Vec<Value> {
        events(&self.0["account_data"])
    }

    /// Messages from device to device.
    pub fn to_device(&self) -> Vec<Value> {
        events(&self.0["to_device"])
    }

    /// The texts of the messages in a room's timeline, in order.
    pub fn messages(&self, room: &str) -> Vec<String> {
        let bodies = self.timeline(room).into_iter().filter(|e| e["type"] == "m.room.message");
        bodies.filter_map(|e| e["content"]["body"].as_str().map(str::to_owned)).collect()
    }

    /// Whether the room's timeline holds the event.
    pub fn has_event(&self, room: &str, event_id: &str) -> bool {
        self.timeline(room).iter().any(|e| e["event_id"] == event_id)
    }

    /// Whether the room's timeline holds a message with this text.
    pub fn has_message(&self, room: &str, text: &str) -> bool {
        self.messages(room).iter().any(|m| m == text)
    }

    /// Whether a user is told as changed in the device lists.
    pub fn device_list_changed(&self, user_id: &str) -> bool {
        self.0["device_lists"]["changed"].as_array().is_some_and(|l| l.iter().any(|u| u == user_id))
    }
}

fn events(section: &Value) -> Vec<Value> {
    section["events"].as_array().cloned().unwrap_or_default()
}
