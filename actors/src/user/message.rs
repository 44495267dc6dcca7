//! What can be said to a user's stream.

use playhouse_storage::tables::room_log::Transaction;
use ractor::RpcReplyPort;
use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::value::RawValue;
use tokio::sync::OwnedSemaphorePermit;

use super::{UserError, backup::BackupRequest, keys::KeysRequest, push_rules::PushRuleChange};

/// An answer.
pub type Reply<T> = RpcReplyPort<Result<T, UserError>>;

/// A request and what goes with it.
pub struct UserMessage {
    /// What is asked.
    pub request: UserRequest,
    /// The admission permit, held until the answer.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// A request to a user's stream.
pub enum UserRequest {
    /// Sets account data; a room's or global.
    SetAccountData {
        /// The room; `None` for global data.
        room: Option<OwnedRoomId>,
        /// The type.
        kind: String,
        /// The content.
        content: Box<RawValue>,
        /// Answered when every sync can see it.
        reply: Reply<()>,
    },
    /// Delivers to-device messages.
    DeliverToDevice {
        /// Device id (`*`: each device) and message, as the client gets it.
        messages: Vec<(String, Box<RawValue>)>,
        /// The transaction that they belong to; the same again delivers nothing.
        transaction: Option<Transaction>,
        /// Answered when they are durable.
        reply: Reply<()>,
    },
    /// Drops the to-device messages that a device has shown to have, by its sync token.
    AcknowledgeToDevice {
        /// The device.
        device: String,
        /// Everything at or below goes.
        up_to: i64,
    },
    /// Sets or removes a tag of a room.
    ChangeTag {
        /// The room.
        room: OwnedRoomId,
        /// The tag's name.
        name: String,
        /// What the tag says; `None` removes it.
        info: Option<Box<RawValue>>,
        /// Answered when every sync can see it.
        reply: Reply<()>,
    },
    /// Keeps a filter.
    AddFilter {
        /// Its id.
        id: String,
        /// The filter, checked.
        filter: Box<RawValue>,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// Changes one push rule.
    ChangePushRule {
        /// The change.
        change: PushRuleChange,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// Sets or removes a profile field.
    SetProfile {
        /// The field.
        field: String,
        /// Its value; `None` removes it.
        value: Option<Box<RawValue>>,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// Notes that the user asked to forget a room.
    Forget {
        /// The room.
        room: OwnedRoomId,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// About encryption keys.
    Keys(KeysRequest),
    /// About backups of room keys.
    Backup(BackupRequest),
    /// A device has another name: tells everyone who shares a room.
    AnnounceDeviceChange {
        /// The device.
        device: String,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// A device is gone: drops its keys and messages and announces the change.
    RemoveDevices {
        /// The devices.
        devices: Vec<String>,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// The account ends: deletes what the user kept here.
    DeleteData {
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// Loads everything again.
    Reload {
        /// Answered when the feed can be believed.
        reply: Reply<()>,
    },
    /// Panics, to prove that a panic costs only this actor.
    #[cfg(any(test, feature = "fault-injection"))]
    Panic,
}

/// Who sends a to-device message, and what: as clients get it.
pub fn to_device_message(sender: &OwnedUserId, kind: &str, content: &RawValue) -> Box<RawValue> {
    #[derive(serde::Serialize)]
    struct Message<'a> {
        sender: &'a OwnedUserId,
        #[serde(rename = "type")]
        kind: &'a str,
        content: &'a RawValue,
    }
    serde_json::value::to_raw_value(&Message { sender, kind, content }).expect("made of what JSON can say")
}
