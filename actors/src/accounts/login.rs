//! Logging in: a device and its tokens.

use std::time::Duration;

use playhouse_storage::{
    IntoKey as _,
    tables::{
        CrossSigningKey, LoginToken as LoginTokenTable, account::AccountRow, device::DeviceRow,
        login_token::LoginTokenRow,
    },
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::{
    AccountError, Accounts, Inner, row,
    secret::{self, Kind, MAX_TOKEN_BYTES, Token, TokenHash},
};

/// The longest device id: long enough for any client, short enough for a key column.
const MAX_DEVICE_ID_BYTES: usize = 255;

/// The longest display name of a device.
const MAX_DISPLAY_NAME_BYTES: usize = 1_024;

/// The device that logs in.
#[derive(Debug, Clone, Default)]
pub struct NewDevice {
    /// Its id; a device that has it already gets new tokens and loses the old ones.
    pub device_id: Option<OwnedDeviceId>,
    /// Its name, unless it has one.
    pub display_name: Option<String>,
    /// Whether the client can refresh its access token.
    pub refreshable: bool,
}

/// A device that has logged in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// Its access token.
    pub access_token: String,
    /// Its refresh token, if it can use one.
    pub refresh_token: Option<String>,
    /// The life of the access token, if it ends.
    pub expires_in: Option<Duration>,
}

/// A token that logs another device in, once.
#[derive(Debug, Clone)]
pub struct LoginToken {
    /// The token.
    pub token: String,
    /// Its life.
    pub expires_in: Duration,
}

impl Accounts {
    /// Logs a device of `user` in; the caller has made sure that it is theirs.
    ///
    /// # Errors
    /// [`AccountError::Locked`], [`AccountError::InvalidDeviceId`], [`AccountError::DeviceIdIsKey`];
    /// [`AccountError::WrongCredentials`] when the account is not there any more; the store gave no answer.
    pub async fn log_in(&self, user: &UserId, new: NewDevice) -> Result<Login, AccountError> {
        let device_id = match &new.device_id {
            Some(id) => checked(id)?,
            None => secret::random_device_id().into(),
        };
        let user = user.to_owned();
        self.to_the_end(|inner| async move { inner.log_in(user, device_id, new).await }).await
    }

    /// Makes a token that logs another device of `user` in.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn issue_login_token(&self, user: &UserId) -> Result<LoginToken, AccountError> {
        let (token, expires_in) = (Token::new(Kind::Login), self.inner.settings.login_token_lifetime);
        let expires_ts = self.inner.now_ms().saturating_add(expires_in.as_millis() as u64);
        let row = LoginTokenRow { user: user.to_string(), expires_ts };
        row::create::<LoginTokenTable>(&self.inner.store, (token.hash().as_str(),).to_key(), &row).await?;
        Ok(LoginToken { token: token.into_text(), expires_in })
    }

    /// Whom a login token logs in. It is used up by this.
    ///
    /// # Errors
    /// [`AccountError::WrongCredentials`] for one that is unknown, used or too old; the store gave no answer.
    pub async fn use_login_token(&self, token: &str) -> Result<OwnedUserId, AccountError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AccountError::WrongCredentials);
        }
        let key = (TokenHash::of(token).as_str(),).to_key();
        let taken = self.to_the_end(|inner| async move {
            row::change::<LoginTokenTable, _>(&inner.store, key, |row| {
                row.map(|row| (None, row)).ok_or(AccountError::WrongCredentials)
            })
            .await
        });
        let row = taken.await?;
        if row.expires_ts <= self.inner.now_ms() {
            return Err(AccountError::WrongCredentials);
        }
        OwnedUserId::try_from(row.user).map_err(|_| AccountError::WrongCredentials)
    }
}

impl Inner {
    async fn log_in(
        &self,
        user: OwnedUserId,
        device_id: OwnedDeviceId,
        new: NewDevice,
    ) -> Result<Login, AccountError> {
        let _guard = self.lock(&user).await;
        self.may_log_in(&user).await?;
        self.must_not_be_a_key(&user, &device_id).await?;

        let before = self.device(&user, &device_id).await?;
        let pair = self.new_pair(&user, &device_id, new.refreshable).await?;
        let named = before.clone().unwrap_or_else(|| self.first_row(new.display_name));
        let after = DeviceRow {
            access_hashes: vec![pair.access_hash()],
            refresh_hashes: pair.refresh_hash().into_iter().collect(),
            ..named
        };
        let writes = vec![pair.access_write(self.stamp(&user))];
        self.replace_tokens(&user, &device_id, &before.unwrap_or_default(), &after, writes).await?;

        let expires_in = pair.lifetime();
        let (access_token, refresh_token) = pair.into_texts();
        Ok(Login { user_id: user, device_id, access_token, refresh_token, expires_in })
    }

    fn first_row(&self, display_name: Option<String>) -> DeviceRow {
        let display_name = display_name.map(short);
        DeviceRow { display_name, created_ts: self.now_ms(), ..DeviceRow::default() }
    }

    /// The account, if it may have new tokens.
    pub(super) async fn may_log_in(&self, user: &UserId) -> Result<AccountRow, AccountError> {
        let account = self.account(user).await?.filter(|account| !account.deactivated);
        let account = account.ok_or(AccountError::WrongCredentials)?;
        if account.locked { Err(AccountError::Locked) } else { Ok(account) }
    }

    /// A device must not be mistaken for a cross-signing key of the same user.
    async fn must_not_be_a_key(&self, user: &UserId, device_id: &DeviceId) -> Result<(), AccountError> {
        let keys = self.store.all::<CrossSigningKey>((user.as_str(),), ()).await?;
        let key_id = format!("\"ed25519:{device_id}\"");
        let is_key = keys.iter().any(|(_, row)| row.key.get().contains(&key_id));
        if is_key { Err(AccountError::DeviceIdIsKey) } else { Ok(()) }
    }
}

/// A name cut where it is too long, between characters.
pub(super) fn short(mut name: String) -> String {
    let end = (0..=MAX_DISPLAY_NAME_BYTES.min(name.len())).rev().find(|&at| name.is_char_boundary(at));
    name.truncate(end.unwrap_or(0));
    name
}

fn checked(id: &OwnedDeviceId) -> Result<OwnedDeviceId, AccountError> {
    let text = id.as_str();
    let is_fine = (1..=MAX_DEVICE_ID_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if is_fine { Ok(id.clone()) } else { Err(AccountError::InvalidDeviceId) }
}
