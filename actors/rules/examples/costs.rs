//! What the rules cost per event: `cargo run --release -p playhouse-rules --example costs`.
//!
//! Each line is the best of several rounds, in microseconds of one core.

use std::{hint::black_box, time::Instant};

use ed25519_dalek::{Signer, SigningKey};
use playhouse_rules::{
    EventFrame, EventSigner, Extremities, Pdu, PduBuilder, RoomState, RoomVersion, auth_events_for,
    check_against_state,
    push::{EventFacts, PushRules, RoomContext, UserContext},
    resolve::resolve,
};
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, RoomVersionId, ServerName, UserId, server_name,
    state_res::check_state_dependent_auth_rules, user_id,
};
use serde_json::{Value, json, value::to_raw_value};

struct Key(SigningKey);

impl EventSigner for Key {
    fn server_name(&self) -> &ServerName {
        server_name!("a.example")
    }

    fn key_id(&self) -> &'static str {
        "ed25519:cost"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

struct Room {
    state: RoomState,
    extremities: Extremities,
    events: std::collections::HashMap<OwnedEventId, Pdu>,
    key: Key,
}

impl Room {
    fn new() -> Self {
        let version = RoomVersion::get(&RoomVersionId::V12).expect("version 12 is supported");
        let mut room = Self {
            state: RoomState::new(version),
            extremities: Extremities::new(),
            events: std::collections::HashMap::new(),
            key: Key(SigningKey::from_bytes(&[7; 32])),
        };
        let alice = user_id!("@alice:a.example");
        room.send(alice, "m.room.create", Some(""), &json!({ "room_version": "12" }));
        room.send(alice, "m.room.member", Some(alice.as_str()), &json!({ "membership": "join" }));
        room.send(alice, "m.room.join_rules", Some(""), &json!({ "join_rule": "public" }));
        room
    }

    fn build(&self, sender: &UserId, kind: &str, state_key: Option<&str>, content: &Value) -> Pdu {
        let content = to_raw_value(content).expect("JSON");
        let version = self.state.version();
        let auth_events =
            auth_events_for(version, &kind.into(), sender, state_key, &content, &self.state).expect("auth");
        let frame = EventFrame {
            version,
            room_id: self.state.create().map(Pdu::room_id),
            sender,
            prev_events: &self.extremities.prev_events(),
            auth_events: &auth_events,
            depth: self.extremities.next_depth(),
            origin_server_ts: MilliSecondsSinceUnixEpoch(1_700_000_000_u32.into()),
        };
        let builder =
            PduBuilder { kind: kind.into(), state_key: state_key.map(str::to_owned), content, redacts: None };
        builder.build(&frame, &self.key).expect("a valid event")
    }

    fn send(&mut self, sender: &UserId, kind: &str, state_key: Option<&str>, content: &Value) -> Pdu {
        let pdu = self.build(sender, kind, state_key, content);
        self.extremities.advance(&pdu);
        self.events.insert(pdu.event_id().to_owned(), pdu.clone());
        self.state.insert(pdu.clone());
        pdu
    }

    fn fetch(&self, id: &EventId) -> Option<Pdu> {
        self.events.get(id).cloned()
    }
}

fn member(number: usize) -> ruma::OwnedUserId {
    UserId::parse(format!("@user{number}:a.example")).expect("a user id")
}

fn cost<T>(what: &str, rounds: u32, mut work: impl FnMut() -> T) {
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(work());
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
    }
    println!("{best:10.2} us  {what}");
}

