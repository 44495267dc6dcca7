//! What a ring of keys believes, whom it asks, and how often.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use playhouse_rules::EventSigner as _;
use proptest::prelude::*;
use ruma::{owned_server_name, server_name};
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::{
    ServerKey,
    server_key::testing::{key_of, named_key_of},
};

const START_MS: u64 = 1_750_000_000_000;
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// Whose keys are asked for, and of which notary.
type Question = (String, Option<String>);

/// Servers and notaries that answer what they are told to, and count.
#[derive(Default)]
struct Servers {
    answers: Mutex<HashMap<Question, Vec<Box<RawValue>>>>,
    asked: Mutex<Vec<Source>>,
}

impl Servers {
    fn say(&self, server: &ServerName, notary: Option<&ServerName>, document: Option<Box<RawValue>>) {
        let key = (server.to_string(), notary.map(ToString::to_string));
        self.answers.lock().insert(key, document.into_iter().collect());
    }

    fn asked(&self) -> Vec<Source> {
        std::mem::take(&mut self.asked.lock())
    }
}

#[async_trait]
impl KeySource for Servers {
    async fn fetch(&self, server: &ServerName, from: &Source) -> Result<Vec<Box<RawValue>>, RequestError> {
        self.asked.lock().push(from.clone());
        tokio::task::yield_now().await;
        let notary = match from {
            Source::Itself => None,
            Source::Notary(notary) => Some(notary.to_string()),
        };
        let answer = self.answers.lock().get(&(server.to_string(), notary)).cloned();
        answer.ok_or(RequestError::Paused)
    }
}

/// A memory that may be broken.
#[derive(Debug, Default)]
struct Notebook(Mutex<HashMap<String, Remembered>>);

#[async_trait]
impl KeyMemory for Notebook {
    async fn recall(&self, server: &ServerName) -> Result<Option<Remembered>, MemoryError> {
        Ok(self.0.lock().get(server.as_str()).cloned())
    }

    async fn remember(&self, server: &ServerName, what: Remembered) -> Result<(), MemoryError> {
        self.0.lock().insert(server.to_string(), what);
        Ok(())
    }
}

/// A ring, the world around it, and a clock.
struct World {
    servers: Arc<Servers>,
    notebook: Arc<Notebook>,
    ring: KeyRing,
    clock: Arc<AtomicU64>,
}

const NOTARY: &str = "notary.example";

impl World {
    fn new() -> Self {
        let (servers, notebook) = (Arc::<Servers>::default(), Arc::<Notebook>::default());
        let clock = Arc::new(AtomicU64::new(START_MS));
        let ring = Self::ring(&servers, &notebook, &clock);
        Self { servers, notebook, ring, clock }
    }

    fn ring(servers: &Arc<Servers>, notebook: &Arc<Notebook>, clock: &Arc<AtomicU64>) -> KeyRing {
        let clock = Arc::clone(clock);
        let now: Now = Arc::new(move || clock.load(Ordering::Relaxed));
        KeyRing::new(
            Arc::clone(servers) as _,
            Arc::clone(notebook) as _,
            vec![NOTARY.try_into().unwrap()],
            now,
        )
    }

    fn restart(&mut self) {
        self.ring = Self::ring(&self.servers, &self.notebook, &self.clock);
    }

    async fn passes(&self, time: Duration) {
        self.clock.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
        tokio::time::advance(time).await;
    }
}

fn notary() -> Source {
    Source::Notary(NOTARY.try_into().unwrap())
}

fn document(key: &ServerKey, valid_until_ms: u64) -> Box<RawValue> {
    signed(
        key,
        json!({
            "server_name": key.server_name(), "valid_until_ts": valid_until_ms, "old_verify_keys": {},
            "verify_keys": { (key.key_id()): { "key": key.verify_key_base64() } },
        }),
    )
}

fn signed(key: &ServerKey, document: Value) -> Box<RawValue> {
    let mut object = serde_json::from_value(document).unwrap();
    key.sign_json(&mut object).unwrap();
    to_raw_value(&object).unwrap()
}

