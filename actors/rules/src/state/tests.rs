//! The laws of a room's state. The oracle of the views is the state rebuilt from its events.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ruma::{
    Int, UserId,
    events::{TimelineEventType, room::member::MembershipState},
    state_res::events::{RoomCreateEvent, RoomPowerLevelsEvent},
};
use serde_json::{Value, json};

use super::*;
use crate::testing::{ALICE, BOB, CAROL, TestRoom, any_json, cases, user};

#[test]
fn an_event_stands_until_another_takes_its_key() {
    let mut room = TestRoom::new("11");
    let first = room.sends(ALICE, "m.room.topic", Some(""), json!({ "topic": "one" }));
    let length = room.state.len();

    let second = room.propose(ALICE, "m.room.topic", Some(""), json!({ "topic": "two" }));
    let old = room.state.insert(second.clone());

    assert_eq!(old, Some(first));
    assert_eq!(room.state.get("m.room.topic", ""), Some(&second));
    assert_eq!(room.state.get(&StateEventType::RoomTopic, ""), Some(&second));
    assert_eq!(room.state.len(), length);
    assert_eq!(room.state.topic(), Some("two"));
}

#[test]
fn a_clone_keeps_what_it_was() {
    let mut room = TestRoom::new("11");
    let before = room.state.clone();

    room.joins(BOB);
    room.state.remove("m.room.join_rules", "");

    assert_eq!(before.joined_count(), 1);
    assert_eq!(room.state.joined_count(), 2);
    assert!(before.join_rule().is_public());
    assert_eq!(room.state.join_rule().as_str(), "invite");
    assert_ne!(before, room.state);
}

#[test]
fn a_message_changes_no_state() {
    let mut room = TestRoom::new("11");
    let before = room.state.clone();

    let old = room.says(ALICE, "hi");

    assert_eq!(room.state.insert(old), None);
    assert_eq!(room.state, before);
}

#[test]
fn removing_the_last_event_of_a_type_leaves_none() {
    let mut room = TestRoom::new("11");
    room.sends(ALICE, "org.example", Some("a"), json!({}));

    assert!(room.state.remove("org.example", "a").is_some());
    assert!(room.state.remove("org.example", "a").is_none());

    assert_eq!(room.state.of_kind("org.example").count(), 0);
    assert_eq!(room.state.iter().count(), room.state.len());
}

