//! Accounts, devices and the tokens that stand for them.
//!
//! **Invariant:** a device's row is the only truth about its tokens. An access or refresh token is good while the row
//! of its device names the token's hash, so one write of one row logs a device out, wherever a crash may fall; token
//! rows that nobody names are dead and get swept along the way.
//!
//! Rows of one user change under that user's lock, and what was begun runs to its end even when the client that asked
//! has gone: the cache of sessions must never know less than the store.

mod account;
mod device;
mod error;
mod events;
mod login;
mod openid;
mod password;
mod refresh;
mod register;
mod registration_token;
mod row;
mod secret;
mod session;
mod username;

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use playhouse_storage::Store;
use ruma::{OwnedServerName, UserId};
use tokio::sync::{Mutex, MutexGuard};

use crate::clock::{SLOTS, SlotClocks, slot_of};

pub use account::AccountFlags;
pub use device::DeviceInfo;
pub use error::AccountError;
pub use events::DeviceEvents;
pub use login::{Login, LoginToken, NewDevice};
pub use openid::IssuedOpenidToken;
pub use password::Cost;
pub use refresh::Refreshed;
pub use register::NewAccount;
pub use session::{SESSION_BYTES, Session};

/// What accounts need to know of the configuration.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// The domain of the users.
    pub server_name: OwnedServerName,
    /// What a password hash costs.
    pub password_cost: Cost,
    /// The life of an access token that its client can refresh.
    pub refreshable_token_lifetime: Duration,
    /// The life of a token that logs another device in.
    pub login_token_lifetime: Duration,
    /// Registration tokens, and how many accounts each makes.
    pub registration_tokens: HashMap<String, Option<u64>>,
    /// The most sessions kept in memory.
    pub cached_sessions: usize,
}

impl AccountSettings {
    /// The settings of a server that was told nothing but its name.
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            password_cost: Cost::Interactive,
            refreshable_token_lifetime: Duration::from_hours(1),
            login_token_lifetime: Duration::from_mins(2),
            registration_tokens: HashMap::new(),
            cached_sessions: 50_000,
        }
    }
}

/// The accounts of this server; cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    clocks: Arc<SlotClocks>,
    events: Arc<dyn DeviceEvents>,
    settings: AccountSettings,
    passwords: password::Passwords,
    sessions: session::Sessions,
    locks: Vec<Mutex<()>>,
}

impl Accounts {
    /// Accounts in `store`; `events` hears of devices that go.
    pub fn new(
        store: Store,
        clocks: Arc<SlotClocks>,
        settings: AccountSettings,
        events: Arc<dyn DeviceEvents>,
    ) -> Self {
        let passwords = password::Passwords::new(settings.password_cost);
        let sessions = session::Sessions::new(settings.cached_sessions);
        let locks = std::iter::repeat_with(Mutex::default).take(SLOTS).collect();
        Self { inner: Arc::new(Inner { store, clocks, events, settings, passwords, sessions, locks }) }
    }

    /// The domain of the users.
    pub fn server_name(&self) -> &ruma::ServerName {
        &self.inner.settings.server_name
    }

    /// Runs `work` to its end even if the caller is dropped.
    async fn to_the_end<T, W>(&self, work: impl FnOnce(Arc<Inner>) -> W) -> Result<T, AccountError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, AccountError>> + Send + 'static,
    {
        let ended = tokio::spawn(work(Arc::clone(&self.inner))).await;
        ended.unwrap_or_else(|panic| Err(AccountError::Internal(panic.to_string())))
    }
}

impl Inner {
    /// The lock that guards the rows of a user. Users of one slot share it.
    async fn lock(&self, user: &UserId) -> MutexGuard<'_, ()> {
        self.locks[slot_of(user.as_str())].lock().await
    }

    fn stamp(&self, user: &UserId) -> i64 {
        self.clocks.stamp(user.as_str())
    }

    fn now_ms(&self) -> u64 {
        self.clocks.now_ms()
    }
}

#[cfg(test)]
mod tests;