#[tokio::test(start_paused = true)]
async fn many_who_want_the_keys_of_a_server_ask_it_once_and_a_restart_asks_nobody() {
    let mut world = World::new();
    let them = server_name!("them.example");
    let (key, verifying) = key_of(them);
    world.servers.say(them, None, Some(document(&key, START_MS + DAY_MS)));

    let asks = (0..50).map(|_| world.ring.verifying_key(them, key.key_id()));
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!(answer.unwrap(), verifying);
    }
    assert_eq!(world.servers.asked(), [Source::Itself]);

    world.restart();
    assert_eq!(world.ring.verifying_key(them, key.key_id()).await.unwrap(), verifying);
    assert_eq!(world.servers.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn keys_are_valid_as_long_as_their_server_says_and_never_longer_than_a_week() {
    for (says, holds) in [
        (Duration::from_hours(2), Duration::from_hours(2)),
        (Duration::from_hours(999), Duration::from_hours(7 * 24)),
    ] {
        let world = World::new();
        let them = server_name!("them.example");
        let (key, _) = key_of(them);
        world.servers.say(them, None, Some(document(&key, START_MS + says.as_millis() as u64)));
        world.ring.verifying_key(them, key.key_id()).await.unwrap();
        world.servers.say(them, None, None);
        world.servers.asked();

        world.passes(holds.saturating_sub(Duration::from_millis(1))).await;
        assert!(world.ring.verifying_key(them, key.key_id()).await.is_ok());
        assert_eq!(world.servers.asked(), []);
        world.passes(Duration::from_millis(1)).await;

        assert!(matches!(
            world.ring.verifying_key(them, key.key_id()).await,
            Err(KeyError::Unavailable { .. })
        ));
        assert!(matches!(
            world.ring.verifying_key(them, key.key_id()).await,
            Err(KeyError::Unavailable { .. })
        ));
        let refusal = world.ring.verifying_key(them, key.key_id()).await;
        assert!(matches!(refusal, Err(KeyError::Expired { .. })), "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_costs_one_fetch_and_failures_come_ever_less_often() {
    let world = World::new();
    let them = server_name!("them.example");

    world.ring.verifying_key(them, "ed25519:1").await.unwrap_err();
    assert_eq!(world.servers.asked(), [Source::Itself]);
    world.ring.verifying_key(them, "ed25519:1").await.unwrap_err();
    assert_eq!(world.servers.asked(), [notary()]);
    for _ in 0..20 {
        world.ring.verifying_key(them, "ed25519:1").await.unwrap_err();
    }
    assert_eq!(world.servers.asked(), []);

    for _ in 0..24 * 60 {
        world.passes(Duration::from_mins(1)).await;
        for _ in 0..3 {
            world.ring.verifying_key(them, "ed25519:1").await.unwrap_err();
        }
    }
    let asked = world.servers.asked().len();
    assert!((48..=64).contains(&asked), "two sources, about once an hour: {asked}");
}

#[tokio::test(start_paused = true)]
async fn a_notary_stands_in_for_a_server_that_is_gone() {
    let world = World::new();
    let them = server_name!("them.example");
    let (key, verifying) = key_of(them);
    world.servers.say(them, Some(server_name!("notary.example")), Some(document(&key, START_MS + DAY_MS)));

    world.ring.verifying_key(them, key.key_id()).await.unwrap_err();
    assert_eq!(world.ring.verifying_key(them, key.key_id()).await.unwrap(), verifying);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_learnt_and_made_up_ones_do_not_make_us_ask() {
    let world = World::new();
    let them = server_name!("them.example");
    let (key, _) = key_of(them);
    world.servers.say(them, None, Some(document(&key, START_MS + DAY_MS)));
    world.ring.verifying_key(them, key.key_id()).await.unwrap();
    world.servers.asked();

    for n in 0..100 {
        let made_up = world.ring.verifying_key(them, &format!("ed25519:{n}")).await;
        assert!(matches!(made_up, Err(KeyError::Unknown { .. })), "{made_up:?}");
    }
    assert_eq!(world.servers.asked(), []);

    let (new, verifying) = named_key_of(them, "ed25519:new");
    world.servers.say(them, None, Some(document(&new, START_MS + DAY_MS)));
    world.passes(Duration::from_mins(1)).await;
    assert_eq!(world.ring.verifying_key(them, "ed25519:new").await.unwrap(), verifying);
    assert!(world.ring.verifying_key(them, key.key_id()).await.is_err(), "the old key is withdrawn");
}

#[tokio::test(start_paused = true)]
async fn who_asks_us_as_a_notary_gets_the_last_that_is_known_and_makes_us_ask_only_where_we_may() {
    let world = World::new();
    let (them, gone) = (server_name!("them.example"), server_name!("gone.example"));
    let (key, _) = key_of(them);
    world.servers.say(them, None, Some(document(&key, START_MS + DAY_MS)));

    assert!(matches!(world.ring.document(them, 0, false).await, Ok((None, false))));
    assert_eq!(world.servers.asked(), []);
    assert!(matches!(world.ring.document(them, 0, true).await, Ok((Some(_), true))));
    assert!(matches!(world.ring.document(them, 0, true).await, Ok((Some(_), false))));
    assert!(matches!(world.ring.document(gone, 0, true).await, Ok((None, true))));
    assert_eq!(world.servers.asked(), [Source::Itself, Source::Itself]);

    world.servers.say(them, None, None);
    world.passes(Duration::from_hours(48)).await;
    assert!(
        matches!(world.ring.document(them, 0, true).await, Ok((Some(_), true))),
        "the last one, though expired"
    );
}

#[test]
fn a_document_that_its_own_keys_have_not_signed_is_not_believed() {
    let them = server_name!("them.example");
    let (key, _) = key_of(them);
    let (other, _) = named_key_of(them, "ed25519:other");
    let read = |document: &RawValue| ServerKeys::read(them, document, START_MS).map(|_| ());
    let good = document(&key, START_MS + DAY_MS);
    assert_eq!(read(&good), Ok(()));
    let good: Value = serde_json::from_str(good.get()).unwrap();
    let unsigned = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        document.as_object_mut().unwrap().remove("signatures");
        change(&mut document);
        document
    };

    assert_eq!(read(&to_raw_value(&unsigned(&|_| {})).unwrap()), Err(DocumentError::NotSigned));
    assert_eq!(read(&signed(&other, unsigned(&|_| {}))), Err(DocumentError::NotSigned));
    let foreign = unsigned(&|document| document["server_name"] = json!("other.example"));
    assert_eq!(read(&signed(&key, foreign)), Err(DocumentError::OtherServer));
    for field in ["server_name", "verify_keys", "valid_until_ts"] {
        let without = unsigned(&|document| document[field] = Value::Null);
        assert_eq!(read(&signed(&key, without)), Err(DocumentError::Malformed(field)));
    }
    let many: Vec<(String, Value)> =
        (0..17).map(|n| (format!("ed25519:{n}"), json!({ "key": "" }))).collect();
    let many = unsigned(&|document| document["verify_keys"] = Value::Object(many.iter().cloned().collect()));
    assert_eq!(read(&signed(&key, many)), Err(DocumentError::TooLarge));
    // Whoever made this has no key: the point of small order verifies what nobody has signed.
    let weak = json!({ "key": format!("AQ{}", "A".repeat(41)) });
    let weak = unsigned(&|document| document["verify_keys"]["ed25519:weak"] = weak.clone());
    let weak = ServerKeys::read(them, &signed(&key, weak), START_MS).unwrap();
    assert!(weak.key("ed25519:weak").is_none() && weak.key(key.key_id()).is_some());
}

#[test]
fn what_we_publish_is_believed_by_others_and_names_our_old_keys() {
    let us = owned_server_name!("us.example");
    let (key, verifying) = key_of(&us);
    let old = OldKey::new("ed25519:old", &key.verify_key_base64(), 1_700_000_000_000).unwrap();

    let published = to_raw_value(&published(&key, &[old], START_MS).unwrap()).unwrap();

    let read = ServerKeys::read(&us, &published, START_MS).unwrap();
    assert_eq!(read.key(key.key_id()), Some(&verifying));
    assert!(read.is_valid_until(START_MS + 3_600_000) && !read.is_valid_until(START_MS + 2 * DAY_MS));
    let published: Value = serde_json::from_str(published.get()).unwrap();
    assert_eq!(published["old_verify_keys"]["ed25519:old"]["expired_ts"], 1_700_000_000_000_u64);
    for (id, key, expired_ms) in
        [("old", "", 0), ("ed25519:a b", "", 0), ("ed25519:a", "AAAA", 0), ("ed25519:a", "x", 0)]
    {
        assert!(OldKey::new(id, key, expired_ms).is_err(), "{id} {key}");
    }
    assert!(OldKey::new("ed25519:a", &key.verify_key_base64(), u64::MAX).is_err());
}

proptest! {
    #[test]
    fn a_document_changed_anywhere_is_not_believed(at in 0_usize..500, to in b' '..b'~') {
        let them = server_name!("them.example");
        let (key, _) = key_of(them);
        let good = document(&key, START_MS + DAY_MS);
        let mut bytes = good.get().as_bytes().to_vec();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let Ok(changed) = serde_json::from_slice::<Box<RawValue>>(&bytes) else { return Ok(()) };
        let same = |text: &str| serde_json::from_str::<Value>(text).ok();
        prop_assume!(same(changed.get()) != same(good.get()));

        prop_assert!(ServerKeys::read(them, &changed, START_MS).is_err(), "{changed}");
    }
}
