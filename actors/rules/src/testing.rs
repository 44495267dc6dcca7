//! The vocabulary of this crate's tests: rooms that are built event by event, and forked by cloning them.
#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` gives values, and a test reads better without `&`"
)]

use std::{collections::HashMap, sync::LazyLock};

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, RoomVersionId, ServerName, UInt, UserId,
    server_name,
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    AuthError, EventFrame, EventSigner, Extremities, Pdu, PduBuilder, RoomState, RoomVersion,
    auth_events_for, check_against_state,
};

/// Signs everything, whoever sent it: signatures are checked elsewhere.
pub(crate) struct TestSigner(SigningKey);

pub(crate) static SIGNER: LazyLock<TestSigner> =
    LazyLock::new(|| TestSigner(SigningKey::from_bytes(&[7; 32])));

impl TestSigner {
    pub(crate) fn verifying_key(&self) -> ed25519_dalek::VerifyingKey {
        self.0.verifying_key()
    }
}

impl EventSigner for TestSigner {
    fn server_name(&self) -> &ServerName {
        server_name!("a.example")
    }

    fn key_id(&self) -> &'static str {
        "ed25519:test"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

pub(crate) fn version(id: &str) -> &'static RoomVersion {
    RoomVersion::get(&RoomVersionId::try_from(id).unwrap()).unwrap()
}

pub(crate) fn user(name: &str) -> &UserId {
    <&UserId>::try_from(name).unwrap()
}

pub(crate) const ALICE: &str = "@alice:a.example";
pub(crate) const BOB: &str = "@bob:b.example";
pub(crate) const CAROL: &str = "@carol:c.example";

/// A room, as one server sees it. A clone is a fork.
#[derive(Clone)]
pub(crate) struct TestRoom {
    pub(crate) state: RoomState,
    pub(crate) extremities: Extremities,
    pub(crate) events: HashMap<OwnedEventId, Pdu>,
    pub(crate) now: u64,
}

impl TestRoom {
    /// A public room that Alice made and is in, with power levels.
    pub(crate) fn new(version_id: &str) -> Self {
        let mut room = Self::bare(version_id, json!({}));
        let users =
            if room.state.version().room_id_is_create_hash() { json!({}) } else { json!({ ALICE: 100 }) };
        room.sends(ALICE, "m.room.power_levels", Some(""), json!({ "users": users }));
        room.sends(ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": "public" }));
        room
    }

    /// A room with nothing but its creation, with this in the create event, and Alice.
    pub(crate) fn bare(version_id: &str, mut content: Value) -> Self {
        let mut room = Self {
            state: RoomState::new(version(version_id)),
            extremities: Extremities::new(),
            events: HashMap::new(),
            now: 1_700_000_000_000,
        };
        content["room_version"] = version_id.into();
        content["creator"] = ALICE.into();
        room.sends(ALICE, "m.room.create", Some(""), content);
        room.sends(ALICE, "m.room.member", Some(ALICE), json!({ "membership": "join" }));
        room
    }

    /// Builds an event on top of the room, without asking whether it is allowed.
    pub(crate) fn propose(&self, sender: &str, kind: &str, state_key: Option<&str>, content: Value) -> Pdu {
        self.propose_builder(
            sender,
            PduBuilder {
                kind: kind.into(),
                state_key: state_key.map(str::to_owned),
                content: to_raw_value(&content).unwrap(),
                redacts: None,
            },
        )
    }

    pub(crate) fn propose_builder(&self, sender: &str, builder: PduBuilder) -> Pdu {
        let version = self.state.version();
        let auth_events = auth_events_for(
            version,
            &builder.kind,
            user(sender),
            builder.state_key.as_deref(),
            &builder.content,
            &self.state,
        )
        .unwrap_or_default();
        let frame = EventFrame {
            version,
            room_id: self.room_id(),
            sender: user(sender),
            prev_events: &self.extremities.prev_events(),
            auth_events: &auth_events,
            depth: self.extremities.next_depth(),
            origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::new_saturating(self.now)),
        };
        builder.build(&frame, &*SIGNER).unwrap()
    }

    /// The id that new events carry: none for the create event of a room that is named by it.
    fn room_id(&self) -> Option<&RoomId> {
        match self.state.create() {
            Some(create) => Some(create.room_id()),
            None if self.state.version().room_id_is_create_hash() => None,
            None => Some(<&RoomId>::try_from("!room:a.example").unwrap()),
        }
    }

    /// Builds an event and takes it in if it is allowed.
    pub(crate) fn try_send(
        &mut self,
        sender: &str,
        kind: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> Result<Pdu, AuthError> {
        let pdu = self.propose(sender, kind, state_key, content);
        check_against_state(self.state.version(), &pdu, &self.state)?;
        self.accept(pdu.clone());
        Ok(pdu)
    }

    /// Builds an event that must be allowed, and takes it in.
    pub(crate) fn sends(&mut self, sender: &str, kind: &str, state_key: Option<&str>, content: Value) -> Pdu {
        self.try_send(sender, kind, state_key, content).unwrap()
    }

    pub(crate) fn says(&mut self, sender: &str, body: &str) -> Pdu {
        self.sends(sender, "m.room.message", None, json!({ "msgtype": "m.text", "body": body }))
    }

    pub(crate) fn joins(&mut self, who: &str) -> Pdu {
        self.sends(who, "m.room.member", Some(who), json!({ "membership": "join" }))
    }

    /// Takes an event in, whether or not it is allowed.
    pub(crate) fn accept(&mut self, pdu: Pdu) {
        self.now += 1000;
        self.extremities.advance(&pdu);
        self.events.insert(pdu.event_id().to_owned(), pdu.clone());
        self.state.insert(pdu);
    }

    pub(crate) fn fetch(&self, id: &EventId) -> Option<Pdu> {
        self.events.get(id).cloned()
    }
}

/// So many cases of a property, times `PLAYHOUSE_TEST_FACTOR` for a longer search.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    let factor = std::env::var("PLAYHOUSE_TEST_FACTOR").ok().and_then(|factor| factor.parse().ok());
    ProptestConfig::with_cases(count.saturating_mul(factor.unwrap_or(1)))
}

/// A JSON value of any shape that canonical JSON allows.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}
