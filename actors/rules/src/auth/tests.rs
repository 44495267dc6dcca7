//! The laws of authorization. The oracle of the fast path is ruma's whole rule set.
#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` gives values, and a test reads better without `&`"
)]

use proptest::prelude::*;
use ruma::{event_id, room_id};
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::{
    EventFrame, PduBuilder,
    testing::{ALICE, BOB, CAROL, SIGNER, TestRoom, cases, user, version},
};

const DAVE: &str = "@dave:a.example";

#[test]
fn who_is_not_in_the_room_cannot_speak_in_it() {
    for version in RoomVersion::SUPPORTED {
        let mut room = TestRoom::new(version.id().as_str());

        let refused = room.try_send(BOB, "m.room.message", None, json!({})).unwrap_err();

        assert_eq!(refused, AuthError::NotJoined { sender: user(BOB).to_owned() });
        assert_eq!(refused.to_string(), "@bob:b.example is not in the room.");
    }
}

#[test]
fn nobody_sends_a_create_event_whether_as_state_or_as_a_message() {
    for version in RoomVersion::SUPPORTED.iter().filter(|version| !version.room_id_is_create_hash()) {
        let mut room = TestRoom::new(version.id().as_str());
        for key in [None, Some(""), Some("x")] {
            let refused =
                room.try_send(ALICE, "m.room.create", key, json!({ "creator": ALICE })).unwrap_err();
            assert_eq!(refused, AuthError::CreatedAlready);
        }
    }
}

#[test]
fn a_refusal_for_power_says_what_is_needed_and_what_there_is() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);

    let refused = room.try_send(BOB, "m.room.name", Some(""), json!({ "name": "mine" })).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "To send `m.room.name` in this room needs power level 50, and @bob:b.example has 0."
    );
}

#[test]
fn a_state_key_that_is_a_user_id_is_that_users() {
    let mut room = TestRoom::new("11");

    let refused = room.try_send(ALICE, "org.example.status", Some(BOB), json!({})).unwrap_err();
    let own = room.try_send(ALICE, "org.example.status", Some(ALICE), json!({}));

    assert_eq!(refused, AuthError::StateOfAnotherUser { state_key: BOB.to_owned() });
    assert!(own.is_ok());
}

