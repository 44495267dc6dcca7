//! The ractor shell of a user's stream. Each request is durable before it is seen or answered.
//!
//! If a write fails, or its outcome is unknown, the actor answers and dies; the next request loads the stream from the
//! store (**I4**). What memory shows is what the store holds, whatever became of the write.

use std::{collections::HashMap, sync::Arc};

use playhouse_storage::{
    Store, Write,
    store::put,
    tables::{DeviceStream, device_change::DeviceChangeRow, device_stream::DeviceStreamRow},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use ruma::{OwnedUserId, UserId};

use super::{
    UserError,
    data::UserData,
    load,
    message::{UserMessage, UserRequest},
    settlement::Settlement,
    to_device::Backlog,
};
use crate::{
    clock::{Pending, SlotClocks},
    hub::{DeviceChangeLog, HubHandle, UserFeed, device_changes},
    metrics::Metrics,
    outbound::Announcement,
    push::RuleSets,
    supervision::CommitLost,
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
    /// What waits for the devices to which something was delivered, by device id.
    pub(super) backlogs: HashMap<String, Backlog>,
    settlement: Settlement,
    /// The positions of the request at hand.
    in_flight: Vec<Pending>,
    /// Changes of devices and keys that other servers hear of once this is dropped.
    announced: Vec<Announcement>,
    /// Why memory may differ from the store, if it may.
    lost: Option<String>,
}

/// What changed of a user's devices and keys.
#[derive(Debug, Default)]
pub(super) struct ChangedKeys {
    /// Devices that came, went or changed.
    pub devices: Vec<String>,
    /// Whether cross-signing keys, or signatures of them, changed.
    pub cross_signing: bool,
}

impl ChangedKeys {
    pub(super) fn of_devices(devices: &[String]) -> Self {
        Self { devices: devices.to_vec(), cross_signing: false }
    }
}

impl Drop for UserActorState {
    /// Also after a panic, where the actor is not asked to stop.
    fn drop(&mut self) {
        self.context.hub.hub().close_feed(&self.feed);
        self.settlement.settle(&self.user, std::mem::take(&mut self.in_flight));
    }
}

impl Actor for UserActor {
    type Msg = UserMessage;
    type State = UserActorState;
    type Arguments = (OwnedUserId, UserContext, Settlement);

    async fn pre_start(
        &self,
        _myself: ActorRef<UserMessage>,
        (user, context, settlement): Self::Arguments,
    ) -> Result<UserActorState, ActorProcessingErr> {
        let feed = UserFeed::new(user.clone());
        context.hub.hub().open_feed(&feed);
        let loaded = load::load(&context, &feed).await;
        let data = loaded.inspect_err(|_| context.hub.hub().close_feed(&feed))?;
        feed.set_data(data.clone());
        Ok(UserActorState {
            user,
            context,
            feed,
            data,
            backlogs: HashMap::new(),
            settlement,
            in_flight: Vec::new(),
            announced: Vec::new(),
            lost: None,
        })
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
            UserRequest::AnnounceDeviceChange { device, reply } => {
                answer(reply, state.announce_device_change(device).await);
            }
            UserRequest::RemoveDevices { devices, reply } => {
                answer(reply, state.remove_devices(&devices).await);
            }
            UserRequest::DeleteData { reply } => answer(reply, state.delete_data().await),
            UserRequest::Reload { reply } => answer(reply, state.reload().await),
            #[cfg(any(test, feature = "fault-injection"))]
            UserRequest::Panic => panic!("injected"),
        }
        state.finish()
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

    /// Ends a request. After a lost write the actor dies with its positions in flight, until what became of it shows.
    fn finish(&mut self) -> Result<(), ActorProcessingErr> {
        if let Some(why) = self.lost.take() {
            return Err(CommitLost(why).into());
        }
        self.in_flight.clear();
        self.announced.clear();
        Ok(())
    }

    /// A position in the user's stream, in flight until it is published or the request ends.
    pub(super) fn begin(&mut self) -> i64 {
        self.begin_many(1)
    }

    /// The first of `count` consecutive positions.
    pub(super) fn begin_many(&mut self, count: usize) -> i64 {
        let positions = self.context.clocks.begin(self.user.as_str(), count);
        let first = positions.first();
        self.in_flight.push(positions);
        first
    }

    /// Makes writes durable.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]: the actor ends with the request.
    pub(super) async fn write(&mut self, writes: Vec<Write>) -> Result<(), UserError> {
        let written = self.context.store.write(writes).await.map_err(UserError::from);
        self.must_hold(written)
    }

    /// Passes on what came of a write, or of reading back what one did. A failure ends the actor with the request:
    /// memory may differ from the store.
    pub(super) fn must_hold<T>(&mut self, outcome: Result<T, UserError>) -> Result<T, UserError> {
        if let Err(error @ (UserError::Unavailable { .. } | UserError::Corrupt(_))) = &outcome {
            self.lost.get_or_insert_with(|| error.to_string());
        }
        outcome
    }

    /// Shows a change of the data to the syncs; everything up to `position` must be committed.
    pub(super) fn publish(&mut self, position: i64) {
        self.data.pos = self.data.pos.max(position);
        self.feed.set_data(self.data.clone());
        self.in_flight.clear();
        self.feed.wake();
    }

    /// Tells everyone who shares a room that the user's devices or keys changed.
    ///
    /// The announcement is durable before the caller's own change is, so a crash in between costs others a needless
    /// key query and never hides a change. Nobody reads it while its position is in flight.
    pub(super) async fn begin_device_change(&mut self, changed: ChangedKeys) -> Result<i64, UserError> {
        let user = self.user.clone();
        let count = changed.devices.len().max(1);
        let position = self.begin_many(count) + count as i64 - 1;
        let before = self.context.store.get::<DeviceStream>((user.as_str(),), ()).await?;
        let ChangedKeys { devices, cross_signing } = changed;
        let before = before.map_or(0, |stream| stream.pos);
        let row = DeviceChangeRow { only_for: None, devices, cross_signing, before };
        self.write(vec![
            device_changes::write_of(&user, position, &row),
            put::<DeviceStream>((user.as_str(),), (), &DeviceStreamRow { pos: position, before }, position),
        ])
        .await?;
        self.context.device_changes.note(position, &user, None);
        if let Some(outbound) = self.context.hub.hub().outbound() {
            self.announced.push(outbound.announcement(&user, position, row));
        }
        Ok(position)
    }

    /// The same for signatures that the user makes of another's keys: only the user's own devices hear of it.
    pub(super) async fn begin_signature_change(&mut self, signed: &UserId) -> Result<i64, UserError> {
        let position = self.begin();
        let row = DeviceChangeRow { only_for: Some(self.user.to_string()), ..DeviceChangeRow::default() };
        self.write(vec![device_changes::write_of(signed, position, &row)]).await?;
        self.context.device_changes.note(position, signed, Some(&self.user));
        Ok(position)
    }

    /// Publishes a device change whose rows are durable.
    pub(super) fn publish_device_change(&mut self, position: i64) {
        self.publish(position);
        self.announced.clear();
        self.context.hub.hub().wake_sharers(&self.feed);
    }

    async fn announce_device_change(&mut self, device: String) -> Result<(), UserError> {
        let position = self.begin_device_change(ChangedKeys::of_devices(&[device])).await?;
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
