//! Sessions: what an access token stands for, looked up once and then kept in memory.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use playhouse_storage::tables::{
    AccessToken, access_token::AccessTokenRow, account::AccountRow, device::DeviceRow,
};
use quick_cache::sync::Cache;
use ruma::{OwnedDeviceId, OwnedUserId};

use super::{
    AccountError, Accounts, Inner,
    secret::{MAX_TOKEN_BYTES, TokenHash},
};
use crate::metrics::{CacheKind, CacheMetrics};

/// How often "last seen" of a device is written down.
const SEEN_EVERY: Duration = Duration::from_hours(1);

/// What a session in memory weighs, about.
pub const SESSION_BYTES: u64 = 512;

/// What an access token stands for.
#[derive(Debug)]
pub struct Session {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    admin: bool,
    locked: bool,
    suspended: bool,
    expires_ts: Option<u64>,
    seen: Seen,
}

/// When and from where a session was used last.
#[derive(Debug, Default)]
struct Seen {
    last_ms: AtomicU64,
    written_ms: AtomicU64,
    address: Mutex<Option<IpAddr>>,
}

/// The sessions in memory.
///
/// **Invariant:** a session enters under its user's lock, after its device's row was read under it, and leaves under
/// the same lock before that row changes. So a token that was revoked is never found here again.
#[derive(Debug)]
pub(super) struct Sessions {
    cache: Cache<TokenHash, Arc<Session>>,
    metrics: CacheMetrics,
}

impl Session {
    /// Whether the user administers the server.
    pub fn is_admin(&self) -> bool {
        self.admin
    }

    /// Whether the account is locked.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Whether the account is suspended.
    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// When it was used last, in milliseconds since the epoch, and from where.
    pub(super) fn last_seen(&self) -> (u64, Option<IpAddr>) {
        (self.seen.last_ms.load(Ordering::Relaxed), *self.seen.address.lock())
    }

    fn is_over(&self, now_ms: u64) -> bool {
        self.expires_ts.is_some_and(|end| end <= now_ms)
    }

    /// Notes a use; `true` when it is time to write it down.
    fn note_use(&self, now_ms: u64, address: IpAddr) -> bool {
        self.seen.last_ms.store(now_ms, Ordering::Relaxed);
        let mut known = self.seen.address.lock();
        if *known != Some(address) {
            *known = Some(address);
        }
        let written = self.seen.written_ms.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(written) >= SEEN_EVERY.as_millis() as u64;
        due && self
            .seen
            .written_ms
            .compare_exchange(written, now_ms, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

impl Sessions {
    pub(super) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity), metrics: CacheMetrics::of(CacheKind::Session) }
    }

    fn get(&self, hash: &TokenHash) -> Option<Arc<Session>> {
        let session = self.cache.get(hash);
        let counted = if session.is_some() { &self.metrics.hits } else { &self.metrics.misses };
        counted.increment(1);
        session
    }

    fn insert(&self, hash: TokenHash, session: Arc<Session>) {
        self.cache.insert(hash, session);
        self.report();
    }

    pub(super) fn forget(&self, hashes: &[String]) {
        for hash in hashes {
            self.cache.remove(&TokenHash::stored(hash));
        }
        self.report();
    }

    fn report(&self) {
        self.metrics.bytes.set((self.cache.len() as u64 * SESSION_BYTES) as f64);
    }

    /// A session in memory, without making it look used.
    pub(super) fn peek(&self, hash: &str) -> Option<Arc<Session>> {
        self.cache.peek(&TokenHash::stored(hash))
    }
}

impl Accounts {
    /// What an access token stands for; notes the use.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`], [`AccountError::ExpiredToken`], or the store gave no answer.
    pub async fn session(&self, token: &str, address: IpAddr) -> Result<Arc<Session>, AccountError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AccountError::UnknownToken);
        }
        let hash = TokenHash::of(token);
        let session = match self.inner.sessions.get(&hash) {
            Some(session) => session,
            None => self.look_up(hash).await?,
        };
        let now_ms = self.inner.now_ms();
        if session.is_over(now_ms) {
            return Err(AccountError::ExpiredToken);
        }
        if session.note_use(now_ms, address) {
            let (inner, session) = (Arc::clone(&self.inner), Arc::clone(&session));
            tokio::spawn(async move { inner.write_down_use(&session).await });
        }
        Ok(session)
    }

    async fn look_up(&self, hash: TokenHash) -> Result<Arc<Session>, AccountError> {
        let token = self.inner.store.get::<AccessToken>((hash.as_str(),), ()).await?;
        let token = token.ok_or(AccountError::UnknownToken)?;
        self.to_the_end(|inner| async move { inner.load_session(hash, token).await }).await
    }
}

impl Inner {
    async fn load_session(
        &self,
        hash: TokenHash,
        token: AccessTokenRow,
    ) -> Result<Arc<Session>, AccountError> {
        let user = OwnedUserId::try_from(token.user).map_err(|_| AccountError::UnknownToken)?;
        let device_id = OwnedDeviceId::from(token.device);
        let _guard = self.lock(&user).await;
        let device = self.device(&user, &device_id).await?.ok_or(AccountError::UnknownToken)?;
        if !device.access_hashes.iter().any(|known| known == hash.as_str()) {
            return Err(AccountError::UnknownToken);
        }
        let account = self.account(&user).await?.filter(|account| !account.deactivated);
        let account = account.ok_or(AccountError::UnknownToken)?;
        let device = self.settle_rotation(&user, &device_id, device, &hash).await?;
        let session = Arc::new(Session::new(user, device_id, token.expires_ts, &account, &device));
        self.sessions.insert(hash, Arc::clone(&session));
        Ok(session)
    }

    /// Forgets the user's sessions, so that the next request reads the account again. Under the user's lock.
    pub(super) async fn forget_sessions(&self, user: &ruma::UserId) -> Result<(), AccountError> {
        for (_, device) in self.devices(user).await? {
            self.sessions.forget(&device.access_hashes);
        }
        Ok(())
    }

    async fn write_down_use(&self, session: &Session) {
        let _guard = self.lock(&session.user_id).await;
        let (last_ms, address) = session.last_seen();
        let written = async {
            let Some(mut device) = self.device(&session.user_id, &session.device_id).await? else {
                return Ok(());
            };
            device.last_seen_ts = Some(last_ms);
            device.last_seen_ip = address.map(|address| address.to_string());
            self.put_device(&session.user_id, &session.device_id, &device, Vec::new()).await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "could not write down when a device was used");
        }
    }
}

impl Session {
    fn new(
        user_id: OwnedUserId,
        device_id: OwnedDeviceId,
        expires_ts: Option<u64>,
        account: &AccountRow,
        device: &DeviceRow,
    ) -> Self {
        let written_ms = AtomicU64::new(device.last_seen_ts.unwrap_or(0));
        let seen = Seen { written_ms, ..Seen::default() };
        let AccountRow { admin, locked, suspended, .. } = *account;
        Self { user_id, device_id, admin, locked, suspended, expires_ts, seen }
    }
}
