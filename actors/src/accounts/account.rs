//! The account itself: password, flags, the end of it.

use playhouse_storage::{IntoKey as _, tables::Account, tables::account::AccountRow};
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

use super::{AccountError, Accounts, Inner, row, username};

/// What an administrator sees and sets of an account; `None` leaves a flag alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountFlags {
    /// A server administrator.
    pub admin: Option<bool>,
    /// Locked: every request is refused with a soft logout.
    pub locked: Option<bool>,
    /// Suspended: may read, leave and redact own events.
    pub suspended: Option<bool>,
}

impl Accounts {
    /// The account's row, if there is such an account.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn get(&self, user: &UserId) -> Result<Option<AccountRow>, AccountError> {
        self.inner.account(user).await
    }

    /// Whether a user of this server exists and is not deactivated.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn is_active(&self, user: &UserId) -> Result<bool, AccountError> {
        Ok(self.inner.account(user).await?.is_some_and(|account| !account.deactivated))
    }

    /// The user whose password it is; `identifier` is a whole id or a localpart. Unknown users and wrong passwords take
    /// the same path and the same time.
    ///
    /// # Errors
    /// [`AccountError::WrongCredentials`]; [`AccountError::Busy`] when too many wait.
    pub async fn verify_password(
        &self,
        identifier: &str,
        password: &str,
    ) -> Result<OwnedUserId, AccountError> {
        let user = username::to_log_in(identifier, &self.inner.settings.server_name);
        let account = match &user {
            Some(user) => self.inner.account(user).await?.filter(|account| !account.deactivated),
            None => None,
        };
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let is_right = self.inner.passwords.verify(password, hash).await?;
        user.filter(|_| is_right).ok_or(AccountError::WrongCredentials)
    }

    /// Sets a new password. With `logout_devices` every device but `keep` is removed.
    ///
    /// # Errors
    /// The password is refused, the account is not there, or the store gave no answer.
    pub async fn change_password(
        &self,
        user: &UserId,
        password: &str,
        keep: Option<&OwnedDeviceId>,
        logout_devices: bool,
    ) -> Result<(), AccountError> {
        let hash = self.inner.passwords.hash(password).await?;
        let (user, keep) = (user.to_owned(), keep.cloned());
        self.to_the_end(|inner| async move {
            let _guard = inner.lock(&user).await;
            let set = |account: &mut AccountRow| account.password_hash = Some(hash.clone());
            inner.change_account(&user, set).await?;
            if logout_devices {
                let others =
                    inner.device_ids(&user).await?.into_iter().filter(|id| Some(id) != keep.as_ref());
                inner.remove_devices(&user, others.collect()).await?;
            }
            Ok(())
        })
        .await
    }

    /// Ends an account: nobody logs in any more, the name stays taken.
    ///
    /// # Errors
    /// The store gave no answer; asking again goes on where it stopped.
    pub async fn deactivate(&self, user: &UserId, erase: bool) -> Result<(), AccountError> {
        let user = user.to_owned();
        self.to_the_end(|inner| async move {
            // The rooms come first: while the account lives, whoever asked can ask again after a crash.
            inner.events.account_deactivated(&user, erase).await?;
            inner.end_account(&user, erase).await?;
            // What other requests of the user brought meanwhile goes too.
            inner.events.account_deactivated(&user, erase).await?;
            Ok(())
        })
        .await
    }

    /// Sets flags of an account. They hold from the next request on.
    ///
    /// # Errors
    /// The account is not there, or the store gave no answer.
    pub async fn set_flags(&self, user: &UserId, flags: AccountFlags) -> Result<(), AccountError> {
        let user = user.to_owned();
        self.to_the_end(|inner| async move {
            let _guard = inner.lock(&user).await;
            let set = |account: &mut AccountRow| {
                account.admin = flags.admin.unwrap_or(account.admin);
                account.locked = flags.locked.unwrap_or(account.locked);
                account.suspended = flags.suspended.unwrap_or(account.suspended);
            };
            inner.change_account(&user, set).await?;
            inner.forget_sessions(&user).await
        })
        .await
    }
}

fn end(account: &mut AccountRow, erase: bool) {
    account.password_hash = None;
    account.deactivated = true;
    account.erased |= erase;
}

impl Inner {
    pub(super) async fn account(&self, user: &UserId) -> Result<Option<AccountRow>, AccountError> {
        Ok(self.store.get::<Account>((user.as_str(),), ()).await?)
    }

    async fn end_account(&self, user: &UserId, erase: bool) -> Result<(), AccountError> {
        let _guard = self.lock(user).await;
        self.change_account(user, |account| end(account, erase)).await?;
        self.forget_sessions(user).await?;
        self.remove_devices(user, self.device_ids(user).await?).await
    }

    async fn change_account(&self, user: &UserId, set: impl Fn(&mut AccountRow)) -> Result<(), AccountError> {
        row::change::<Account, ()>(&self.store, (user.as_str(),).to_key(), |account| {
            let mut account = account.ok_or(AccountError::UnknownUser)?;
            set(&mut account);
            Ok((Some(account), ()))
        })
        .await
    }
}
