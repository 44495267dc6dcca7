//! Keys through the user's actor, on a store.

mod claim;
mod cross_signing;
mod query;
mod signatures;
mod upload;

use std::time::Duration;

use ruma::{OwnedUserId, UserId};
use serde_json::{Value, json};

use super::{ClaimedKey, KeyUpload, QueriedKeys, WantedKey, query_all::query_keys, upload::NamedKeys};
use crate::user::{
    UserError,
    testing::{SigningKey, World, raw},
};

/// A one-time key whose content says its number.
fn one_time_key(number: usize) -> Value {
    let key = format!("{number:04}");
    json!({ "key": key, "signatures": { "@alice:test": { "ed25519:PHONE": "AAAA" } } })
}

/// One-time keys by number.
fn one_time_keys(numbers: impl IntoIterator<Item = usize>) -> NamedKeys {
    numbers.into_iter().map(|n| (format!("signed_curve25519:{n}"), raw(&one_time_key(n)))).collect()
}

async fn upload(
    world: &World,
    user: &UserId,
    device_keys: Option<&Value>,
    one_time: NamedKeys,
    fallback: NamedKeys,
) -> Result<u64, UserError> {
    let device = ruma::device_id!("PHONE");
    let upload = KeyUpload::check(user, device, device_keys.map(raw), one_time, fallback)?;
    let counts = world.stream(user).upload_keys(device, upload).await?;
    Ok(counts.get("signed_curve25519").copied().unwrap_or_default())
}

async fn claim(world: &World, user: &UserId) -> Option<ClaimedKey> {
    let wanted = WantedKey { device: "PHONE".into(), algorithm: "signed_curve25519".into() };
    world.stream(user).claim_keys(vec![wanted]).await.unwrap().pop()
}

async fn query(world: &World, asker: &UserId, users: &[&OwnedUserId]) -> QueriedKeys {
    let users = users.iter().map(|user| ((*user).clone(), Vec::new())).collect();
    query_keys(&world.node, asker, users, Duration::from_secs(1)).await.unwrap()
}

async fn alice_and_bob(world: &World) -> (OwnedUserId, OwnedUserId) {
    (world.user("alice", &["PHONE"]).await, world.user("bob", &["PHONE"]).await)
}

fn phone_keys(user: &UserId, seed: u8) -> Value {
    SigningKey::new(seed).device_keys(user.as_str(), "PHONE")
}
