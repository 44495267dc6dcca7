//! Which names can be aliases of this server.
//!
//! <https://spec.matrix.org/v1.19/appendices/#room-aliases>

use ruma::{OwnedRoomAliasId, RoomAliasId, ServerName};

use super::AliasError;

/// Checks an alias that is to be made here.
///
/// # Errors
/// [`AliasError::BadName`].
pub(crate) fn check(alias: &RoomAliasId, here: &ServerName) -> Result<(), AliasError> {
    if alias.server_name() != here {
        return Err(AliasError::BadName("the alias must end with the name of this server"));
    }
    check_localpart(alias.alias())
}

/// The alias of this server with a local part.
///
/// # Errors
/// [`AliasError::BadName`].
pub(crate) fn of_localpart(localpart: &str, here: &ServerName) -> Result<OwnedRoomAliasId, AliasError> {
    check_localpart(localpart)?;
    let alias = OwnedRoomAliasId::try_from(format!("#{localpart}:{here}"));
    alias.map_err(|_| AliasError::BadName("the alias is too long"))
}

/// > The localpart of a room alias may contain any valid non-surrogate Unicode codepoints except `:` and `NUL`.
fn check_localpart(localpart: &str) -> Result<(), AliasError> {
    if localpart.is_empty() {
        return Err(AliasError::BadName("the alias is empty"));
    }
    if localpart.contains([':', '\0']) {
        return Err(AliasError::BadName("the alias has a colon or a NUL in its local part"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    fn alias(localpart: &str) -> Result<OwnedRoomAliasId, AliasError> {
        of_localpart(localpart, server_name!("a.example"))
    }

    #[test]
    fn any_text_but_colon_and_nul_is_a_local_part() {
        for localpart in ["stage", "老虎Â£я🤨👉ඞ", "a b", "#", "a/b?c"] {
            assert_eq!(alias(localpart).unwrap().as_str(), format!("#{localpart}:a.example"));
        }
        for localpart in ["", "a:b", "a\0b"] {
            assert!(matches!(alias(localpart), Err(AliasError::BadName(_))), "{localpart:?}");
        }
    }

    #[test]
    fn an_alias_has_255_bytes_at_most() {
        let longest = 255 - "#:a.example".len();

        assert!(alias(&"a".repeat(longest)).is_ok());
        assert!(matches!(alias(&"a".repeat(longest + 1)), Err(AliasError::BadName(_))));
    }

    #[test]
    fn an_alias_of_another_server_is_not_made_here() {
        let of = |text: &str| OwnedRoomAliasId::try_from(text).unwrap();

        assert!(check(&of("#stage:a.example"), server_name!("a.example")).is_ok());
        assert!(check(&of("#stage:b.example"), server_name!("a.example")).is_err());
    }
}
