//! Finds or starts the stream of a user.

use std::{sync::Arc, time::Duration};

use ractor::{Actor, ActorRef, RpcReplyPort};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::value::RawValue;

use super::{
    UserError,
    actor::{UserActor, UserContext},
    filters::{self, FilterCache},
    message::{Reply, UserMessage, UserRequest},
    settlement::Settlement,
};
use crate::{
    clock::{SLOTS, slot_of},
    hub::{Hub, UserFeed},
    metrics::ActorKind,
    registry::{NotAvailable, Registry},
    supervision::Supervision,
};

/// Requests that may wait for one user's stream.
pub const USER_PERMITS: usize = 512;
/// How long a request to a user's stream may take before its outcome counts as unknown.
const DEADLINE: Duration = Duration::from_secs(20);
const ATTEMPTS: usize = 3;

/// Why a user's stream cannot be had.
pub(super) type NoStream = NotAvailable<UserError>;

/// Every user stream of this node.
#[derive(Clone)]
pub struct Users {
    inner: Arc<UsersInner>,
}

/// What the handles share.
pub struct UsersInner {
    registry: Registry<UserMessage>,
    context: UserContext,
    filters: FilterCache,
    /// One lock for each slot: the profiles that are being told to rooms.
    spreading: Vec<Arc<tokio::sync::Mutex<()>>>,
}

/// The address of one user's stream.
#[derive(Clone)]
pub struct UserHandle {
    users: Users,
    user: OwnedUserId,
}

impl Users {
    /// The user streams of a node.
    pub fn new(context: UserContext, supervision: Supervision) -> Self {
        let registry = Registry::new(ActorKind::User, USER_PERMITS, supervision);
        let spreading = std::iter::repeat_with(Arc::default).take(SLOTS).collect();
        Self { inner: Arc::new(UsersInner { registry, context, filters: filters::cache(), spreading }) }
    }

    /// The address of a user's stream.
    pub fn handle(&self, user: &UserId) -> UserHandle {
        UserHandle { users: self.clone(), user: user.to_owned() }
    }

    /// Filters that were used lately.
    pub(super) fn filters(&self) -> &FilterCache {
        &self.inner.filters
    }

    /// Held while the user's profile is told to rooms.
    pub(super) fn spreading(&self, user: &UserId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.inner.spreading[slot_of(user.as_str())])
    }

    /// What the streams work with.
    pub fn context(&self) -> &UserContext {
        &self.inner.context
    }

    fn registry(&self) -> &Registry<UserMessage> {
        &self.inner.registry
    }

    fn hub(&self) -> &Hub {
        self.inner.context.hub.hub()
    }

    /// The user's feed, loaded; starts the stream if need be.
    ///
    /// # Errors
    /// [`UserError::Unavailable`], [`UserError::Corrupt`].
    pub async fn feed(&self, user: &UserId) -> Result<Arc<UserFeed>, UserError> {
        for _ in 0..ATTEMPTS {
            self.actor(user).await?;
            // Where the actor has just ended there is none, or that of a successor which is still loading.
            let Some(feed) = self.hub().feed(user).filter(|feed| feed.is_loaded() && !feed.is_closed())
            else {
                tokio::task::yield_now().await;
                continue;
            };
            if feed.take_suspicion()
                && let Err(error) = self.handle(user).reload().await
            {
                feed.suspect_all();
                return Err(error);
            }
            return Ok(feed);
        }
        Err(UserError::retry())
    }

    /// The running actor of a user, or a new one, whose stream is loaded.
    pub(super) async fn actor(&self, user: &UserId) -> Result<ActorRef<UserMessage>, NoStream> {
        let place = self.registry().place(user.as_str());
        self.registry().actor(&place, || self.start(user.to_owned())).await
    }

    async fn start(&self, user: OwnedUserId) -> Result<ActorRef<UserMessage>, UserError> {
        let supervisor = self.registry().supervision().of_slot(user.as_str()).await;
        let supervisor = supervisor.map_err(|_| UserError::retry())?;
        let arguments = (user, self.inner.context.clone(), Settlement::new(&self.inner));
        match Actor::spawn_linked(None, UserActor, arguments, supervisor).await {
            Ok((actor, _)) => Ok(actor),
            Err(ractor::SpawnErr::StartupFailed(reason)) => {
                let store = reason.downcast_ref::<playhouse_storage::StoreError>().cloned();
                Err(store.map_or_else(UserError::retry, UserError::from))
            }
            Err(_) => Err(UserError::retry()),
        }
    }

    /// Wakes the syncs of a user and of everyone who shares a room with the user.
    pub(super) fn wake_around(&self, user: &UserId) {
        if let Some(feed) = self.hub().feed(user) {
            feed.wake();
            self.hub().wake_sharers(&feed);
        }
    }

    /// Lets the streams go that nobody used for a while and no sync waits on; forgets beyond `sent_bytes` which members
    /// were sent to the users that were active longest ago.
    pub fn passivate(&self, idle: Duration, sent_bytes: usize) {
        let feed = |user: &str| <&UserId>::try_from(user).ok().and_then(|user| self.hub().feed(user));
        self.registry().passivate(idle, |user| feed(user).is_none_or(|feed| !feed.is_watched()));
        let (mut held, mut kept) = (0, 0);
        for feed in self.registry().by_last_use().iter().rev().filter_map(|user| feed(user)) {
            held += feed.sent_members().bytes();
            if held > sent_bytes {
                feed.sent_members().forget();
            } else {
                kept = held;
            }
        }
        self.inner.context.metrics.sent_members_bytes.set(kept as f64);
    }

    /// Sets the gauge of waiting requests.
    pub fn report(&self) {
        self.registry().report();
    }

    /// Finishes what was admitted and stops every stream.
    pub async fn shutdown(&self, deadline: tokio::time::Instant) {
        self.registry().drain_all(deadline).await;
    }
}

