//! Profiles: who a user is to others.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#profiles>

use std::collections::BTreeMap;

use playhouse_storage::{
    Store, StoreError, Write,
    store::{delete, put},
    tables::{Account, Profile as ProfileTable, account::AccountRow, profile::ProfileRow},
};
use ruma::UserId;
use serde_json::value::{RawValue, to_raw_value};

use super::{UserError, UserHandle, actor::UserActorState, message::UserRequest, spread_profile};
use crate::user_directory::index;

/// The most bytes of a whole profile, rendered.
const MOST_PROFILE_BYTES: usize = 65_536;
/// The longest name of a field.
const MOST_KEY_BYTES: usize = 255;
/// The longest display name, in characters: every room that the user is in holds a copy.
const MOST_DISPLAY_NAME_CHARS: usize = 256;
/// The longest avatar URL, in bytes.
const MOST_AVATAR_URL_BYTES: usize = 1_000;
/// The longest time zone, in bytes.
const MOST_TIME_ZONE_BYTES: usize = 255;

/// A profile's fields by name.
pub type Profile = BTreeMap<String, Box<RawValue>>;

/// The name of a profile field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileField(String);

impl ProfileField {
    /// Reads a name.
    ///
    /// # Errors
    /// [`UserError::KeyTooLarge`], [`UserError::Invalid`] for what the [grammar] does not allow.
    ///
    /// [grammar]: https://spec.matrix.org/v1.19/appendices/#common-namespaced-identifier-grammar
    pub fn parse(name: &str) -> Result<Self, UserError> {
        if name.len() > MOST_KEY_BYTES {
            return Err(UserError::KeyTooLarge);
        }
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(inner) {
            return Err(UserError::Invalid("not the name of a profile field".into()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the rooms of the user hold a copy.
    pub fn is_spread(&self) -> bool {
        is_spread(self.as_str())
    }

    /// The value to store: `None` where it stands for none.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`] for what is too long.
    fn check(&self, value: Box<RawValue>) -> Result<Option<Box<RawValue>>, UserError> {
        let text = match self.as_str() {
            "displayname" | "avatar_url" | "m.tz" => serde_json::from_str::<String>(value.get())
                .map_err(|_| UserError::Malformed(format!("{} must be a string", self.as_str())))?,
            _ => return Ok(Some(value)),
        };
        let fits = match self.as_str() {
            "displayname" => text.chars().count() <= MOST_DISPLAY_NAME_CHARS,
            "avatar_url" => text.len() <= MOST_AVATAR_URL_BYTES,
            _ => text.len() <= MOST_TIME_ZONE_BYTES,
        };
        if !fits {
            return Err(UserError::Invalid(format!("{} is too long", self.as_str())));
        }
        // Clients that know no DELETE empty the field.
        Ok((!text.is_empty()).then_some(value))
    }
}

fn is_spread(field: &str) -> bool {
    matches!(field, "displayname" | "avatar_url")
}

/// The profile of a user of this server; `None` if there is no such user.
///
/// # Errors
/// When the store does not answer.
pub async fn profile(store: &Store, user: &UserId) -> Result<Option<Profile>, StoreError> {
    let account: Option<AccountRow> = store.get::<Account>((user.as_str(),), ()).await?;
    if account.is_none() {
        return Ok(None);
    }
    fields(store, user).await.map(Some)
}

/// What another server says of a user of its own: fields that no user of ours could have are left out.
pub fn of_elsewhere(fields: impl IntoIterator<Item = (String, Box<RawValue>)>) -> Profile {
    let checked = |(name, value): (String, Box<RawValue>)| {
        let value = ProfileField::parse(&name).ok()?.check(value).ok()??;
        Some((name, value))
    };
    fields.into_iter().filter_map(checked).collect()
}

/// The display name of a new account: the name that it was registered with.
pub(crate) fn write_of_first_name(user: &UserId, stamp: i64) -> Write {
    let value = to_raw_value(user.localpart()).expect("a string is JSON");
    put::<ProfileTable>((user.as_str(),), ("displayname",), &ProfileRow { value }, stamp)
}

/// The profile fields that are kept of a user.
///
/// # Errors
/// When the store does not answer.
pub async fn fields(store: &Store, user: &UserId) -> Result<Profile, StoreError> {
    let rows = store.all::<ProfileTable>((user.as_str(),), ()).await?;
    Ok(rows.into_iter().map(|((field,), row)| (field, row.value)).collect())
}

impl UserHandle {
    /// Sets a profile field as the user's client asks; durable on return.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::ProfileTooLarge`], [`UserError::Unavailable`].
    pub async fn put_profile_field(
        &self,
        field: &ProfileField,
        value: Box<RawValue>,
    ) -> Result<(), UserError> {
        self.set_profile(field.as_str(), field.check(value)?).await
    }

    /// Sets or removes a profile field; durable on return.
    ///
    /// # Errors
    /// [`UserError::ProfileTooLarge`], [`UserError::Unavailable`].
    pub async fn set_profile(&self, field: &str, value: Option<Box<RawValue>>) -> Result<(), UserError> {
        let field = field.to_owned();
        self.ask(|reply| UserRequest::SetProfile { field, value, reply }).await
    }
}

impl UserActorState {
    /// Sets or removes a field.
    ///
    /// # Errors
    /// [`UserError::ProfileTooLarge`] when the profile would pass 64 KiB, [`UserError::Unavailable`].
    pub(super) async fn set_profile(
        &mut self,
        field: &str,
        value: Option<Box<RawValue>>,
    ) -> Result<(), UserError> {
        let mut profile = fields(&self.context.store, &self.user).await?;
        let old = profile.get(field).and_then(|old| text_of(old));
        let new = value.as_deref().and_then(text_of);
        if let Some(value) = &value {
            profile.insert(field.to_owned(), value.clone());
            if rendered_bytes(&profile) > MOST_PROFILE_BYTES {
                return Err(UserError::ProfileTooLarge);
            }
        }
        let stamp = self.begin();
        if is_spread(field) {
            // First, so that the rooms hear of the change even if nobody is there to tell them now.
            self.write(vec![spread_profile::write_of_mark(&self.user, stamp)]).await?;
        }
        let user = self.user.as_str();
        let mut writes = vec![match value {
            Some(value) => put::<ProfileTable>((user,), (field,), &ProfileRow { value }, stamp),
            None => delete::<ProfileTable>((user,), (field,), stamp),
        }];
        if field == "displayname" {
            writes.extend(index::renamed(&self.user, old.as_deref(), new.as_deref(), stamp));
        }
        self.write(writes).await
    }
}

fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// How long the profile is as a JSON object.
fn rendered_bytes(profile: &Profile) -> usize {
    const PUNCTUATION_BYTES: usize = r#""":,"#.len();
    profile.iter().map(|(name, value)| name.len() + value.get().len() + PUNCTUATION_BYTES).sum::<usize>() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: impl Into<String>) -> Box<RawValue> {
        RawValue::from_string(json.into()).unwrap()
    }

    fn field(name: &str) -> ProfileField {
        ProfileField::parse(name).unwrap()
    }

    #[test]
    fn a_name_follows_the_grammar_of_namespaced_identifiers() {
        for name in ["displayname", "avatar_url", "m.tz", "org.example.job-title", "a", &"a".repeat(255)] {
            assert!(ProfileField::parse(name).is_ok(), "{name}");
        }
        for name in ["", ".a", "1a", "A", "org.Example", "a b", "ä", "a/b"] {
            assert!(matches!(ProfileField::parse(name), Err(UserError::Invalid(_))), "{name}");
        }
        assert!(matches!(ProfileField::parse(&"a".repeat(256)), Err(UserError::KeyTooLarge)));
    }

    #[test]
    fn the_fields_of_the_specification_are_strings_of_bounded_length() {
        for name in ["displayname", "avatar_url", "m.tz"] {
            for value in ["null", "1", "{}", "[]", "true"] {
                assert!(
                    matches!(field(name).check(raw(value)), Err(UserError::Malformed(_))),
                    "{name} {value}"
                );
            }
            let long = format!("\"{}\"", "a".repeat(1_001));
            assert!(matches!(field(name).check(raw(long)), Err(UserError::Invalid(_))), "{name}");
            assert!(field(name).check(raw("\"x\"")).unwrap().is_some());
        }
        let wide = format!("\"{}\"", "ä".repeat(MOST_DISPLAY_NAME_CHARS));
        assert!(field("displayname").check(raw(wide)).is_ok());
    }

    #[test]
    fn an_empty_text_removes_the_field() {
        assert!(field("displayname").check(raw("\"\"")).unwrap().is_none());
    }

    #[test]
    fn a_field_of_ones_own_holds_anything_and_null_is_something() {
        for value in ["null", "{}", "[1]", "\"\"", "1.5"] {
            assert_eq!(field("org.example.x").check(raw(value)).unwrap().unwrap().get(), value);
        }
    }

    #[test]
    fn the_size_of_a_profile_is_that_of_its_json() {
        let profile: Profile = [("a".into(), raw("1")), ("bc".into(), raw("[2,3]"))].into();

        assert_eq!(rendered_bytes(&profile), serde_json::to_string(&profile).unwrap().len());
    }
}
