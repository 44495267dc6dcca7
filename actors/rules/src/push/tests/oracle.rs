//! Our evaluation against ruma's, on random rules and events.

use std::collections::BTreeMap;

use futures_executor::block_on;
use proptest::prelude::*;
use ruma::{
    Int, UInt,
    events::AnySyncTimelineEvent,
    power_levels::NotificationPowerLevels,
    push::{AnyPushRuleRef, PushConditionPowerLevelsCtx, PushConditionRoomCtx},
    room_version_rules::RoomPowerLevelsRules,
    serde::Raw,
};

use super::*;
use crate::testing::cases;

const WORDS: &[&str] = &["hello", "World", "bobby", "@room", "foo-bar", "x", "é", "under_score", "bob"];

fn any_body() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(WORDS), prop::sample::select(vec![" ", "", "-", "!"])), 0..6)
        .prop_map(|words| words.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

/// ruma takes a second wildcard in a row for a literal, so there is none.
fn any_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(WORDS).prop_map(str::to_owned),
        "(hel|wor|x|b|@)[?*]?((lo|ld|o|r)[?*]?)?",
        Just(BOB.to_owned()),
        Just("m.room.*".to_owned()),
    ]
}

fn any_condition() -> impl Strategy<Value = Value> {
    let keys = vec![
        "type",
        "sender",
        "state_key",
        "room_id",
        "content.body",
        "content.msgtype",
        "content.membership",
        r"content.m\.mentions.room",
        r"content.m\.mentions.user_ids",
        r"content.m\.relates_to.rel_type",
        "content.number",
        "content.none",
        "depth.x",
    ];
    let key = prop::sample::select(keys);
    let values =
        vec![json!(true), json!(null), json!(5), json!(BOB), json!(ALICE), json!("m.text"), json!("hello")];
    let value = prop::sample::select(values);
    prop_oneof![
        3 => (key.clone(), any_pattern())
            .prop_map(|(key, pattern)| json!({ "kind": "event_match", "key": key, "pattern": pattern })),
        2 => (key.clone(), value.clone())
            .prop_map(|(key, value)| json!({ "kind": "event_property_is", "key": key, "value": value })),
        2 => (key, value)
            .prop_map(|(key, value)| json!({ "kind": "event_property_contains", "key": key, "value": value })),
        1 => prop::sample::select(vec!["2", "==3", ">2", ">=3", "<3", "<=2"])
            .prop_map(|is| json!({ "kind": "room_member_count", "is": is })),
        1 => prop::sample::select(vec!["room", "other"])
            .prop_map(|key| json!({ "kind": "sender_notification_permission", "key": key })),
        1 => Just(json!({ "kind": "contains_display_name" })),
        1 => Just(json!({ "kind": "org.example.unknown", "x": 1 })),
    ]
}

fn any_actions() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!([]),
        json!(["notify"]),
        json!(["notify", { "set_tweak": "sound", "value": "default" }]),
        json!(["notify", { "set_tweak": "highlight" }]),
        json!(["notify", { "set_tweak": "highlight", "value": false }]),
        json!(["dont_notify", { "set_tweak": "highlight" }]),
        json!(["notify", { "set_tweak": "org.example", "value": 5 }]),
    ])
}

fn any_conditional() -> impl Strategy<Value = Vec<Value>> {
    let rule = (prop::collection::vec(any_condition(), 0..3), any_actions(), prop::bool::weighted(0.8));
    prop::collection::vec(rule, 0..3).prop_map(|rules| {
        let rule = |(index, (conditions, actions, enabled)): (usize, (Vec<Value>, Value, bool))| {
            json!({ "rule_id": format!("rule{index}"), "default": false, "enabled": enabled,
                "conditions": conditions, "actions": actions })
        };
        rules.into_iter().enumerate().map(rule).collect()
    })
}

fn any_rules() -> impl Strategy<Value = Value> {
    let pattern = (any_pattern(), any_actions(), prop::bool::weighted(0.8));
    (
        any_conditional(),
        prop::collection::vec(pattern, 0..3),
        prop::option::weighted(0.2, any_actions()),
        prop::option::weighted(0.2, any_actions()),
        any_conditional(),
        any::<bool>(),
    )
        .prop_map(|(overrides, contents, room, sender, underrides, defaults)| {
            let default = if defaults { Ruleset::server_default(user(BOB)) } else { Ruleset::new() };
            let mut rules = serde_json::to_value(default).unwrap();
            for (kind, own) in [("override", overrides), ("underride", underrides)] {
                let mut all = own;
                all.extend(rules.get(kind).and_then(Value::as_array).cloned().unwrap_or_default());
                rules[kind] = all.into();
            }
            let simple = |id: &str, actions: Option<Value>| -> Value {
                let rule =
                    |actions| json!({ "rule_id": id, "default": false, "enabled": true, "actions": actions });
                actions.into_iter().map(rule).collect()
            };
            rules["content"] = contents
                .into_iter()
                .enumerate()
                .map(|(index, (pattern, actions, enabled))| {
                    json!({ "rule_id": index.to_string(), "default": false, "enabled": enabled,
                        "pattern": pattern, "actions": actions })
                })
                .collect();
            rules["room"] = simple("!room:a.example", room);
            rules["sender"] = simple(ALICE, sender);
            rules
        })
}

