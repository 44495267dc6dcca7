//! Claiming keys of many users at once.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim>

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use ruma::{OwnedServerName, OwnedUserId};

use super::{
    claim::{ClaimedKey, WantedKey},
    query::existing,
};
use crate::{Node, user::UserError};

/// The most keys that one request may ask for.
pub const MOST_KEYS: usize = 10_000;
/// Users that are asked at the same time.
const AT_ONCE: usize = 32;

/// The keys that are wanted of each user.
pub type WantedKeys = BTreeMap<OwnedUserId, Vec<WantedKey>>;

/// What came of a claim.
#[derive(Debug, Default)]
pub struct ClaimedKeys {
    /// The keys; users without any are left out.
    pub keys: BTreeMap<OwnedUserId, Vec<ClaimedKey>>,
    /// Servers that could not be asked, or not all of whose users could.
    pub unreachable: BTreeSet<OwnedServerName>,
}

/// Claims keys of many users, each through the user's own stream.
///
/// # Errors
/// [`UserError::TooLarge`] beyond [`MOST_KEYS`]; the failure of a user where nobody gave a key. Otherwise it is told of the
/// server, for the keys of the others will not come back.
pub async fn claim_keys(node: &Node, wanted: WantedKeys) -> Result<ClaimedKeys, UserError> {
    if wanted.values().map(Vec::len).sum::<usize>() > MOST_KEYS {
        return Err(UserError::TooLarge(format!("one request may claim {MOST_KEYS} keys")));
    }
    let mut claimed = ClaimedKeys::default();
    let (local, remote): (WantedKeys, WantedKeys) =
        wanted.into_iter().partition(|(user, _)| user.server_name() == node.server_name());
    claimed.unreachable.extend(remote.into_keys().map(|user| user.server_name().to_owned()));
    let asked: Vec<_> = existing(node.store(), local)
        .await?
        .into_iter()
        .map(|(user, wanted)| {
            let stream = node.users().handle(&user);
            async move { (user, stream.claim_keys(wanted).await) }
        })
        .collect();
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    let mut failure = None;
    while let Some((user, answer)) = answers.next().await {
        match answer {
            Ok(keys) if keys.is_empty() => {}
            Ok(keys) => drop(claimed.keys.insert(user, keys)),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) if claimed.keys.is_empty() => return Err(error),
        Some(error) => {
            tracing::warn!(%error, "some one-time keys could not be claimed");
            claimed.unreachable.insert(node.server_name().to_owned());
        }
        None => {}
    }
    Ok(claimed)
}
