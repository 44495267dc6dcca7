//! Checking a password for a client: in bounded number for each account and each address.

use std::net::IpAddr;

use playhouse_actors::accounts::AccountError;
use ruma::{OwnedUserId, api::client::uiaa::UserIdentifier};

use crate::{
    ApiError, Gateway,
    limits::{Class, Whose},
};

/// Whom an identifier names, of the kinds that this server can look up.
pub fn named(identifier: &UserIdentifier) -> Option<&str> {
    match identifier {
        UserIdentifier::Matrix(user) => Some(&user.user),
        _ => None,
    }
}

/// The user whose password it is. Wrong ones count towards [`Class::FailedLogins`], right ones do not.
///
/// # Errors
/// `M_FORBIDDEN` for a wrong password and for an unknown user alike, `M_LIMIT_EXCEEDED`.
pub async fn verify(
    gateway: &Gateway,
    address: IpAddr,
    identifier: &str,
    password: &str,
) -> Result<OwnedUserId, ApiError> {
    let (account, address) = (identifier.to_lowercase(), Whose::Address(address));
    // Taken before and given back after, so that many attempts at once do not pass together.
    gateway.limits.take(Class::FailedLogins, address)?;
    gateway.limits.take(Class::FailedLogins, Whose::Name(&account))?;
    let verified = gateway.node.accounts().verify_password(identifier, password).await;
    if !matches!(verified, Err(AccountError::WrongCredentials)) {
        gateway.limits.give_back(Class::FailedLogins, address);
        gateway.limits.give_back(Class::FailedLogins, Whose::Name(&account));
    }
    Ok(verified?)
}
