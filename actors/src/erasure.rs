//! Users who asked to be erased: whoever was not in the room at one of their events gets a redacted copy of it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate>

use std::collections::HashSet;

use parking_lot::RwLock;
use playhouse_storage::{
    Store, StoreError, Write,
    store::put,
    tables::{ErasedUser, erased_user::ErasedUserRow},
};
use ruma::{OwnedUserId, UserId};

use crate::clock::{SLOTS, slot_of};

/// Every erased user of this server: some hundred bytes of memory each, as each event that is shown is looked up.
#[derive(Debug, Default)]
pub struct ErasedUsers {
    users: RwLock<HashSet<OwnedUserId>>,
}

impl ErasedUsers {
    /// Reads them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let mut users = HashSet::new();
        for slot in 0..SLOTS as i64 {
            let rows = store.all::<ErasedUser>((slot,), ()).await?;
            users.extend(rows.into_iter().filter_map(|((user,), _)| OwnedUserId::try_from(user).ok()));
        }
        Ok(Self { users: RwLock::new(users) })
    }

    /// Whether the user asked to be erased.
    pub fn contains(&self, user: &UserId) -> bool {
        self.users.read().contains(user)
    }

    /// Notes a user whose row is durable.
    pub(crate) fn note(&self, user: &UserId) {
        self.users.write().insert(user.to_owned());
    }
}

/// The row of an erased user.
pub(crate) fn write_of(user: &UserId, stamp: i64) -> Write {
    put::<ErasedUser>((slot_of(user.as_str()) as i64,), (user.as_str(),), &ErasedUserRow {}, stamp)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Theatre;

    #[tokio::test]
    async fn who_joins_after_an_erasure_gets_redacted_copies_and_who_was_there_reads_on() {
        let theatre = Theatre::open().await;
        let (alice, bob, carol) =
            (theatre.person("alice").await, theatre.person("bob").await, theatre.person("carol").await);
        let room = alice.opens_a_room().await;
        for person in [&bob, &carol] {
            person.joins(&room).await.unwrap();
        }
        carol.leaves(&room).await.unwrap();
        bob.says(&room, "mine").await;
        alice.says(&room, "hers").await;
        bob.sets_account_data("mine", json!({ "a": 1 })).await;
        bob.sets_profile("displayname", "Bob").await;

        theatre.node.accounts().deactivate(&bob.id, true).await.unwrap();
        carol.joins(&room).await.unwrap();

        assert_eq!(alice.reads(&room).await.unwrap(), ["hers", "mine"]);
        assert_eq!(carol.reads(&room).await.unwrap(), ["hers", ""]);
        let (bob, carol, alice) = (bob.id.clone(), carol.id.clone(), alice.id.clone());
        let theatre = theatre.reopen().await;
        assert_eq!(theatre.person_again(&carol).reads(&room).await.unwrap(), ["hers", ""]);
        assert_eq!(theatre.person_again(&alice).reads(&room).await.unwrap(), ["hers", "mine"]);
        let data = theatre.node.users().feed(&bob).await.unwrap().data();
        assert!(data.account_data("", "mine").is_none());
        assert!(crate::user::profile::fields(theatre.node.store(), &bob).await.unwrap().is_empty());
    }
}
