//! Registration tokens and how often they were used.

use playhouse_storage::{
    IntoKey as _,
    tables::{RegistrationToken, registration_token::RegistrationTokenRow},
};

use super::{AccountError, Accounts, row};

impl Accounts {
    /// Whether the token would admit one account more.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn registration_token_is_valid(&self, token: &str) -> Result<bool, AccountError> {
        match self.inner.settings.registration_tokens.get(token) {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(uses)) => {
                let row = self.inner.store.get::<RegistrationToken>((token,), ()).await?;
                Ok(row.map_or(0, |row| row.completed) < *uses)
            }
        }
    }

    /// Counts an account made with the token; `false` when it admits none any more.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn use_registration_token(&self, token: &str) -> Result<bool, AccountError> {
        let Some(uses) = self.inner.settings.registration_tokens.get(token).copied() else {
            return Ok(false);
        };
        let uses = uses.unwrap_or(u64::MAX);
        self.count(token, move |completed| (completed < uses).then_some(completed + 1)).await
    }

    /// Takes a use back: the account was not made after all.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn give_back_registration_token(&self, token: &str) -> Result<(), AccountError> {
        self.count(token, |completed| completed.checked_sub(1)).await.map(|_| ())
    }

    async fn count(
        &self,
        token: &str,
        next: impl Fn(u64) -> Option<u64> + Send + Sync + 'static,
    ) -> Result<bool, AccountError> {
        let key = (token,).to_key();
        self.to_the_end(|inner| async move {
            row::change::<RegistrationToken, _>(&inner.store, key, |row| {
                let counted = next(row.as_ref().map_or(0, |row| row.completed));
                let new = counted.map(|completed| RegistrationTokenRow { completed }).or(row);
                Ok((new, counted.is_some()))
            })
            .await
        })
        .await
    }
}