fn any_event() -> impl Strategy<Value = (&'static str, Option<&'static str>, Value)> {
    let mentions = prop::sample::select(vec![
        None,
        Some(json!({})),
        Some(json!({ "room": true })),
        Some(json!({ "room": "true" })),
        Some(json!({ "user_ids": [BOB] })),
        Some(json!({ "user_ids": [ALICE, CAROL, 5] })),
        Some(json!({ "user_ids": BOB })),
    ]);
    let relation =
        prop::sample::select(vec![None, Some(json!({ "rel_type": "m.replace", "event_id": "$x" }))]);
    let kinds = vec![
        "m.room.message",
        "m.room.encrypted",
        "m.room.member",
        "m.reaction",
        "m.call.invite",
        "M.Room.Name",
    ];
    let body = prop::option::weighted(0.8, any_body());
    (
        prop::sample::select(kinds),
        prop::option::of(prop::sample::select(vec!["", BOB, CAROL])),
        body,
        mentions,
        relation,
        prop::sample::select(vec![json!("m.text"), json!("m.notice"), json!(5)]),
    )
        .prop_map(|(kind, key, body, mentions, relation, msgtype)| {
            let mut content = json!({ "msgtype": msgtype, "membership": "invite", "number": 5 });
            for (field, value) in
                [("body", body.map(Value::from)), ("m.mentions", mentions), ("m.relates_to", relation)]
            {
                if let Some(value) = value {
                    content[field] = value;
                }
            }
            (kind, key, content)
        })
}

/// What ruma makes of it: notify, highlight, sound.
fn by_ruma(rules: &Ruleset, pdu: &Pdu, room: &TestRoom, member_count: u32) -> (bool, bool, Option<String>) {
    let levels = room.state.power_levels();
    let number = |level: i64| Int::new(level).unwrap();
    let context = PushConditionRoomCtx::new(
        pdu.room_id().to_owned(),
        UInt::from(member_count),
        user(BOB).to_owned(),
        "Bobby".to_owned(),
    )
    .with_power_levels(PushConditionPowerLevelsCtx::new(
        levels.users().map(|(user, level)| (user.to_owned(), number(level))).collect::<BTreeMap<_, _>>(),
        number(levels.users_default().into()),
        NotificationPowerLevels::new(),
        RoomPowerLevelsRules::new(&room.state.version().rules().authorization, []),
    ));
    let event: Raw<AnySyncTimelineEvent> = Raw::from_json(pdu.client_event(None, true));
    let rule = block_on(rules.get_match(&event, &context));
    let notify = rule.is_some_and(AnyPushRuleRef::triggers_notification);
    (
        notify,
        notify && rule.is_some_and(AnyPushRuleRef::triggers_highlight),
        rule.and_then(AnyPushRuleRef::triggers_sound).map(ToString::to_string).filter(|_| notify),
    )
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn rules_do_what_they_do_in_ruma(
        rules in any_rules(),
        (kind, state_key, content) in any_event(),
        sender in prop::sample::select(vec![ALICE, BOB, CAROL]),
        member_count in 1_u32..5,
    ) {
        let room = room();
        let pdu = room.propose(sender, kind, state_key, content);
        let rules: Ruleset = serde_json::from_value(rules).unwrap();
        let compiled = CompiledRules::compile(&rules, user(BOB));
        let context = PushContext {
            room: RoomContext { member_count: member_count as usize, power_levels: room.state.power_levels() },
            user: UserContext { user_id: user(BOB), display_name: Some("Bobby") },
        };

        let ours = compiled.evaluate(&EventFacts::new(pdu.clone()), &context);

        let ours = (ours.notify, ours.highlight, ours.sound.as_deref().map(str::to_owned));
        prop_assert_eq!(ours, by_ruma(&rules, &pdu, &room, member_count));
    }

    /// One verdict serves everyone who has the rules, each with their own id in the default rules.
    #[test]
    fn a_shared_verdict_says_what_each_users_own_rules_say(
        (kind, state_key, content) in any_event(),
        sender in prop::sample::select(vec![ALICE, BOB, CAROL]),
    ) {
        let room = room();
        let facts = EventFacts::new(room.propose(sender, kind, state_key, content));
        let shared = PushRules::server_default(user(ALICE)).compile();
        let at = RoomContext { member_count: 3, power_levels: room.state.power_levels() };
        let verdict = shared.judge(&facts, &at);
        for who in [ALICE, BOB, CAROL] {
            let user = UserContext { user_id: user(who), display_name: None };
            let own = PushRules::server_default(user.user_id).compile();

            let alone = own.evaluate(&facts, &PushContext { room: at, user });
            let together = verdict.for_user(&facts, &user);

            prop_assert_eq!(own.hash(), shared.hash());
            prop_assert_eq!((alone.notify, alone.highlight), (together.notify, together.highlight));
            prop_assert_eq!(&alone.sound, &together.sound);
        }
    }

    #[test]
    fn no_stored_content_makes_loading_panic(content in crate::testing::any_json(), text in ".{0,200}") {
        for json in [content.to_string(), json!({ "global": content }).to_string(), text] {
            let Ok(raw) = serde_json::value::RawValue::from_string(json) else { continue };
            let rules = PushRules::load(user(BOB), &raw);
            prop_assert_eq!(rules.ruleset().override_.len(), PushRules::server_default(user(BOB)).ruleset().override_.len());
        }
    }
}
