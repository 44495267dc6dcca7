//! The laws of redaction.

use ruma::signatures::reference_hash;
use serde_json::{Value, json};

use super::*;
use crate::testing::{ALICE, BOB, CAROL, TestRoom, user};

/// On Bob's server.
const BEN: &str = "@ben:b.example";

#[test]
fn a_redacted_event_keeps_its_id_and_loses_what_it_said() {
    for version in RoomVersion::SUPPORTED {
        let mut room = TestRoom::new(version.id().as_str());
        let message = room.says(ALICE, "secret");

        let redacted = redacted(version, &message).unwrap();

        assert_eq!(redacted.event_id(), message.event_id());
        assert_eq!(redacted.content().get(), "{}");
        assert!(!redacted.json().get().contains("secret"));
        let object: CanonicalJsonObject = serde_json::from_str(redacted.json().get()).unwrap();
        let hash = reference_hash(&object, version.rules()).unwrap();
        assert_eq!(redacted.event_id().as_str(), format!("${hash}"));
    }
}

#[test]
fn redaction_keeps_what_the_room_version_protects() {
    let kept = |version: &str, kind: &str, key: &str, content: Value| {
        let room = TestRoom::new(version);
        let event = room.propose(ALICE, kind, Some(key), content);
        let redacted = redacted(room.state.version(), &event).unwrap();
        serde_json::from_str::<Value>(redacted.content().get()).unwrap()
    };
    let levels = json!({ "ban": 1, "invite": 2, "users": { ALICE: 3 }, "notifications": { "room": 4 } });

    assert_eq!(
        kept("10", "m.room.power_levels", "", levels.clone()),
        json!({ "ban": 1, "users": { ALICE: 3 } })
    );
    assert_eq!(
        kept("11", "m.room.power_levels", "", levels),
        json!({ "ban": 1, "invite": 2, "users": { ALICE: 3 } })
    );
    let member =
        json!({ "membership": "join", "displayname": "x", "join_authorised_via_users_server": ALICE });
    assert_eq!(kept("8", "m.room.member", BOB, member.clone()), json!({ "membership": "join" }));
    assert_eq!(
        kept("9", "m.room.member", BOB, member),
        json!({ "membership": "join", "join_authorised_via_users_server": ALICE })
    );
    let rules = json!({ "join_rule": "restricted", "allow": [], "x": 1 });
    assert_eq!(kept("7", "m.room.join_rules", "", rules.clone()), json!({ "join_rule": "restricted" }));
    assert_eq!(kept("8", "m.room.join_rules", "", rules), json!({ "join_rule": "restricted", "allow": [] }));
}

#[test]
fn a_redacted_membership_is_still_one() {
    let mut room = TestRoom::new("11");
    let join = room.joins(BOB);

    let redacted = redacted(room.state.version(), &join).unwrap();
    room.state.insert(redacted);

    assert!(room.state.is_joined(user(BOB)));
}

#[test]
fn a_redaction_takes_effect_by_power_or_from_the_same_server() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);
    let message = room.says(BOB, "hi");

    assert!(may_redact(&room.state, user(ALICE), &message), "power");
    assert!(may_redact(&room.state, user(BOB), &message), "own");
    assert!(may_redact(&room.state, user(BEN), &message), "same server");
    assert!(!may_redact(&room.state, user(CAROL), &message), "stranger");
}

#[test]
fn a_user_may_ask_only_for_what_is_theirs_or_with_power() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);
    let message = room.says(BOB, "hi");

    assert!(may_request_redaction(&room.state, user(ALICE), &message));
    assert!(may_request_redaction(&room.state, user(BOB), &message));
    assert!(!may_request_redaction(&room.state, user(BEN), &message));
    assert!(!may_request_redaction(&room.state, user(CAROL), &message));
}

#[test]
fn a_redaction_never_reaches_into_another_room() {
    let room = TestRoom::new("12");
    let mut other = TestRoom::bare("12", json!({ "other": true }));
    let message = other.says(ALICE, "hi");

    assert!(!may_redact(&room.state, user(ALICE), &message));
    assert!(!may_request_redaction(&room.state, user(ALICE), &message));
}
