//! What a user's own stream is, in memory: cheap to clone, shared with the syncs.

use std::{collections::BTreeMap, sync::Arc};

use imbl::{HashMap, OrdMap};
use playhouse_rules::push::CompiledRules;
use playhouse_storage::tables::account_data::AccountDataRow;
use ruma::{OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::joining::permission::{INVITE_PERMISSION, blocks_invites};

/// The type of the list of ignored users.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#mignored_user_list>
const IGNORED_USERS: &str = "m.ignored_user_list";

/// A user's own stream after a commit.
#[derive(Debug, Clone, Default)]
pub struct UserData {
    /// Account data by room (empty: global) and type.
    pub account_data: OrdMap<(String, String), Arc<AccountDataRow>>,
    /// What the account data weighs: keys and contents.
    pub account_data_bytes: usize,
    /// The position of the newest to-device message of each device.
    pub to_device: HashMap<String, i64>,
    /// What is left of each device's one-time and fallback keys.
    pub keys: HashMap<String, Arc<KeyCounts>>,
    /// The position of the newest change of any of this.
    pub pos: i64,
    /// The push rules, ready to be asked; `None` until the stream is loaded.
    pub compiled_push_rules: Option<Arc<CompiledRules>>,
    /// Who the user ignores.
    pub ignored: Arc<std::collections::HashSet<OwnedUserId>>,
    /// Whether the user takes no invites.
    pub blocks_invites: bool,
}

/// What is left of a device's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// One-time keys by algorithm.
    pub one_time: BTreeMap<String, u64>,
    /// Algorithms with a fallback key that was not handed out yet.
    pub unused_fallback: Vec<String>,
}

impl UserData {
    /// The content of one type of account data.
    pub fn account_data(&self, room: &str, kind: &str) -> Option<&RawValue> {
        self.account_data.get(&(room.to_owned(), kind.to_owned())).map(|row| &*row.content)
    }

    /// Puts account data in, and what follows from it. `owner` is the user.
    pub fn put_account_data(&mut self, owner: &UserId, room: String, kind: String, row: AccountDataRow) {
        self.pos = self.pos.max(row.pos);
        self.account_data_bytes += weight(&room, &kind, &row);
        let key = (room, kind);
        if let Some(old) = self.account_data.insert(key.clone(), Arc::new(row)) {
            self.account_data_bytes -= weight(&key.0, &key.1, &old);
        }
        match (key.0.as_str(), key.1.as_str()) {
            ("", IGNORED_USERS) => self.refresh_ignored(owner),
            ("", INVITE_PERMISSION) => {
                let content = self.account_data("", INVITE_PERMISSION);
                self.blocks_invites = content.is_some_and(|content| blocks_invites(content.get()));
            }
            _ => {}
        }
    }

    /// What all account data would weigh with this content in it.
    pub fn account_data_bytes_with(&self, room: &str, kind: &str, content: &RawValue) -> usize {
        let old = self.account_data.get(&(room.to_owned(), kind.to_owned()));
        let old = old.map_or(0, |row| weight(room, kind, row));
        self.account_data_bytes - old + room.len() + kind.len() + content.get().len()
    }

    /// Whether the user ignores another. Nobody ignores oneself.
    pub fn ignores(&self, user: &UserId) -> bool {
        self.ignored.contains(user)
    }

    /// Reads the ignore list anew. What is no user id in it is passed over; a list of another shape ignores nobody.
    fn refresh_ignored(&mut self, owner: &UserId) {
        #[derive(serde::Deserialize)]
        struct Content {
            ignored_users: BTreeMap<String, serde::de::IgnoredAny>,
        }
        let content = self.account_data("", IGNORED_USERS);
        let content = content.and_then(|raw| serde_json::from_str::<Content>(raw.get()).ok());
        let users = content.into_iter().flat_map(|content| content.ignored_users.into_keys());
        let users = users.filter_map(|user| OwnedUserId::try_from(user).ok());
        self.ignored = Arc::new(users.filter(|user| user != owner).collect());
    }
}

fn weight(room: &str, kind: &str, row: &AccountDataRow) -> usize {
    room.len() + kind.len() + row.content.get().len()
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn ignoring(content: &str) -> UserData {
        let mut data = UserData::default();
        let row = AccountDataRow { content: raw(content), pos: 7 };
        data.put_account_data(user_id!("@me:a"), String::new(), IGNORED_USERS.to_owned(), row);
        data
    }

    #[test]
    fn who_is_listed_is_ignored_but_never_oneself() {
        let data = ignoring(r#"{"ignored_users":{"@spam:a":{},"no user id":{},"@me:a":{}}}"#);

        assert!(data.ignores(user_id!("@spam:a")));
        assert!(!data.ignores(user_id!("@me:a")));
        assert_eq!(data.ignored.len(), 1);
    }

    #[test]
    fn a_list_of_another_shape_ignores_nobody() {
        for content in
            ["{}", r#"{"ignored_users":[]}"#, r#"{"ignored_users":null}"#, r#"{"ignored_users":"@spam:a"}"#]
        {
            assert!(ignoring(content).ignored.is_empty(), "{content}");
        }
    }

    #[test]
    fn the_weight_is_that_of_what_stands() {
        let mut data = UserData::default();
        let mut put = |content: &str, pos| {
            assert_eq!(data.account_data_bytes_with("!r:a", "t", &raw(content)), 5 + content.len());
            let row = AccountDataRow { content: raw(content), pos };
            data.put_account_data(user_id!("@me:a"), "!r:a".to_owned(), "t".to_owned(), row);
            data.account_data_bytes
        };

        assert_eq!(put(r#"{"a":"long"}"#, 1), 17);
        assert_eq!(put("{}", 2), 7);
    }
}
