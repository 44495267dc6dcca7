//! Refreshing: a pair of tokens exchanged for a new pair.
//!
//! A device's row names the pair in use and, after a refresh, the pair that follows it. The old pair stays good until
//! the new one is used for the first time, so a lost answer logs nobody out: the client refreshes again with the old
//! token, and the pair that it never saw is replaced.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens>

use std::time::Duration;

use playhouse_storage::{
    IntoKey as _, Write, store,
    tables::{
        AccessToken, RefreshToken, access_token::AccessTokenRow, device::DeviceRow,
        refresh_token::RefreshTokenRow,
    },
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::{
    AccountError, Accounts, Inner, row,
    secret::{Kind, MAX_TOKEN_BYTES, Token, TokenHash},
};

/// A new pair of tokens.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// The new access token.
    pub access_token: String,
    /// The new refresh token.
    pub refresh_token: String,
    /// The life of the access token.
    pub expires_in: Duration,
}

impl Accounts {
    /// Exchanges a refresh token for a new pair.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`] for one that was never given out, was used up or revoked;
    /// [`AccountError::Locked`]; the store gave no answer.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Refreshed, AccountError> {
        if refresh_token.len() > MAX_TOKEN_BYTES {
            return Err(AccountError::UnknownToken);
        }
        let hash = TokenHash::of(refresh_token);
        self.to_the_end(|inner| async move { inner.refresh(&hash).await }).await
    }
}

impl Inner {
    async fn refresh(&self, hash: &TokenHash) -> Result<Refreshed, AccountError> {
        let old =
            self.store.get::<RefreshToken>((hash.as_str(),), ()).await?.ok_or(AccountError::UnknownToken)?;
        let user = OwnedUserId::try_from(old.user.as_str()).map_err(|_| AccountError::UnknownToken)?;
        let device_id = OwnedDeviceId::from(old.device.as_str());

        let _guard = self.lock(&user).await;
        let mut device = self.device(&user, &device_id).await?.ok_or(AccountError::UnknownToken)?;
        if !device.refresh_hashes.iter().any(|known| known == hash.as_str()) {
            return Err(AccountError::UnknownToken);
        }
        self.may_log_in(&user).await?;

        let pair = self.new_pair(&user, &device_id, true).await?;
        let next = pair.refresh_hash();
        row::change::<RefreshToken, ()>(&self.store, (hash.as_str(),).to_key(), |row| {
            let row = row.ok_or(AccountError::UnknownToken)?;
            Ok((Some(RefreshTokenRow { next: next.clone(), ..row }), ()))
        })
        .await?;

        // Whatever else the row named is over: the pair before this one, or the follower that was never used.
        let over = device.clone();
        device.access_hashes = vec![old.access_hash, pair.access_hash()];
        device.refresh_hashes = std::iter::once(hash.as_str().to_owned()).chain(next).collect();
        self.replace_tokens(&user, &device_id, &over, &device, vec![pair.access_write(self.stamp(&user))])
            .await?;
        pair.refreshed()
    }

    /// Ends the old pair once the new one is used for the first time. Under the user's lock.
    pub(super) async fn settle_rotation(
        &self,
        user: &UserId,
        device_id: &DeviceId,
        device: DeviceRow,
        used: &TokenHash,
    ) -> Result<DeviceRow, AccountError> {
        let is_newest = device.access_hashes.last().is_some_and(|newest| newest == used.as_str());
        if device.access_hashes.len() < 2 || !is_newest {
            return Ok(device);
        }
        let mut settled = device.clone();
        settled.access_hashes = device.access_hashes.last().cloned().into_iter().collect();
        settled.refresh_hashes = device.refresh_hashes.last().cloned().into_iter().collect();
        self.replace_tokens(user, device_id, &device, &settled, Vec::new()).await?;
        Ok(settled)
    }

    /// Makes a pair of tokens for a device; good once the device's row names them.
    pub(super) async fn new_pair(
        &self,
        user: &UserId,
        device_id: &DeviceId,
        refreshable: bool,
    ) -> Result<Pair, AccountError> {
        let access = Token::new(Kind::Access);
        let lifetime = refreshable.then_some(self.settings.refreshable_token_lifetime);
        let expires_ts = lifetime.map(|life| self.now_ms().saturating_add(life.as_millis() as u64));
        let row = AccessTokenRow { user: user.to_string(), device: device_id.to_string(), expires_ts };
        let refresh = refreshable.then(|| Token::new(Kind::Refresh));
        let pair = Pair { access, row, refresh, lifetime };
        if let Some(hash) = pair.refresh_hash() {
            let row = RefreshTokenRow {
                user: user.to_string(),
                device: device_id.to_string(),
                access_hash: pair.access_hash(),
                next: None,
            };
            row::create::<RefreshToken>(&self.store, (hash.as_str(),).to_key(), &row).await?;
        }
        Ok(pair)
    }

    /// Writes a device's row with other tokens than before, and sweeps those that it names no more. Under the user's
    /// lock.
    pub(super) async fn replace_tokens(
        &self,
        user: &UserId,
        device_id: &DeviceId,
        before: &DeviceRow,
        after: &DeviceRow,
        mut writes: Vec<Write>,
    ) -> Result<(), AccountError> {
        let gone = |old: &[String], new: &[String]| -> Vec<String> {
            old.iter().filter(|hash| !new.contains(hash)).cloned().collect()
        };
        let access = gone(&before.access_hashes, &after.access_hashes);
        let refresh = gone(&before.refresh_hashes, &after.refresh_hashes);
        self.sessions.forget(&access);
        let stamp = self.stamp(user);
        writes.extend(access.iter().map(|hash| store::delete::<AccessToken>((hash.as_str(),), (), stamp)));
        self.put_device(user, device_id, after, writes).await?;
        self.sweep_refresh_tokens(&refresh).await;
        Ok(())
    }

    /// Deletes rows of refresh tokens that no device names. They are dead already, so a failure is only noted.
    pub(super) async fn sweep_refresh_tokens(&self, hashes: &[String]) {
        for hash in hashes {
            let key = (hash.as_str(),).to_key();
            if let Err(error) = row::change::<RefreshToken, ()>(&self.store, key, |_| Ok((None, ()))).await {
                tracing::debug!(%error, "a dead refresh token stays in the store");
            }
        }
    }
}

/// A pair of tokens that is being given out.
#[derive(Debug)]
pub(super) struct Pair {
    access: Token,
    row: AccessTokenRow,
    refresh: Option<Token>,
    lifetime: Option<Duration>,
}

impl Pair {
    pub(super) fn access_hash(&self) -> String {
        self.access.hash().as_str().to_owned()
    }

    pub(super) fn refresh_hash(&self) -> Option<String> {
        self.refresh.as_ref().map(|token| token.hash().as_str().to_owned())
    }

    pub(super) fn access_write(&self, stamp: i64) -> Write {
        store::put::<AccessToken>((self.access.hash().as_str(),), (), &self.row, stamp)
    }

    pub(super) fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    pub(super) fn into_texts(self) -> (String, Option<String>) {
        (self.access.into_text(), self.refresh.map(Token::into_text))
    }

    fn refreshed(self) -> Result<Refreshed, AccountError> {
        let lifetime = self.lifetime;
        match (self.into_texts(), lifetime) {
            ((access_token, Some(refresh_token)), Some(expires_in)) => {
                Ok(Refreshed { access_token, refresh_token, expires_in })
            }
            _ => Err(AccountError::Internal("a refresh without a refresh token".to_owned())),
        }
    }
}