#[test]
fn a_room_shows_what_its_events_say_and_empty_text_is_none() {
    let mut room = TestRoom::new("12");
    let state = |room: &mut TestRoom, kind: &str, content: Value| room.sends(ALICE, kind, Some(""), content);
    state(&mut room, "m.room.name", json!({ "name": "Playhouse" }));
    state(&mut room, "m.room.topic", json!({ "topic": "" }));
    state(&mut room, "m.room.avatar", json!({ "url": "mxc://a.example/x" }));
    state(&mut room, "m.room.canonical_alias", json!({ "alias": "#play:a.example" }));
    state(&mut room, "m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    state(&mut room, "m.room.history_visibility", json!({ "history_visibility": "joined" }));

    assert_eq!(room.state.name(), Some("Playhouse"));
    assert_eq!(room.state.topic(), None);
    assert_eq!(room.state.avatar(), Some("mxc://a.example/x"));
    assert_eq!(room.state.canonical_alias(), Some("#play:a.example"));
    assert!(room.state.is_encrypted());
    assert_eq!(*room.state.history_visibility(), HistoryVisibility::Joined);
    state(&mut room, "m.room.history_visibility", json!({ "history_visibility": "org.example.odd" }));
    assert_eq!(*room.state.history_visibility(), HistoryVisibility::Shared);
}

#[test]
fn restricted_rooms_name_the_rooms_whose_members_may_join() {
    let mut room = TestRoom::new("10");
    let allow = json!([
        { "type": "m.room_membership", "room_id": "!other:a.example" },
        { "type": "org.example.odd", "room_id": "!no:a.example" },
        { "type": "m.room_membership", "room_id": 5 },
        "junk",
    ]);
    room.sends(
        ALICE,
        "m.room.join_rules",
        Some(""),
        json!({ "join_rule": "knock_restricted", "allow": allow }),
    );

    let rule = room.state.join_rule();

    assert!(rule.is_restricted() && rule.allows_knocking() && !rule.is_public());
    assert_eq!(*rule.allowed_rooms, [ruma::room_id!("!other:a.example").to_owned()]);
}

#[test]
fn a_room_without_power_levels_is_its_creators() {
    for version in RoomVersion::SUPPORTED {
        let room = TestRoom::bare(version.id().as_str(), json!({}));
        let levels = room.state.power_levels();

        let creator = if version.room_id_is_create_hash() { Level::Infinite } else { Level::Finite(100) };
        assert_eq!(levels.user_level(user(ALICE)), creator);
        assert_eq!(levels.user_level(user(BOB)), Level::Finite(0));
        assert_eq!(levels.required_for_event("m.room.name", true), Level::Finite(50));
        assert_eq!(levels.required_for_event("m.room.message", false), Level::Finite(0));
        assert_eq!(levels.notification("room"), Some(Level::Finite(50)));
        assert_eq!(levels.notification("other"), None);
    }
}

#[test]
fn infinity_is_above_the_greatest_number() {
    assert!(Level::Infinite > Level::Finite(i64::MAX));
    assert!(Level::Finite(1) > Level::Finite(0));
    assert_eq!(i64::from(Level::Infinite), 9_007_199_254_740_991);
}

#[test]
fn heroes_are_the_earliest_others_and_those_who_left_only_if_nobody_is_there() {
    let mut room = TestRoom::new("11");
    room.joins(CAROL);
    room.joins(BOB);
    room.sends(ALICE, "m.room.member", Some("@dave:d.example"), json!({ "membership": "invite" }));

    assert_eq!(room.state.heroes(user(ALICE)), [CAROL, BOB, "@dave:d.example"]);
    assert_eq!(room.state.heroes(user(CAROL)), [ALICE, BOB, "@dave:d.example"]);
    for name in [CAROL, BOB, "@dave:d.example"] {
        room.sends(ALICE, "m.room.member", Some(name), json!({ "membership": "leave" }));
    }
    assert_eq!(room.state.heroes(user(ALICE)), [CAROL, BOB, "@dave:d.example"]);
}

fn names_of(users: &[&UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

#[test]
fn heroes_are_the_same_whether_asked_for_at_every_change_or_once() {
    let names: Vec<String> = (0..12).map(|n| format!("@user{n}:d.example")).collect();
    let mut asked = TestRoom::new("11");
    // Joins, then leaves of early and late ones, a profile that moves its owner to the end, and a return.
    let joins = names.iter().map(|name| (name, "join"));
    let rest = [(0, "leave"), (11, "leave"), (2, "join"), (3, "ban"), (0, "join"), (7, "leave")];
    let changes: Vec<_> = joins.chain(rest.map(|(n, membership)| (&names[n], membership))).collect();
    for (name, membership) in changes {
        let before = asked.state.clone();
        let heroes_before = names_of(&before.heroes(user(ALICE)));
        let sender = if membership == "join" { name } else { ALICE };
        asked.sends(sender, "m.room.member", Some(name), json!({ "membership": membership }));

        let mut anew = RoomState::new(asked.state.version());
        anew.extend(asked.state.iter().cloned());

        for except in [ALICE, &names[1], &names[5]] {
            assert_eq!(asked.state.heroes(user(except)), anew.heroes(user(except)), "{name} {membership}");
        }
        assert!(asked.state.heroes(user(ALICE)).len() <= MOST_HEROES);
        assert_eq!(names_of(&before.heroes(user(ALICE))), heroes_before, "the older state has its own");
    }
}

#[test]
fn a_state_that_nobody_asked_finds_its_own_heroes() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);
    let before = room.state.clone();
    room.sends(ALICE, "m.room.member", Some(BOB), json!({ "membership": "leave" }));
    room.joins(CAROL);

    assert_eq!(room.state.heroes(user(ALICE)), [CAROL]);
    assert_eq!(before.heroes(user(ALICE)), [BOB]);
}

#[test]
fn the_state_without_members_is_the_rest_of_it() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);

    let rest: Vec<_> = room.state.iter_without_members().collect();

    let expected: Vec<_> = room.state.iter().filter(|pdu| pdu.kind_str() != "m.room.member").collect();
    assert_eq!(rest, expected);
    assert!(!rest.is_empty() && rest.len() + 2 == room.state.len());
}

#[test]
fn members_are_found_by_their_membership() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);
    room.sends(ALICE, "m.room.member", Some(CAROL), json!({ "membership": "invite" }));

    assert_eq!(room.state.joined_members().collect::<Vec<_>>(), [ALICE, BOB]);
    assert_eq!(room.state.invited_count(), 1);
    assert_eq!(room.state.membership(user(CAROL)), Some(&MembershipState::Invite));
    assert_eq!(room.state.membership(user("@no:a.example")), None);
    assert!(room.state.is_joined(user(BOB)) && !room.state.is_joined(user(CAROL)));
}

const KINDS: &[&str] = &[
    "m.room.create",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.encryption",
    "m.room.name",
    "m.room.member",
    "org.example",
];