impl UserHandle {
    /// Sets account data of one type; durable and visible on return.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn set_account_data(
        &self,
        room: Option<&RoomId>,
        kind: &str,
        content: Box<RawValue>,
    ) -> Result<(), UserError> {
        let (room, kind) = (room.map(ToOwned::to_owned), kind.to_owned());
        self.ask(|reply| UserRequest::SetAccountData { room, kind, content, reply }).await
    }

    /// Puts messages into the inboxes of the user's devices (`*`: each device); durable on return.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn deliver_to_device(&self, messages: Vec<(String, Box<RawValue>)>) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::DeliverToDevice { messages, transaction: None, reply }).await
    }

    /// Notes that a device has everything up to a position. Best effort.
    pub async fn acknowledge_to_device(&self, device: &str, up_to: i64) {
        let Ok(actor) = self.users.actor(&self.user).await else { return };
        let request = UserRequest::AcknowledgeToDevice { device: device.to_owned(), up_to };
        let _ = actor.cast(UserMessage { request, permit: None });
    }

    /// Forgets a room that the user left.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn forget(&self, room_id: &RoomId) -> Result<(), UserError> {
        let room: OwnedRoomId = room_id.to_owned();
        self.ask(|reply| UserRequest::Forget { room, reply }).await
    }

    /// Tells everyone who shares a room that a device of the user changed.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn announce_device_change(&self, device: &str) -> Result<(), UserError> {
        let device = device.to_owned();
        self.ask(|reply| UserRequest::AnnounceDeviceChange { device, reply }).await
    }

    /// Drops keys and messages of removed devices and announces the change.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn remove_devices(&self, devices: Vec<String>) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::RemoveDevices { devices, reply }).await
    }

    async fn reload(&self) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::Reload { reply }).await
    }

    /// Makes the stream's actor panic, to prove that only it is harmed.
    #[cfg(any(test, feature = "fault-injection"))]
    pub async fn inject_panic(&self) -> Result<(), UserError> {
        let actor = self.users.actor(&self.user).await?;
        actor.cast(UserMessage { request: UserRequest::Panic, permit: None }).map_err(|_| UserError::retry())
    }

    /// Asks the user's actor; the verbs above are its vocabulary.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(Reply<T>) -> UserRequest,
    ) -> Result<T, UserError> {
        let registry = self.users.registry();
        let place = registry.place(self.user.as_str());
        let permit = registry.admit(&place).ok_or(UserError::Busy)?;
        let (sender, answer) = ractor::concurrency::oneshot();
        let mut message = UserMessage { request: request(RpcReplyPort::from(sender)), permit: Some(permit) };
        for _ in 0..ATTEMPTS {
            let actor = self.users.actor(&self.user).await?;
            match actor.cast(message) {
                Ok(()) => {
                    return match tokio::time::timeout(DEADLINE, answer).await {
                        Ok(Ok(outcome)) => outcome,
                        Ok(Err(_)) | Err(_) => Err(UserError::retry()),
                    };
                }
                // It is ending; the next look waits for that and starts another.
                Err(ractor::MessagingErr::SendErr(unsent)) => message = unsent,
                Err(_) => return Err(UserError::retry()),
            }
        }
        Err(UserError::retry())
    }
}

impl From<Arc<UsersInner>> for Users {
    fn from(inner: Arc<UsersInner>) -> Self {
        Self { inner }
    }
}

impl From<NoStream> for UserError {
    fn from(error: NoStream) -> Self {
        match error {
            NotAvailable::Quarantined(retry_after) => Self::Unavailable { retry_after },
            NotAvailable::Ending => Self::retry(),
            NotAvailable::NotStarted(error) => error,
        }
    }
}
