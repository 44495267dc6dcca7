//! From what a person types to a user id.

use ruma::{OwnedUserId, ServerName, UserId};

use super::AccountError;

/// The longest user id, sigil and domain included.
///
/// <https://spec.matrix.org/v1.19/appendices/#user-identifiers>
const MAX_USER_ID_BYTES: usize = 255;

/// The user id that registering `username` makes: lower-cased, and refused unless the grammar of new user ids holds.
///
/// # Errors
/// [`AccountError::InvalidUsername`].
pub(super) fn to_register(username: &str, server_name: &ServerName) -> Result<OwnedUserId, AccountError> {
    let localpart = username.to_ascii_lowercase();
    if localpart.is_empty() {
        return Err(AccountError::InvalidUsername("The user name is empty"));
    }
    if !localpart.bytes().all(is_allowed) {
        return Err(AccountError::InvalidUsername("User names may hold only a-z, 0-9 and ._=-/+"));
    }
    let user_id = format!("@{localpart}:{server_name}");
    if user_id.len() > MAX_USER_ID_BYTES {
        return Err(AccountError::InvalidUsername("The user name is too long"));
    }
    UserId::parse(user_id).map_err(|_| AccountError::InvalidUsername("This is no user name"))
}

/// The user of this server whom `identifier` means, a whole id or a localpart in any case; `None` when it can mean
/// nobody here.
pub(super) fn to_log_in(identifier: &str, server_name: &ServerName) -> Option<OwnedUserId> {
    let localpart = match identifier.strip_prefix('@') {
        Some(id) => id.strip_suffix(server_name.as_str())?.strip_suffix(':')?,
        None => identifier,
    };
    to_register(localpart, server_name).ok()
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._=-/+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    fn registered(username: &str) -> Option<String> {
        to_register(username, server_name!("a.b")).ok().map(|user| user.to_string())
    }

    #[test]
    fn capitals_are_lowered_and_the_grammar_holds() {
        assert_eq!(registered("user-UPPER").as_deref(), Some("@user-upper:a.b"));
        assert_eq!(registered("q3._=-/+").as_deref(), Some("@q3._=-/+:a.b"));
        for bad in ["", "!", "a:b", "é", "É", "a\n", "a b", "@a", "a@", "a\\", "\u{212a}"] {
            assert_eq!(registered(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_user_id_has_at_most_255_bytes() {
        assert!(registered(&"a".repeat(255 - "@:a.b".len())).is_some());
        assert!(registered(&"a".repeat(256 - "@:a.b".len())).is_none());
    }

    #[test]
    fn who_logs_in_may_give_the_whole_id_or_the_localpart() {
        let name = server_name!("a.b:8448");
        let logged_in = |text: &str| to_log_in(text, name).map(|user| user.to_string());

        assert_eq!(logged_in("@Alice:a.b:8448").as_deref(), Some("@alice:a.b:8448"));
        assert_eq!(logged_in("alice").as_deref(), Some("@alice:a.b:8448"));
        assert_eq!(logged_in("@alice:other"), None);
        assert_eq!(logged_in("@alice"), None);
    }
}
