//! What the default rules make of events, and how users share them.

use super::*;

fn defaults() -> CompiledRules {
    PushRules::server_default(user(BOB)).compile()
}

fn said(content: Value) -> Arc<PushOutcome> {
    let room = room();
    let pdu = room.propose(ALICE, "m.room.message", None, content);
    outcome(&room, &defaults(), BOB, pdu)
}

#[test]
fn a_message_notifies_and_a_notice_does_not() {
    let message = said(json!({ "msgtype": "m.text", "body": "hi" }));

    assert!(message.notify && !message.highlight);
    assert_eq!(message.sound, None);
    assert!(!said(json!({ "msgtype": "m.notice", "body": "hi" })).notify);
}

#[test]
fn nobody_is_notified_of_their_own_events() {
    let room = room();
    let pdu = room.propose(BOB, "m.room.message", None, json!({ "body": "@bob:b.example" }));

    assert!(!outcome(&room, &defaults(), BOB, pdu).notify);
}

#[test]
fn a_mention_highlights_with_a_sound() {
    let mention = said(json!({ "body": "x", "m.mentions": { "user_ids": [CAROL, BOB] } }));

    assert!(mention.notify && mention.highlight);
    assert_eq!(mention.sound.as_deref(), Some("default"));
    assert!(!said(json!({ "body": "x", "m.mentions": { "user_ids": [CAROL] } })).highlight);
}

#[test]
fn a_name_in_the_text_is_no_mention() {
    assert!(!said(json!({ "msgtype": "m.text", "body": "Bobby @bob:b.example bob @room" })).highlight);
}

#[test]
fn everyone_is_mentioned_only_by_those_who_may() {
    let room = room();
    let to_all = json!({ "body": "x", "m.mentions": { "room": true } });
    let by_admin = room.propose(ALICE, "m.room.message", None, to_all.clone());
    let by_carol = room.propose(CAROL, "m.room.message", None, to_all);

    assert!(outcome(&room, &defaults(), BOB, by_admin).highlight);
    assert!(!outcome(&room, &defaults(), BOB, by_carol).highlight);
}

#[test]
fn the_creators_of_a_version_twelve_room_may_mention_everyone() {
    let mut room = TestRoom::new("12");
    room.joins(BOB);
    let pdu = room.propose(ALICE, "m.room.message", None, json!({ "m.mentions": { "room": true } }));

    assert!(outcome(&room, &defaults(), BOB, pdu).highlight);
}

#[test]
fn an_invitation_notifies_the_invited_and_nobody_else() {
    let room = room();
    let invite = room.propose(ALICE, "m.room.member", Some(BOB), json!({ "membership": "invite" }));
    let other = room.propose(ALICE, "m.room.member", Some(CAROL), json!({ "membership": "invite" }));

    let invited = outcome(&room, &defaults(), BOB, invite);
    assert!(invited.notify);
    assert_eq!(invited.sound.as_deref(), Some("default"));
    assert!(!outcome(&room, &defaults(), BOB, other).notify);
}

#[test]
fn edits_reactions_and_memberships_are_silent() {
    let room = room();
    let silent = |kind: &str, key: Option<&str>, content: Value| {
        let pdu = room.propose(ALICE, kind, key, content);
        assert!(!outcome(&room, &defaults(), BOB, pdu).notify, "{kind}");
    };

    silent("m.room.message", None, json!({ "m.relates_to": { "rel_type": "m.replace", "event_id": "$x" } }));
    silent("m.reaction", None, json!({}));
    silent("m.room.member", Some(CAROL), json!({ "membership": "leave" }));
    silent("m.room.server_acl", Some(""), json!({}));
    silent("m.room.name", Some(""), json!({}));
}

#[test]
fn a_conversation_of_two_has_a_sound() {
    let mut room = TestRoom::new("11");
    room.joins(BOB);
    let message = room.propose(ALICE, "m.room.message", None, json!({}));
    let encrypted = room.propose(ALICE, "m.room.encrypted", None, json!({}));

    for pdu in [message, encrypted] {
        assert_eq!(outcome(&room, &defaults(), BOB, pdu).sound.as_deref(), Some("default"));
    }
}

#[test]
fn the_master_rule_silences_everything() {
    let mut rules = PushRules::server_default(user(BOB));
    rules.set_enabled(ruma::push::RuleKind::Override, ".m.rule.master", true).unwrap();
    let room = room();
    let pdu = room.propose(ALICE, "m.room.message", None, json!({ "m.mentions": { "user_ids": [BOB] } }));

    assert!(!outcome(&room, &rules.compile(), BOB, pdu).notify);
}

#[test]
fn a_thread_is_known_by_its_relation() {
    let room = room();
    let facts = |relation: Value| {
        EventFacts::new(room.propose(ALICE, "m.room.message", None, json!({ "m.relates_to": relation })))
    };

    let reply = facts(json!({ "rel_type": "m.thread", "event_id": "$root" }));
    assert_eq!(reply.thread_root(), Some("$root"));
    assert_eq!(facts(json!({ "rel_type": "m.replace", "event_id": "$root" })).thread_root(), None);
    assert_eq!(facts(json!("junk")).thread_root(), None);
}

#[test]
fn users_with_the_same_rules_share_one_set_and_others_do_not() {
    let hash = |who: &str| PushRules::server_default(user(who)).compile().hash();
    assert_eq!(hash(ALICE), hash(BOB));

    let keyword = |pattern: &str| json!({ "content": [{ "rule_id": "k", "default": false, "enabled": true, "pattern": pattern, "actions": [] }] });
    let condition = |field: &str, value: Value| {
        json!({ "override": [{ "rule_id": "k", "default": false, "enabled": true, "actions": [], "conditions": [
            { "kind": "event_match", "key": "state_key", field: value }
        ] }] })
    };
    let sets = [
        rules_of(BOB, keyword("tea")).hash(),
        rules_of(BOB, keyword("time")).hash(),
        rules_of(BOB, condition("pattern", json!(BOB))).hash(),
        rules_of(BOB, condition("pattern", json!(ALICE))).hash(),
        rules_of(BOB, condition("pattern", json!("me"))).hash(),
        rules_of(BOB, condition("pattern", json!(r#"{"me":true}"#))).hash(),
        hash(BOB),
    ];
    let distinct: std::collections::BTreeSet<_> = sets.iter().collect();
    assert_eq!(distinct.len(), sets.len());
    assert_eq!(sets[2], rules_of(ALICE, condition("pattern", json!(ALICE))).hash());
}

#[test]
fn a_plain_message_is_settled_for_everyone_at_once() {
    let room = room();
    let at = RoomContext { member_count: 3, power_levels: room.state.power_levels() };
    let judge = |content: Value| {
        defaults().judge(&EventFacts::new(room.propose(ALICE, "m.room.message", None, content)), &at)
    };

    assert!(judge(json!({ "body": "hi" })).is_settled());
    assert!(judge(json!({ "body": "hi", "m.mentions": {} })).is_settled());
    assert!(!judge(json!({ "body": "hi", "m.mentions": { "user_ids": [CAROL] } })).is_settled());
}
