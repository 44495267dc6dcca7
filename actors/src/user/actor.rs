//! The ractor shell of a user's stream. Each request is durable before it is seen or answered.

use std::{collections::BTreeSet, sync::Arc};

use playhouse_storage::{Store, Write};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use ruma::{OwnedUserId, UserId};

use super::{
    UserError,
    data::UserData,
    load,
    message::{UserMessage, UserRequest},
};
use crate::{
    clock::{Pending, SlotClocks},
    hub::{DeviceChangeLog, HubHandle, UserFeed, device_changes},
    metrics::Metrics,
    push::RuleSets,
};

/// What a user's actor works with.
#[derive(Clone)]
pub struct UserContext {
    /// The store.
    pub store: Store,
    /// Issues positions.
    pub clocks: Arc<SlotClocks>,
    /// The hub.
    pub hub: HubHandle,
    /// Who changed devices.
    pub device_changes: Arc<DeviceChangeLog>,
    /// The push rules of the active users.
    pub rule_sets: Arc<RuleSets>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// The actor.
pub struct UserActor;

/// The actor's memory.
pub struct UserActorState {
    pub(super) user: OwnedUserId,
    pub(super) context: UserContext,
    pub(super) feed: Arc<UserFeed>,
    pub(super) data: UserData,
    pub(super) doubtful_deliveries: BTreeSet<i64>,
}

impl Actor for UserActor {
    type Msg = UserMessage;
    type State = UserActorState;
    type Arguments = (OwnedUserId, UserContext);

    async fn pre_start(
        &self,
        _myself: ActorRef<UserMessage>,
        (user, context): (OwnedUserId, UserContext),
    ) -> Result<UserActorState, ActorProcessingErr> {
        let feed = UserFeed::new(user.clone());
        context.hub.hub().open_feed(&feed);
        let loaded = load::load(&context, &feed).await;
        let data = loaded.inspect_err(|_| context.hub.hub().close_feed(&feed))?;
        feed.set_data(data.clone());
        Ok(UserActorState { user, context, feed, data, doubtful_deliveries: BTreeSet::new() })
    }

    async fn handle(
        &self,
        _myself: ActorRef<UserMessage>,
        message: UserMessage,
        state: &mut UserActorState,
    ) -> Result<(), ActorProcessingErr> {
        let metrics = Arc::clone(&state.context.metrics);
        let _timer = metrics.user_handle.start();
        match message.request {
            UserRequest::SetAccountData { room, kind, content, reply } => {
                answer(reply, state.set_account_data(room, kind, content).await);
            }
            UserRequest::DeliverToDevice { messages, transaction, reply } => {
                answer(reply, state.deliver_to_device(messages, transaction.as_ref()).await);
            }
            UserRequest::AcknowledgeToDevice { device, up_to } => {
                state.acknowledge_to_device(&device, up_to).await;
            }
            UserRequest::ChangeTag { room, name, info, reply } => {
                answer(reply, state.change_tag(room, name, info).await);
            }
            UserRequest::AddFilter { id, filter, reply } => answer(reply, state.add_filter(id, filter).await),
            UserRequest::ChangePushRule { change, reply } => {
                answer(reply, state.change_push_rule(change).await);
            }
            UserRequest::SetProfile { field, value, reply } => {
                answer(reply, state.set_profile(&field, value).await);
            }
            UserRequest::Forget { room, reply } => answer(reply, state.forget(&room).await),
            UserRequest::Keys(request) => state.handle_keys(request).await,
            UserRequest::Backup(request) => state.handle_backup(request).await,
            UserRequest::AnnounceDeviceChange { reply } => {
                answer(reply, state.announce_device_change().await);
            }
            UserRequest::RemoveDevices { devices, reply } => {
                answer(reply, state.remove_devices(&devices).await);
            }
            UserRequest::Reload { reply } => answer(reply, state.reload().await),
            #[cfg(any(test, feature = "fault-injection"))]
            UserRequest::Panic => panic!("injected"),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<UserMessage>,
        state: &mut UserActorState,
    ) -> Result<(), ActorProcessingErr> {
        state.context.hub.hub().close_feed(&state.feed);
        Ok(())
    }
}

pub(super) fn answer<T: Send + 'static>(reply: super::message::Reply<T>, outcome: Result<T, UserError>) {
    // A caller that went away needs no answer.
    let _ = reply.send(outcome);
}

impl UserActorState {
    /// The user.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// A position in the user's stream, in flight until dropped.
    pub(super) fn begin(&self) -> Pending {
        self.context.clocks.begin(self.user.as_str(), 1)
    }

    /// Makes writes durable.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), UserError> {
        Ok(self.context.store.write(writes).await?)
    }

    /// Shows a change of the data to the syncs; `position` must be committed.
    pub(super) fn publish(&mut self, position: Pending) {
        self.data.pos = self.data.pos.max(position.first());
        self.feed.set_data(self.data.clone());
        drop(position);
        self.feed.wake();
    }

    /// Tells everyone who shares a room that the user's devices or keys changed.
    ///
    /// The announcement is durable before the caller's own change is, so a crash in between costs others a needless
    /// key query and never hides a change.
    pub(super) async fn begin_device_change(&self) -> Result<Pending, UserError> {
        let position = self.begin();
        self.write(vec![device_changes::write_of(&self.user, position.first(), None)]).await?;
        Ok(position)
    }

    /// The same for signatures that the user makes of another's keys: only the user's own devices hear of it.
    pub(super) async fn begin_signature_change(&self, signed: &UserId) -> Result<Pending, UserError> {
        let position = self.begin();
        self.write(vec![device_changes::write_of(signed, position.first(), Some(&self.user))]).await?;
        Ok(position)
    }

    /// Publishes a signature whose row is durable.
    pub(super) fn publish_signature_change(&mut self, position: Pending, signed: &UserId) {
        self.context.device_changes.note(position.first(), signed, Some(&self.user));
        self.publish(position);
    }

    /// Publishes a device change whose rows are durable.
    pub(super) fn publish_device_change(&mut self, position: Pending) {
        self.context.device_changes.note(position.first(), &self.user, None);
        self.publish(position);
        for room_id in self.feed.joined_rooms() {
            for feed in self.context.hub.hub().subscribers(&room_id) {
                feed.wake();
            }
        }
    }

    async fn announce_device_change(&mut self) -> Result<(), UserError> {
        let position = self.begin_device_change().await?;
        self.publish_device_change(position);
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), UserError> {
        self.data = load::load(&self.context, &self.feed).await?;
        self.feed.set_data(self.data.clone());
        self.feed.wake();
        Ok(())
    }
}