fn main() {
    let body = "lorem ipsum dolor sit amet ".repeat(18);
    let content = json!({ "msgtype": "m.text", "body": body, "m.mentions": {} });
    let mut room = Room::new();
    let alice = user_id!("@alice:a.example");
    let users: Value = (0..200).map(|number| (member(number).to_string(), json!(50))).collect();
    for number in 0..1000 {
        let user = member(number);
        room.send(&user, "m.room.member", Some(user.as_str()), &json!({ "membership": "join" }));
    }
    let levels = json!({ "users": users, "events": { "m.room.name": 50 } });
    room.send(alice, "m.room.power_levels", Some(""), &levels);
    let sender = member(7);

    let pdu = room.build(&sender, "m.room.message", None, &content);
    println!(
        "a message of {} bytes, a room of 1,000 members, 200 of them with a power level\n",
        pdu.json().get().len()
    );
    cost("sign alone", 2000, || room.key.sign(pdu.json().get().as_bytes()));
    cost("cite, canonicalize, hash, sign, name (build)", 2000, || {
        room.build(&sender, "m.room.message", None, &content)
    });
    cost("parse from the log", 5000, || {
        Pdu::parse(room.state.version(), pdu.json().to_owned(), Some(pdu.event_id().to_owned()))
    });
    cost("parse from outside: format, canonical JSON, id", 2000, || {
        Pdu::parse(room.state.version(), pdu.json().to_owned(), None)
    });
    cost("authorize a message, our fast path", 20_000, || {
        check_against_state(room.state.version(), &pdu, &room.state)
    });
    cost("authorize a message, ruma's whole rule set", 500, || {
        check_state_dependent_auth_rules(&room.state.version().rules().authorization, &pdu, |kind, key| {
            room.state.get(kind, key)
        })
    });
    let join = room.build(
        &member(2000),
        "m.room.member",
        Some(member(2000).as_str()),
        &json!({ "membership": "join" }),
    );
    cost("authorize a join, ruma's rule set", 500, || {
        check_against_state(room.state.version(), &join, &room.state)
    });
    cost("put a member into the state and take a snapshot", 20_000, || {
        let mut state = room.state.clone();
        state.insert(join.clone());
        state
    });
    cost("render the client event again, into a response", 50_000, || {
        let mut out = String::with_capacity(1024);
        pdu.write_client_event(&mut out, None, false);
        out
    });
    cost("render the client event again, as a raw value", 20_000, || pdu.client_event(None, false));

    let rules = PushRules::server_default(alice).compile();
    let at = RoomContext { member_count: room.state.joined_count(), power_levels: room.state.power_levels() };
    cost("push: facts and verdict, once per event and rule set", 20_000, || {
        rules.judge(&EventFacts::new(pdu.clone()), &at)
    });
    let facts = EventFacts::new(pdu.clone());
    let verdict = rules.judge(&facts, &at);
    let user = UserContext { user_id: alice, display_name: Some("Alice") };
    cost("push: verdict with the facts known", 50_000, || rules.judge(&facts, &at));
    cost("push: per user", 100_000, || verdict.for_user(&facts, &user));

    resolution(room);
}

/// Two forks of a large room. In the second case an event is in the auth chain of one fork alone, which takes a walk of
/// the whole common auth chain to know.
fn resolution(mut room: Room) {
    for number in 3000..23_000 {
        let user = member(number);
        room.send(&user, "m.room.member", Some(user.as_str()), &json!({ "membership": "join" }));
    }
    println!("\na room of {} members", room.state.joined_count());
    let mut fork = |senders: &[&UserId], kind: &str, own_key: bool, contents: &[Value]| {
        let before = (room.state.clone(), room.extremities.clone());
        for (sender, content) in senders.iter().zip(contents) {
            room.send(sender, kind, Some(if own_key { sender.as_str() } else { "" }), content);
        }
        let state = std::mem::replace(&mut room.state, before.0);
        room.extremities = before.1;
        state
    };
    let leave = json!({ "membership": "leave" });
    let members = [
        fork(&[&member(1)], "m.room.member", true, std::slice::from_ref(&leave)),
        fork(&[&member(2)], "m.room.member", true, &[leave]),
    ];
    let alice = user_id!("@alice:a.example");
    let levels = |level: i64| json!({ "users": { "@user1:a.example": level } });
    let power = [
        fork(&[alice, alice], "m.room.power_levels", false, &[levels(10), levels(20)]),
        fork(&[alice], "m.room.power_levels", false, &[levels(30)]),
    ];
    let version = room.state.version();
    cost("resolve two forks that differ in two members", 50, || {
        resolve(version, &members, &|id| room.fetch(id))
    });
    cost("resolve two forks that differ in their power levels", 5, || {
        resolve(version, &power, &|id| room.fetch(id))
    });
}
