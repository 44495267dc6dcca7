//! The laws of accounts, on a store that sometimes answers "unknown", with a clock that tests move.

mod adversity;
mod devices;
mod login;
mod moderation;
mod refresh;
mod registration;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use playhouse_storage::{
    Store, StoreError,
    backends::{Adversity, MemoryBackend},
};
use ruma::{OwnedDeviceId, OwnedUserId, UserId, server_name};

use super::{
    AccountError, AccountSettings, Accounts, Cost, DeviceEvents, Login, NewAccount, NewDevice, Session,
};
use crate::clock::{SlotClocks, WallClock};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Accounts on a store of their own, and what they told the rest of the server.
struct World {
    accounts: Accounts,
    backend: MemoryBackend,
    clock: Arc<TestClock>,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct TestClock(AtomicU64);

impl WallClock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, what: String) -> BoxFuture<'static, Result<(), StoreError>> {
        self.0.lock().push(what);
        Box::pin(async { Ok(()) })
    }
}

impl DeviceEvents for Heard {
    fn devices_removed<'a>(
        &'a self,
        user: &'a UserId,
        devices: &'a [OwnedDeviceId],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let ids: Vec<&str> = devices.iter().map(|id| id.as_str()).collect();
        self.note(format!("{user} lost {}", ids.join(" ")))
    }

    fn device_renamed<'a>(
        &'a self,
        user: &'a UserId,
        device: &'a OwnedDeviceId,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.note(format!("{user} renamed {device}"))
    }

    fn account_deactivated<'a>(
        &'a self,
        user: &'a UserId,
        erase: bool,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.note(format!("{user} ends, erase {erase}"))
    }
}

impl World {
    fn new() -> Self {
        Self::with(Adversity::none(), |_| {})
    }

    fn with(adversity: Adversity, set: impl FnOnce(&mut AccountSettings)) -> Self {
        let backend = MemoryBackend::new(7, adversity);
        let clock = Arc::new(TestClock(AtomicU64::new(1_700_000_000_000)));
        Self::on(backend, clock, set)
    }

    fn on(backend: MemoryBackend, clock: Arc<TestClock>, set: impl FnOnce(&mut AccountSettings)) -> Self {
        let mut settings = AccountSettings::new(server_name!("a.b").to_owned());
        settings.password_cost = Cost::Test;
        set(&mut settings);
        let heard = Arc::new(Heard::default());
        // Positions of a process lie above those of the one before, as the persisted limit makes sure.
        clock.0.fetch_add(1_000, Ordering::SeqCst);
        let clocks = SlotClocks::new(Arc::clone(&clock) as _, 0);
        let accounts = Accounts::new(Store::new(backend.clone()), clocks, settings, Arc::clone(&heard) as _);
        Self { accounts, backend, clock, heard }
    }

    /// The same store under a process that knows nothing yet.
    fn restarted(&self) -> Self {
        Self::on(self.backend.clone(), Arc::clone(&self.clock), |_| {})
    }

    fn passes(&self, time: Duration) {
        self.clock.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    async fn registers(&self, name: &str) -> OwnedUserId {
        let user = self.accounts.available(Some(name)).await.unwrap();
        let new = NewAccount { password: Some(format!("password of {name}")), ..NewAccount::default() };
        self.accounts.register(&user, new).await.unwrap();
        user
    }

    async fn logs_in(&self, user: &UserId) -> Login {
        self.accounts.log_in(user, NewDevice::default()).await.unwrap()
    }

    async fn logs_in_refreshable(&self, user: &UserId) -> Login {
        let device = NewDevice { refreshable: true, ..NewDevice::default() };
        self.accounts.log_in(user, device).await.unwrap()
    }

    async fn session(&self, token: &str) -> Result<Arc<Session>, AccountError> {
        self.accounts.session(token, HOME).await
    }

    async fn is_good(&self, token: &str) -> bool {
        match self.session(token).await {
            Ok(_) => true,
            Err(AccountError::UnknownToken) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.0.lock())
    }
}