fn any_content() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        prop::sample::select(vec!["join", "invite", "leave", "odd"])
            .prop_map(|membership| json!({ "membership": membership })),
        prop::sample::select(vec!["public", "invite", "knock"]).prop_map(|rule| json!({ "join_rule": rule })),
        "[a-z]{0,3}".prop_map(|name| json!({ "name": name, "topic": name })),
        (-5_i64..200).prop_map(|level| json!({ "users": { BOB: level }, "events_default": level })),
        Just(json!({ "history_visibility": "invited", "additional_creators": [BOB] })),
        Just(json!({ "users": [], "membership": 5, "join_rule": {} })),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    /// However a state came to be, it is the same as one built at once from what is left in it.
    #[test]
    fn views_and_counts_say_what_the_map_says(
        version_index in 0..RoomVersion::SUPPORTED.len(),
        changes in prop::collection::vec(
            (prop::bool::weighted(0.7), prop::sample::select(KINDS), prop::sample::select(vec!["", BOB, CAROL]), any_content()),
            0..30,
        ),
    ) {
        let room = TestRoom::new(RoomVersion::SUPPORTED[version_index].id().as_str());
        let mut state = room.state.clone();
        let mut model: BTreeMap<(String, String), Pdu> = state
            .iter()
            .map(|pdu| ((pdu.kind_str().to_owned(), pdu.state_key().unwrap().to_owned()), pdu.clone()))
            .collect();
        for (inserts, kind, key, content) in changes {
            let model_key = (kind.to_owned(), key.to_owned());
            if inserts && !(kind == "m.room.create" && room.state.version().room_id_is_create_hash()) {
                let pdu = room.propose(ALICE, kind, Some(key), content);
                prop_assert_eq!(state.insert(pdu.clone()), model.insert(model_key, pdu));
            } else {
                prop_assert_eq!(state.remove(kind, key), model.remove(&model_key));
            }
        }

        let mut rebuilt = RoomState::new(state.version());
        rebuilt.extend(model.values().cloned());
        prop_assert_eq!(state.len(), model.len());
        prop_assert_eq!(state.iter().collect::<Vec<_>>(), model.values().collect::<Vec<_>>());
        prop_assert_eq!(&rebuilt, &state);
        prop_assert_eq!(state.power_levels(), rebuilt.power_levels());
        prop_assert_eq!(state.join_rule(), rebuilt.join_rule());
        prop_assert_eq!(state.history_visibility(), rebuilt.history_visibility());
        prop_assert_eq!(state.is_encrypted(), rebuilt.is_encrypted());
        prop_assert_eq!(state.name(), rebuilt.name());
        prop_assert_eq!(state.create(), rebuilt.create());
        prop_assert_eq!(state.joined_count(), state.members_with(MembershipState::Join).count());
        prop_assert_eq!(state.invited_count(), state.members_with(MembershipState::Invite).count());
    }

    /// Where the content is well-formed, each level is the one that ruma reads.
    #[test]
    fn levels_are_those_that_ruma_reads(
        version_index in 0..RoomVersion::SUPPORTED.len(),
        users in prop::collection::btree_map(prop::sample::select(vec![ALICE, BOB, CAROL]), -100_i64..200, 0..3),
        events in prop::collection::btree_map(prop::sample::select(vec!["m.room.name", "x"]), -100_i64..200, 0..3),
        defaults in prop::collection::btree_map(
            prop::sample::select(vec!["users_default", "events_default", "state_default", "invite"]), -100_i64..200, 0..4),
    ) {
        let version = &RoomVersion::SUPPORTED[version_index];
        let rules = &version.rules().authorization;
        let room = TestRoom::bare(version.id().as_str(), json!({}));
        let mut content = json!({ "users": users, "events": events });
        for (field, level) in defaults {
            content[field] = level.into();
        }
        let event = room.propose(ALICE, "m.room.power_levels", Some(""), content);
        let mut state = room.state.clone();
        state.insert(event.clone());
        let levels = state.power_levels();
        let oracle = RoomPowerLevelsEvent::new(&event);
        let creators = RoomCreateEvent::new(state.create().unwrap()).creators(rules).unwrap();
        let finite = |level: Int| Level::Finite(level.into());

        prop_assert!(!levels.is_malformed());
        for name in [ALICE, BOB, CAROL] {
            let infinite = rules.explicitly_privilege_room_creators && creators.contains(user(name));
            let expected = if infinite {
                Level::Infinite
            } else {
                finite(oracle.user_power_level(user(name), rules).unwrap())
            };
            prop_assert_eq!(levels.user_level(user(name)), expected);
        }
        for (kind, key) in [("m.room.name", Some("")), ("x", None), ("y", Some("")), ("z", None)] {
            let expected = oracle.event_power_level(&TimelineEventType::from(kind), key, rules).unwrap();
            prop_assert_eq!(levels.required_for_event(kind, key.is_some()), finite(expected));
        }
    }

    /// No content of any event makes a view panic.
    #[test]
    fn no_content_makes_a_view_panic(
        kind in prop::sample::select(KINDS),
        content in any_json().prop_filter("an object", Value::is_object),
    ) {
        let room = TestRoom::new("11");
        let mut state = room.state.clone();
        state.insert(room.propose(ALICE, kind, Some(""), content));
        let _ = state.power_levels().user_level(user(BOB));
    }
}
