//! Making an account.

use playhouse_storage::{IntoKey as _, tables::Account, tables::account::AccountRow};
use ruma::{OwnedUserId, UserId};

use super::{AccountError, Accounts, row, secret, username};
use crate::{user::profile, user_directory::index};

/// A new account.
#[derive(Debug, Clone, Default)]
pub struct NewAccount {
    /// The password; without one nobody logs in with a password.
    pub password: Option<String>,
    /// A server administrator.
    pub admin: bool,
    /// The terms that the user agreed to, by policy id and version.
    pub agreed_terms: Vec<String>,
}

impl Accounts {
    /// The user id that `username` would get, if it is free; a name made up where there is none.
    ///
    /// # Errors
    /// [`AccountError::InvalidUsername`], [`AccountError::UserInUse`].
    pub async fn available(&self, username: Option<&str>) -> Result<OwnedUserId, AccountError> {
        let made_up = || secret::random_localpart();
        let username = username.map_or_else(made_up, str::to_owned);
        let user = username::to_register(&username, &self.inner.settings.server_name)?;
        if self.inner.account(&user).await?.is_some() { Err(AccountError::UserInUse) } else { Ok(user) }
    }

    /// Makes the account; its name is taken from now on and for ever, and is its first display name, as other servers do.
    ///
    /// # Errors
    /// [`AccountError::UserInUse`] when someone else was faster; the password is refused; the store gave no answer.
    pub async fn register(&self, user: &UserId, new: NewAccount) -> Result<(), AccountError> {
        let password_hash = match &new.password {
            Some(password) => Some(self.inner.passwords.hash(password).await?),
            None => None,
        };
        let row = AccountRow {
            password_hash,
            created_ts: self.inner.now_ms(),
            admin: new.admin,
            agreed_terms: new.agreed_terms,
            ..AccountRow::default()
        };
        let user = user.to_owned();
        let made = self.to_the_end(|inner| async move {
            let made = row::create::<Account>(&inner.store, (user.as_str(),).to_key(), &row).await?;
            if made {
                // Lost in a crash, the words are made up for when the user's stream starts; the name the user sets.
                let stamp = inner.clocks.stamp(user.as_str());
                let mut writes = index::rows_of(&user, stamp);
                writes.push(profile::write_of_first_name(&user, stamp));
                inner.store.write(writes).await?;
            }
            Ok(made)
        });
        if made.await? { Ok(()) } else { Err(AccountError::UserInUse) }
    }
}
