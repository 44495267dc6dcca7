//! The rows by which words lead to users.

use std::{collections::BTreeSet, ops::Bound};

use playhouse_storage::{
    IntoKey as _, Order, Slice, Store, StoreError, Write,
    store::{delete, put},
    tables::{UserSearch, user_search::UserSearchRow},
};
use ruma::{OwnedUserId, UserId};

use super::words::{of_name, of_user, start};

/// The rows of a user without a display name.
pub fn rows_of(user: &UserId, stamp: i64) -> Vec<Write> {
    of_user(user).iter().map(|word| row(word, user, stamp)).collect()
}

/// What changes when a user's display name does.
pub fn renamed(user: &UserId, old: Option<&str>, new: Option<&str>, stamp: i64) -> Vec<Write> {
    let (id, old, new) = (of_user(user), of_name(old), of_name(new));
    let gone = old.iter().filter(|word| !new.contains(*word) && !id.contains(*word));
    let gone = gone.map(|word| delete::<UserSearch>((start(word),), (word, user.as_str()), stamp));
    gone.chain(new.iter().map(|word| row(word, user, stamp))).collect()
}

fn row(word: &str, user: &UserId, stamp: i64) -> Write {
    put::<UserSearch>((start(word),), (word, user.as_str()), &UserSearchRow {}, stamp)
}

/// Whether a user's id leads to the user.
///
/// # Errors
/// When the store does not answer.
pub async fn is_listed(store: &Store, user: &UserId) -> Result<bool, StoreError> {
    let Some(word) = of_user(user).pop_first() else { return Ok(true) };
    Ok(store.get::<UserSearch>((start(&word),), (word, user.as_str())).await?.is_some())
}

/// At most `limit` rows' users who have a word that begins so, and whether there are more rows.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn users_with(
    store: &Store,
    beginning: &str,
    limit: usize,
) -> Result<(BTreeSet<OwnedUserId>, bool), StoreError> {
    let slice = Slice {
        from: Bound::Included((beginning,).to_key()),
        to: Bound::Excluded((format!("{beginning}{}", char::MAX),).to_key()),
        order: Order::Forward,
        limit,
    };
    let (rows, more) = store.slice::<UserSearch>((start(beginning),), slice).await?;
    Ok((rows.into_iter().filter_map(|((_, user), _)| OwnedUserId::try_from(user).ok()).collect(), more))
}
