//! What can be said to a room.

use playhouse_rules::pdu::Pdu;
use playhouse_storage::{
    StoreError,
    tables::{receipt::ReceiptRow, room_log::Transaction},
};
use ractor::RpcReplyPort;
use ruma::{OwnedEventId, OwnedUserId, events::TimelineEventType};
use serde_json::value::RawValue;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    RoomError, actor::CommitReport, import::ImportRoom, outside::OutsideMembership, view::ReceiptKey,
};
use crate::ingest::{PreparedEvent, append::Verdict};

/// An answer that carries the event made, or the one made before.
pub type EventReply = RpcReplyPort<Result<OwnedEventId, RoomError>>;

/// Who waits for a commit.
pub enum Waiter {
    /// For an event.
    Event(OwnedEventId, OwnedSemaphorePermit, EventReply),
    /// For an event from elsewhere.
    Ingested(OwnedEventId, OwnedSemaphorePermit, RpcReplyPort<Result<Verdict, RoomError>>),
    /// For what an event that was built follows: it may be shown to others then.
    Drafted(Box<Pdu>, OwnedSemaphorePermit, RpcReplyPort<Result<Pdu, RoomError>>),
    /// For a receipt or a typing notice.
    Done(OwnedSemaphorePermit, RpcReplyPort<Result<(), RoomError>>),
}

impl Waiter {
    /// Answers: the commit happened, or not.
    pub fn answer(self, outcome: Result<(), RoomError>) {
        // A caller that went away needs no answer.
        match self {
            Self::Event(event_id, permit, reply) => {
                drop(permit);
                let _ = reply.send(outcome.map(|()| event_id));
            }
            Self::Ingested(event_id, permit, reply) => {
                drop(permit);
                let _ = reply.send(outcome.map(|()| Verdict::Appended(event_id)));
            }
            Self::Drafted(pdu, permit, reply) => {
                drop(permit);
                let _ = reply.send(outcome.map(|()| *pdu));
            }
            Self::Done(permit, reply) => {
                drop(permit);
                let _ = reply.send(outcome);
            }
        }
    }
}

/// A message to a room's actor. Requests carry their admission permit, which frees its place when they are answered.
pub enum RoomMessage {
    /// Makes an event.
    Send(Box<SendEvent>, OwnedSemaphorePermit, EventReply),
    /// Changes a membership.
    Membership(Box<ChangeMembership>, OwnedSemaphorePermit, EventReply),
    /// Builds the event that changes a membership, and appends nothing.
    DraftMembership(Box<ChangeMembership>, OwnedSemaphorePermit, RpcReplyPort<Result<Pdu, RoomError>>),
    /// Founds the room: the create event, then what follows, in one append.
    Create(Box<FoundRoom>, OwnedSemaphorePermit, EventReply),
    /// Appends an event from elsewhere, prepared by room ingest.
    Ingest(Box<PreparedEvent>, OwnedSemaphorePermit, RpcReplyPort<Result<Verdict, RoomError>>),
    /// Takes the room in by a join through another server.
    Import(Box<ImportRoom>, OwnedSemaphorePermit, EventReply),
    /// Notes a membership in a room that this server is not in.
    Outside(Box<OutsideMembership>, OwnedSemaphorePermit, EventReply),
    /// Sets a receipt.
    Receipt(ReceiptKey, ReceiptRow, OwnedSemaphorePermit, RpcReplyPort<Result<(), RoomError>>),
    /// Says who types.
    Typing {
        /// The user.
        user: OwnedUserId,
        /// Until when, in milliseconds since the epoch; `None` when the user stopped.
        until_ms: Option<u64>,
        /// The admission permit.
        permit: OwnedSemaphorePermit,
        /// Answered when every sync can see it.
        reply: RpcReplyPort<Result<(), RoomError>>,
    },
    /// The commit in flight ended.
    Committed(CommitReport),
    /// Projections that trailed their commit were written, or not. They began with this event.
    Projected(i64, Result<(), StoreError>),
    /// Time passed: typing notices may have run out.
    Tick,
    /// Panics, to prove that a panic costs only this actor.
    #[cfg(any(test, feature = "fault-injection"))]
    Panic,
}

/// An event that a local user wants to send.
#[derive(Debug, Clone)]
pub struct SendEvent {
    /// The sender.
    pub sender: OwnedUserId,
    /// The event type.
    pub kind: TimelineEventType,
    /// The state key, for state events.
    pub state_key: Option<String>,
    /// The content, as the client wrote it.
    pub content: Box<RawValue>,
    /// The event to redact, for redactions.
    pub redacts: Option<OwnedEventId>,
    /// What makes a repeated request the same.
    pub transaction: Option<Transaction>,
}

/// A change of membership that a local user wants.
#[derive(Debug, Clone)]
pub struct ChangeMembership {
    /// Who asks.
    pub sender: OwnedUserId,
    /// Whose membership.
    pub target: OwnedUserId,
    /// What it shall be.
    pub action: MembershipAction,
    /// A reason for people.
    pub reason: Option<String>,
    /// Members of the content besides membership and reason: profile fields, `is_direct`, custom keys.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// What to do with a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipAction {
    /// The sender joins, or renews a joined member event.
    Join {
        /// Whether the sender is in a room that a restricted join rule allows.
        meets_restriction: bool,
    },
    /// The sender writes new profile fields into an existing join.
    UpdateProfile,
    /// The target is invited.
    Invite,
    /// The sender leaves, or rejects an invite, or retracts a knock.
    Leave,
    /// The target is removed.
    Kick,
    /// The target is banned.
    Ban,
    /// The target's ban is lifted.
    Unban,
    /// The sender knocks.
    Knock,
}

/// A room to found.
#[derive(Debug, Clone)]
pub struct FoundRoom {
    /// The create event, signed.
    pub create: Pdu,
    /// What the creator sends next, in order; all or none.
    pub events: Vec<SendEvent>,
}