#[test]
fn a_room_that_does_not_federate_is_for_its_server_only() {
    let mut room = TestRoom::bare("11", json!({ "m.federate": false }));
    room.sends(ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": "public" }));

    assert!(room.try_send(BOB, "m.room.member", Some(BOB), json!({ "membership": "join" })).is_err());
    assert!(room.try_send(DAVE, "m.room.member", Some(DAVE), json!({ "membership": "join" })).is_ok());
    let refused = room.try_send(BOB, "m.room.message", None, json!({})).unwrap_err();
    assert_eq!(refused, AuthError::NotFederated { sender: user(BOB).to_owned() });
}

#[test]
fn the_creators_of_a_version_twelve_room_stand_above_every_level() {
    let mut room = TestRoom::bare("12", json!({ "additional_creators": [BOB] }));
    room.sends(ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": "public" }));
    room.joins(BOB);
    room.joins(CAROL);
    room.sends(
        ALICE,
        "m.room.power_levels",
        Some(""),
        json!({ "users": { CAROL: 9_007_199_254_740_991_i64 }, "state_default": 9_007_199_254_740_991_i64 }),
    );

    assert!(room.try_send(BOB, "m.room.name", Some(""), json!({ "name": "n" })).is_ok());
    assert!(room.try_send(BOB, "m.room.member", Some(CAROL), json!({ "membership": "ban" })).is_ok());
    assert!(room.try_send(BOB, "m.room.member", Some(ALICE), json!({ "membership": "ban" })).is_err());
    let named = json!({ "users": { ALICE: 100 } });
    assert!(room.try_send(ALICE, "m.room.power_levels", Some(""), named).is_err());
}

#[test]
fn message_from_behind_a_ban_is_refused_by_the_current_state_and_allowed_by_the_one_before() {
    let mut room = TestRoom::new("12");
    room.joins(BOB);
    let before = room.state.clone();
    let message = room.propose(BOB, "m.room.message", None, json!({ "body": "hi" }));

    room.sends(ALICE, "m.room.member", Some(BOB), json!({ "membership": "ban" }));

    assert!(check_against_state(room.state.version(), &message, &before).is_ok());
    assert!(check_against_state(room.state.version(), &message, &room.state).is_err());
}

#[test]
fn events_cite_what_the_specification_says_and_nothing_else() {
    for version in RoomVersion::SUPPORTED {
        let mut room = TestRoom::new(version.id().as_str());
        room.joins(BOB);
        let cites_create = !version.room_id_is_create_hash();
        let id = |kind: &str, key: &str| room.state.get(kind, key).unwrap().event_id().to_owned();
        let create = cites_create.then(|| id("m.room.create", ""));
        let expect = |ids: &[(&str, &str)]| {
            let mut ids: Vec<_> = ids.iter().map(|(kind, key)| id(kind, key)).chain(create.clone()).collect();
            ids.sort();
            ids
        };
        let cited = |kind: &str, key: Option<&str>, content: Value| {
            let content = to_raw_value(&content).unwrap();
            let mut ids =
                auth_events_for(version, &kind.into(), user(ALICE), key, &content, &room.state).unwrap();
            ids.sort();
            ids
        };
        let (levels, alice, bob) =
            (("m.room.power_levels", ""), ("m.room.member", ALICE), ("m.room.member", BOB));
        let rules = ("m.room.join_rules", "");

        assert_eq!(cited("m.room.message", None, json!({})), expect(&[levels, alice]));
        assert_eq!(cited("m.room.name", Some(""), json!({})), expect(&[levels, alice]));
        let kick = json!({ "membership": "leave" });
        assert_eq!(cited("m.room.member", Some(BOB), kick), expect(&[levels, alice, bob]));
        let rejoin = json!({ "membership": "join" });
        assert_eq!(cited("m.room.member", Some(ALICE), rejoin), expect(&[levels, alice, rules]));
        let invite = json!({ "membership": "invite" });
        assert_eq!(cited("m.room.member", Some(CAROL), invite), expect(&[levels, alice, rules]));
        assert_eq!(cited("m.room.create", Some(""), json!({})), Vec::<ruma::OwnedEventId>::new());
    }
}

#[test]
fn a_member_event_without_a_membership_cites_nothing_and_says_why() {
    let room = TestRoom::new("11");
    let content = to_raw_value(&json!({})).unwrap();

    let refused = auth_events_for(
        room.state.version(),
        &"m.room.member".into(),
        user(ALICE),
        Some(BOB),
        &content,
        &room.state,
    );

    assert!(matches!(refused, Err(AuthError::Content(_))));
}

#[test]
fn own_events_pass_the_checks_that_need_no_state() {
    for version in RoomVersion::SUPPORTED {
        let mut room = TestRoom::new(version.id().as_str());
        room.joins(BOB);
        room.says(BOB, "hi");

        for pdu in room.events.values() {
            check_state_independent(version, pdu, |id| room.fetch(id)).unwrap();
        }
    }
}

#[test]
fn citing_a_rejected_event_is_a_reason_to_reject() {
    let mut room = TestRoom::new("11");
    let message = room.says(ALICE, "hi");

    let verdict = check_state_independent(room.state.version(), &message, |id| {
        room.fetch(id).map(|pdu| pdu.with_rejected(true))
    });

    assert!(matches!(verdict, Err(AuthError::Rule(_))));
}

#[test]
fn a_version_twelve_create_event_that_names_a_room_is_refused() {
    let version = version("12");
    let room = TestRoom::new("12");
    let json = room.state.create().unwrap().json().get().replacen('{', r#"{"room_id":"!x:a.example","#, 1);
    let create = Pdu::parse(version, serde_json::from_str(&json).unwrap(), None).unwrap();

    assert!(check_state_independent(version, &create, |_| None).is_err());
}

/// A level as some client might write it: integers, and what only old room versions take.
fn any_level() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => prop::sample::select(vec![-1_i64, 0, 1, 49, 50, 51, 99, 100, 101]).prop_map(Value::from),
        1 => prop::sample::select(vec!["0", " 50 ", "+100", "x", ""]).prop_map(Value::from),
        1 => prop::sample::select(vec![Value::Null, json!([]), json!({}), json!(true)]),
    ]
}

fn any_levels(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(keys), any_level(), 0..4)
        .prop_map(|levels| levels.into_iter().map(|(key, level)| (key.to_owned(), level)).collect())
}

