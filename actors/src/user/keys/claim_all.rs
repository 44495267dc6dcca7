//! Claiming keys of many users at once, also of those of other servers.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim>

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use playhouse_federation::client::{ByDevice, RemoteClaims};
use ruma::{OwnedServerName, OwnedUserId, ServerName};

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

/// Claims keys of many users: of local ones each through the user's own stream, of others from their servers, each of which
/// gets `time` to answer.
///
/// # Errors
/// [`UserError::TooLarge`] beyond [`MOST_KEYS`]; the failure of a user where nobody gave a key. Otherwise it is told of the
/// server, for the keys of the others will not come back.
pub async fn claim_keys(node: &Node, wanted: WantedKeys, time: Duration) -> Result<ClaimedKeys, UserError> {
    let (local, others): (WantedKeys, WantedKeys) =
        wanted.into_iter().partition(|(user, _)| user.server_name() == node.server_name());
    if others.values().map(Vec::len).sum::<usize>() > MOST_KEYS {
        return Err(UserError::TooLarge(format!("one request may claim {MOST_KEYS} keys")));
    }
    let mut claimed = claim_local_keys(node, local).await?;
    claim_from_others(node, &mut claimed, others, time).await;
    Ok(claimed)
}

/// Claims keys of local users.
///
/// # Errors
/// As [`claim_keys`].
pub async fn claim_local_keys(node: &Node, wanted: WantedKeys) -> Result<ClaimedKeys, UserError> {
    if wanted.values().map(Vec::len).sum::<usize>() > MOST_KEYS {
        return Err(UserError::TooLarge(format!("one request may claim {MOST_KEYS} keys")));
    }
    let mut claimed = ClaimedKeys::default();
    let asked: Vec<_> = existing(node.store(), wanted)
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

async fn claim_from_others(node: &Node, claimed: &mut ClaimedKeys, wanted: WantedKeys, time: Duration) {
    let mut by_server: BTreeMap<OwnedServerName, ByDevice<String>> = BTreeMap::new();
    for (user, keys) in wanted {
        let of_server = by_server.entry(user.server_name().to_owned()).or_default();
        let devices = keys.into_iter().map(|wanted| (wanted.device, wanted.algorithm));
        of_server.insert(user, devices.collect());
    }
    let asked = by_server.into_iter().map(|(server, wanted)| async move {
        let given = given_by(node, &server, &wanted, time).await;
        (server, wanted, given)
    });
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((server, wanted, given)) = answers.next().await {
        match given {
            Some(given) => claimed.keys.extend(those_wanted(&wanted, given)),
            None => drop(claimed.unreachable.insert(server)),
        }
    }
}

async fn given_by(
    node: &Node,
    server: &ServerName,
    wanted: &ByDevice<String>,
    time: Duration,
) -> Option<RemoteClaims> {
    let given = node.federation()?.client().claim_user_keys(server, wanted, time).await;
    given.inspect_err(|error| tracing::debug!(%server, %error, "no one-time keys")).ok()
}

/// What was asked for out of what a server gave: for each device one key of the algorithm.
fn those_wanted(
    wanted: &ByDevice<String>,
    mut given: RemoteClaims,
) -> BTreeMap<OwnedUserId, Vec<ClaimedKey>> {
    let mut keys: BTreeMap<OwnedUserId, Vec<ClaimedKey>> = BTreeMap::new();
    for (user, devices) in wanted {
        let mut of_user = given.remove(user).unwrap_or_default();
        for (device, algorithm) in devices {
            let is_wanted = |name: &str| name.split_once(':').is_some_and(|(of, _)| of == algorithm);
            let of_device = of_user.remove(device).unwrap_or_default();
            if let Some((name, key)) = of_device.into_iter().find(|(name, _)| is_wanted(name)) {
                keys.entry(user.clone()).or_default().push(ClaimedKey { device: device.clone(), name, key });
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_gives_one_key_of_the_wanted_algorithm_for_each_wanted_device() {
        let wanted: ByDevice<String> =
            serde_json::from_value(json!({ "@a:far": { "PHONE": "signed_curve25519", "PAD": "other" } }))
                .unwrap();
        let given = serde_json::from_value(json!({
            "@a:far": {
                "PHONE": { "signed_curve25519:A": {}, "signed_curve25519:B": {}, "other:C": {} },
                "PAD": { "signed_curve25519:D": {} },
                "UNASKED": { "signed_curve25519:E": {} },
            },
            "@b:near": { "PHONE": { "signed_curve25519:F": {} } },
        }))
        .unwrap();

        let keys = those_wanted(&wanted, given);

        let named: Vec<_> =
            keys.values().flatten().map(|key| (key.device.as_str(), key.name.as_str())).collect();
        assert_eq!(named, [("PHONE", "signed_curve25519:A")]);
    }
}
