//! Tokens by which a third party, such as a widget or an identity server, finds out who somebody is.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#openid>

use std::time::Duration;

use playhouse_storage::{
    store::put,
    tables::{OpenidToken, openid_token},
};
use ruma::{OwnedUserId, UserId};

use super::{
    AccountError, Accounts,
    secret::{Kind, MAX_TOKEN_BYTES, Token, TokenHash},
};

/// A token that was made.
#[derive(Debug, Clone)]
pub struct IssuedOpenidToken {
    /// The token.
    pub token: String,
    /// Its life.
    pub expires_in: Duration,
}

impl Accounts {
    /// Makes a token that tells whoever has it who `user` is, and lets nobody do anything.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn issue_openid_token(&self, user: &UserId) -> Result<IssuedOpenidToken, AccountError> {
        let token = Token::new(Kind::Openid);
        let expires_in = openid_token::LIFE;
        let expires_ts = self.inner.now_ms().saturating_add(expires_in.as_millis() as u64);
        let row = openid_token::OpenidTokenRow { user: user.to_string(), expires_ts };
        let stamp = self.inner.clocks.stamp(user.as_str());
        let hash = token.hash();
        self.inner.store.write(vec![put::<OpenidToken>((hash.as_str(),), (), &row, stamp)]).await?;
        Ok(IssuedOpenidToken { token: token.into_text(), expires_in })
    }

    /// Whose token it is; `None` for one that is unknown or too old, and for somebody who has gone.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn owner_of_openid_token(&self, token: &str) -> Result<Option<OwnedUserId>, AccountError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Ok(None);
        }
        let hash = TokenHash::of(token);
        let row = self.inner.store.get::<OpenidToken>((hash.as_str(),), ()).await?;
        let Some(row) = row.filter(|row| row.expires_ts > self.inner.now_ms()) else { return Ok(None) };
        let Ok(user) = OwnedUserId::try_from(row.user) else { return Ok(None) };
        Ok(self.is_active(&user).await?.then_some(user))
    }
}
