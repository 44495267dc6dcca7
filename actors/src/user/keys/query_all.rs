//! The keys of many users at once, also of those of other servers.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery>

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, stream};
use playhouse_federation::client::RemoteKeys;
use playhouse_storage::StoreError;
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};

use super::{
    query::{KeyQuery, MOST_USERS, QueriedKeys, QueriedUsers},
    remote::{self, Known},
};
use crate::{Node, hub::UserFeed, user::UserError};

/// Servers that are asked at the same time.
const SERVERS_AT_ONCE: usize = 32;
/// Users whose rows are read at the same time.
const READS_AT_ONCE: usize = 32;
/// Users of one server that one request names.
const USERS_OF_REQUEST: usize = 250;

/// Looks keys up: those of local users here, those of others where their servers have told them, or ask these. Each server
/// gets `time` to answer.
///
/// # Errors
/// [`UserError::TooLarge`] beyond [`MOST_USERS`], [`UserError::Unavailable`]. That a server does not answer is none: it is
/// told.
pub async fn query_keys(
    node: &Node,
    asker: &UserId,
    users: QueriedUsers,
    time: Duration,
) -> Result<QueriedKeys, UserError> {
    if users.len() > MOST_USERS {
        return Err(UserError::TooLarge(format!("one query may name {MOST_USERS} users")));
    }
    let (local, others): (QueriedUsers, QueriedUsers) =
        users.into_iter().partition(|(user, _)| user.server_name() == node.server_name());
    let mut found = KeyQuery { store: node.store(), asker: Some(asker), with_names: true }.run(local).await?;
    let mut by_server: BTreeMap<OwnedServerName, QueriedUsers> = BTreeMap::new();
    for (user, devices) in others {
        by_server.entry(user.server_name().to_owned()).or_default().insert(user, devices);
    }
    if by_server.is_empty() {
        return Ok(found);
    }
    let feed = node.users().feed(asker).await?;
    let asked: Vec<_> = by_server
        .into_iter()
        .map(|(server, users)| Question { node, asker: &feed, server, time }.answer(users))
        .collect();
    let mut answers = stream::iter(asked).buffer_unordered(SERVERS_AT_ONCE);
    while let Some(answer) = answers.next().await {
        found.absorb(answer?);
    }
    Ok(found)
}

/// A question to one server.
struct Question<'a> {
    node: &'a Node,
    asker: &'a UserFeed,
    server: OwnedServerName,
    time: Duration,
}

impl Question<'_> {
    async fn answer(self, users: QueriedUsers) -> Result<QueriedKeys, UserError> {
        let mut found = QueriedKeys::default();
        let mut open = Vec::new();
        let known = stream::iter(users).map(async |(user, wanted)| {
            let known = Known::of(self.node.store(), self.asker, &user).await?;
            Ok::<_, StoreError>((user, wanted, known))
        });
        let mut known = known.buffered(READS_AT_ONCE);
        while let Some(one) = known.next().await {
            let (user, wanted, known) = one?;
            if known.is_current()
                && let Some(list) = known.list
            {
                remote::add(&mut found, &user, list, &wanted);
            } else {
                open.push((user, wanted, known));
            }
        }
        while !open.is_empty() {
            let rest = open.split_off(open.len().min(USERS_OF_REQUEST));
            self.ask(&mut found, std::mem::replace(&mut open, rest)).await;
        }
        Ok(found)
    }

    /// Asks the server. Where it does not answer, what it told before is better than nothing, and its failure is told too.
    async fn ask(&self, found: &mut QueriedKeys, users: Vec<(OwnedUserId, Vec<OwnedDeviceId>, Known)>) {
        let pos = self.node.clocks().closed();
        let names: Vec<OwnedUserId> = users.iter().map(|(user, ..)| user.clone()).collect();
        let mut told = self.told(&names).await;
        if told.is_none() {
            found.unreachable.insert(self.server.clone());
        }
        let mut lists = Vec::new();
        for (user, wanted, known) in users {
            let Some(answer) = &mut told else {
                known.list.into_iter().for_each(|list| remote::add(found, &user, list, &wanted));
                continue;
            };
            let list = remote::list_of(answer, &user, pos);
            if known.may_be_remembered() {
                lists.extend(remote::write_of(&user, &list));
            }
            remote::add(found, &user, list, &wanted);
        }
        if !lists.is_empty()
            && let Err(error) = self.node.store().write(lists).await
        {
            tracing::debug!(server = %self.server, %error, "keys of users are asked for again next time");
        }
    }

    async fn told(&self, users: &[OwnedUserId]) -> Option<RemoteKeys> {
        let asked = self.node.federation()?.client().user_keys(&self.server, users, self.time).await;
        asked.inspect_err(|error| tracing::debug!(server = %self.server, %error, "no keys of users")).ok()
    }
}

impl QueriedKeys {
    fn absorb(&mut self, other: Self) {
        self.devices.extend(other.devices);
        self.master.extend(other.master);
        self.self_signing.extend(other.self_signing);
        self.user_signing.extend(other.user_signing);
        self.unreachable.extend(other.unreachable);
    }
}
