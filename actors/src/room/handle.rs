//! The address of a room: admission, deadline and retries around each request.

use std::time::Duration;

use playhouse_rules::{Pdu, room_version::RoomVersion};
use playhouse_storage::tables::{
    TransactionAnswer, receipt::ReceiptRow, room_log::Transaction, transaction::TransactionAnswerRow,
};
use ractor::RpcReplyPort;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use tokio::sync::OwnedSemaphorePermit;

use crate::ingest::{PreparedEvent, append::Verdict};

use super::{
    RoomError, Rooms,
    import::ImportRoom,
    message::{ChangeMembership, FoundRoom, RoomMessage, SendEvent},
    outside::OutsideMembership,
    view::ReceiptKey,
};

/// How long a request to a room may take before its outcome counts as unknown.
const DEADLINE: Duration = Duration::from_secs(20);
/// The same for taking in a room, which may be a large one.
const IMPORT_DEADLINE: Duration = Duration::from_mins(3);
/// Starts of the actor that one request tries: a cast fails when the actor is just being passivated.
const ATTEMPTS: usize = 3;

/// The address of one room.
#[derive(Clone)]
pub struct RoomHandle {
    rooms: Rooms,
    room_id: OwnedRoomId,
}

impl RoomHandle {
    pub(super) const fn new(rooms: Rooms, room_id: OwnedRoomId) -> Self {
        Self { rooms, room_id }
    }

    /// Sends an event; answers when it is durable. The same transaction again answers the same event.
    ///
    /// # Errors
    /// See [`RoomError`]; [`RoomError::Unavailable`] may be sent again with the same transaction.
    pub async fn send(&self, request: SendEvent) -> Result<OwnedEventId, RoomError> {
        let _timer = self.rooms.metrics().send.start();
        if let Some(known) = self.answered_before(request.transaction.as_ref()).await? {
            return Ok(known);
        }
        self.ask(None, |permit, reply| RoomMessage::Send(Box::new(request), permit, reply)).await
    }

    /// The answer to an older request with the same transaction; recent ones the actor remembers itself.
    pub(crate) async fn answered_before(
        &self,
        transaction: Option<&Transaction>,
    ) -> Result<Option<OwnedEventId>, RoomError> {
        let Some(transaction) = transaction else { return Ok(None) };
        let path = format!("{}/{}", self.room_id, transaction.path);
        let owner = (&transaction.user, &transaction.device);
        let row = self.rooms.store().get::<TransactionAnswer>(owner, (path, &transaction.id)).await?;
        let event_id = row.and_then(|row: TransactionAnswerRow| row.event_id);
        Ok(event_id.and_then(|event_id| event_id.try_into().ok()))
    }

    /// Changes a membership; answers when it is durable.
    ///
    /// # Errors
    /// See [`RoomError`].
    pub async fn change_membership(&self, request: ChangeMembership) -> Result<OwnedEventId, RoomError> {
        self.ask(None, |permit, reply| RoomMessage::Membership(Box::new(request), permit, reply)).await
    }

    /// Builds and signs the event that changes a membership, without appending it: another server has to sign it too. Answers
    /// when everything that the event follows is durable.
    ///
    /// # Errors
    /// See [`RoomError`].
    pub async fn draft_membership(&self, request: ChangeMembership) -> Result<Pdu, RoomError> {
        let message = |permit, reply| RoomMessage::DraftMembership(Box::new(request), permit, reply);
        self.ask(None, message).await
    }

    /// Founds the room; answers when its first events are durable, all or none.
    ///
    /// # Errors
    /// See [`RoomError`].
    pub async fn found(
        &self,
        version: &'static RoomVersion,
        request: FoundRoom,
    ) -> Result<OwnedEventId, RoomError> {
        self.ask(Some(version), |permit, reply| RoomMessage::Create(Box::new(request), permit, reply)).await
    }