fn any_power_levels() -> impl Strategy<Value = Value> {
    let fields =
        &["users_default", "events_default", "state_default", "ban", "kick", "invite", "redact", "other"];
    (
        any_levels(fields),
        prop::option::of(any_levels(&[ALICE, BOB, CAROL])),
        prop::option::of(any_levels(&["m.room.message", "m.room.name", "m.room.third_party_invite", "x"])),
        prop::option::weighted(0.1, any_level()),
    )
        .prop_map(|(mut content, users, events, odd)| {
            content["users"] = users.unwrap_or_else(|| json!({}));
            if let Some(events) = events {
                content["events"] = events;
            }
            if let Some(odd) = odd {
                content["users"] = odd;
            }
            content
        })
}

proptest! {
    #![proptest_config(cases(2000))]

    /// Whatever the state, allowed or not, and whatever the event.
    #[test]
    fn the_fast_path_says_what_the_whole_rule_set_says(
        version_index in 0..RoomVersion::SUPPORTED.len(),
        federate in prop::option::of(prop_oneof![
            Just(json!(true)), Just(json!(false)), Just(json!("no")), Just(Value::Null)
        ]),
        creators in prop::option::of(prop_oneof![
            Just(json!([BOB])), Just(json!([])), Just(json!("x")), Just(json!(["nobody"]))
        ]),
        has_create in prop::bool::weighted(0.95),
        power_levels in prop::option::weighted(0.8, any_power_levels()),
        memberships in prop::collection::vec(
            prop::option::of(prop::sample::select(vec!["join", "leave", "invite", "ban", "knock", "odd"])), 3),
        sender in prop::sample::select(vec![ALICE, BOB, CAROL]),
        kind in prop::sample::select(vec![
            "m.room.message", "m.room.name", "m.room.third_party_invite", "m.room.redaction", "x", "m.room.aliases",
        ]),
        state_key in prop::option::of(prop::sample::select(vec!["", ALICE, BOB, "@", "a.example", "key"])),
    ) {
        let version = &RoomVersion::SUPPORTED[version_index];
        let mut state = RoomState::new(version);
        let mut put = |sender: &str, kind: &str, key: &str, content: Value| {
            state.insert(event(version, sender, kind, Some(key), content));
        };
        let mut create = json!({ "creator": ALICE });
        if let Some(federate) = federate {
            create["m.federate"] = federate;
        }
        if let Some(creators) = creators {
            create["additional_creators"] = creators;
        }
        if has_create {
            put(ALICE, "m.room.create", "", create);
        }
        if let Some(power_levels) = power_levels {
            put(ALICE, "m.room.power_levels", "", power_levels);
        }
        for (name, membership) in [ALICE, BOB, CAROL].into_iter().zip(memberships) {
            if let Some(membership) = membership {
                put(name, "m.room.member", name, json!({ "membership": membership }));
            }
        }
        let event = event(version, sender, kind, state_key, json!({}));

        let fast = check_against_state(version, &event, &state);
        let whole = check_by_the_rules(version, &event, &state);

        prop_assert_eq!(fast.is_ok(), whole.is_ok(), "{:?} but {:?}", fast, whole);
    }
}

fn event(version: &'static RoomVersion, sender: &str, kind: &str, key: Option<&str>, content: Value) -> Pdu {
    let is_create = kind == "m.room.create" && version.room_id_is_create_hash();
    let frame = EventFrame {
        version,
        room_id: (!is_create).then_some(room_id!("!room:a.example")),
        sender: user(sender),
        prev_events: &[event_id!("$before").to_owned()],
        auth_events: &[],
        depth: 1,
        origin_server_ts: ruma::MilliSecondsSinceUnixEpoch(1_u32.into()),
    };
    let builder = PduBuilder {
        kind: kind.into(),
        state_key: key.map(str::to_owned),
        content: to_raw_value(&content).unwrap(),
        redacts: None,
    };
    builder.build(&frame, &*SIGNER).unwrap()
}