    /// Takes the room in by a join through another server; answers when all of it is durable.
    ///
    /// # Errors
    /// See [`RoomError`]; [`RoomError::BadState`] when this server is in the room already.
    pub async fn import(
        &self,
        version: &'static RoomVersion,
        request: ImportRoom,
    ) -> Result<OwnedEventId, RoomError> {
        let message = |permit, reply| RoomMessage::Import(Box::new(request), permit, reply);
        self.ask_within(IMPORT_DEADLINE, Some(version), message).await
    }

    /// Notes a membership in a room that this server is not in.
    ///
    /// # Errors
    /// See [`RoomError`]; [`RoomError::BadState`] when this server is in the room.
    pub async fn note_outside(
        &self,
        version: &'static RoomVersion,
        request: OutsideMembership,
    ) -> Result<OwnedEventId, RoomError> {
        self.ask(Some(version), |permit, reply| RoomMessage::Outside(Box::new(request), permit, reply)).await
    }

    /// Appends an event that room ingest has prepared; answers when it is durable, or that the room has moved on.
    ///
    /// # Errors
    /// See [`RoomError`].
    pub async fn append_prepared(&self, event: PreparedEvent) -> Result<Verdict, RoomError> {
        self.ask(None, |permit, reply| RoomMessage::Ingest(Box::new(event), permit, reply)).await
    }

    /// Sets a receipt; answers when it is durable.
    ///
    /// # Errors
    /// See [`RoomError`].
    pub async fn set_receipt(&self, key: ReceiptKey, receipt: ReceiptRow) -> Result<(), RoomError> {
        self.ask(None, |permit, reply| RoomMessage::Receipt(key, receipt, permit, reply)).await
    }

    /// Says that a user types until a time, or stopped.
    ///
    /// # Errors
    /// See [`RoomError`].
    pub async fn set_typing(&self, user: &UserId, until_ms: Option<u64>) -> Result<(), RoomError> {
        let user: OwnedUserId = user.to_owned();
        self.ask(None, |permit, reply| RoomMessage::Typing { user, until_ms, permit, reply }).await
    }

    /// Makes the room's actor panic, to prove that only it is harmed.
    #[cfg(any(test, feature = "fault-injection"))]
    pub async fn inject_panic(&self) -> Result<(), RoomError> {
        let actor = self.rooms.actor(&self.room_id, None).await?;
        actor.cast(RoomMessage::Panic).map_err(|_| RoomError::retry())
    }

    async fn ask<T: Send + 'static>(
        &self,
        found: Option<&'static RoomVersion>,
        message: impl FnOnce(OwnedSemaphorePermit, RpcReplyPort<Result<T, RoomError>>) -> RoomMessage,
    ) -> Result<T, RoomError> {
        self.ask_within(DEADLINE, found, message).await
    }

    async fn ask_within<T: Send + 'static>(
        &self,
        deadline: Duration,
        found: Option<&'static RoomVersion>,
        message: impl FnOnce(OwnedSemaphorePermit, RpcReplyPort<Result<T, RoomError>>) -> RoomMessage,
    ) -> Result<T, RoomError> {
        let place = self.rooms.registry().place(self.room_id.as_str());
        let permit = self.rooms.registry().admit(&place).ok_or(RoomError::Busy)?;
        let (sender, answer) = ractor::concurrency::oneshot();
        let mut message = message(permit, RpcReplyPort::from(sender));
        for _ in 0..ATTEMPTS {
            let actor = self.rooms.actor(&self.room_id, found).await?;
            match actor.cast(message) {
                Ok(()) => {
                    return match tokio::time::timeout(deadline, answer).await {
                        Ok(Ok(outcome)) => outcome,
                        // The actor died with the request, or the answer is late: the outcome is unknown.
                        Ok(Err(_)) | Err(_) => Err(RoomError::retry()),
                    };
                }
                Err(ractor::MessagingErr::SendErr(unsent)) => {
                    place.forget(actor.get_id());
                    message = unsent;
                }
                Err(_) => return Err(RoomError::retry()),
            }
        }
        Err(RoomError::retry())
    }
}

impl Rooms {
    /// The signer and clocks, for founding rooms.
    pub(crate) fn tools(&self) -> &super::machine::Workshop {
        self.workshop()
    }
}
