//! How clients change their rules, and what is kept.

use ruma::push::{
    Action, NewConditionalPushRule, NewPatternedPushRule, NewPushRule, NewSimplePushRule, PushCondition,
    RuleKind,
};
use serde_json::value::RawValue;

use super::*;

fn defaults() -> PushRules {
    PushRules::server_default(user(BOB))
}

fn keyword(id: &str) -> NewPushRule {
    NewPushRule::Content(NewPatternedPushRule::new(id.into(), "tea".into(), vec![Action::Notify]))
}

fn override_(id: &str) -> NewPushRule {
    NewPushRule::Override(NewConditionalPushRule::new(id.into(), vec![], vec![]))
}

fn actions(actions: Value) -> Vec<Action> {
    serde_json::from_value(actions).unwrap()
}

fn keywords(rules: &PushRules) -> Vec<&str> {
    rules.ruleset().content.iter().map(|rule| &*rule.rule_id).collect()
}

fn overrides(rules: &PushRules) -> Vec<&str> {
    rules.ruleset().override_.iter().map(|rule| &*rule.rule_id).collect()
}

fn with_keywords(ids: &[&str]) -> PushRules {
    let mut rules = defaults();
    for id in ids.iter().rev() {
        rules.put(keyword(id), None, None).unwrap();
    }
    rules
}

fn reloaded(rules: &PushRules) -> PushRules {
    PushRules::load(user(BOB), &rules.content())
}

/// The table of <https://spec.matrix.org/v1.19/client-server-api/#predefined-rules>.
#[test]
fn the_defaults_are_those_of_the_specification() {
    let rules = defaults();

    let underrides: Vec<_> = rules.ruleset().underride.iter().map(|rule| &*rule.rule_id).collect();
    assert_eq!(
        overrides(&rules),
        [
            ".m.rule.master",
            ".m.rule.suppress_notices",
            ".m.rule.invite_for_me",
            ".m.rule.member_event",
            ".m.rule.is_user_mention",
            ".m.rule.is_room_mention",
            ".m.rule.tombstone",
            ".m.rule.reaction",
            ".m.rule.room.server_acl",
            ".m.rule.suppress_edits",
        ]
    );
    assert_eq!(
        underrides,
        [
            ".m.rule.call",
            ".m.rule.encrypted_room_one_to_one",
            ".m.rule.room_one_to_one",
            ".m.rule.message",
            ".m.rule.encrypted",
        ]
    );
    assert!(rules.ruleset().content.is_empty());
}

#[test]
fn the_content_has_every_kind_even_if_it_is_empty() {
    let content: Value = serde_json::from_str(defaults().content().get()).unwrap();

    for kind in ["override", "content", "room", "sender", "underride"] {
        assert!(content["global"][kind].is_array(), "{kind}");
    }
}

#[test]
fn a_new_rule_comes_first_of_the_users_own() {
    let mut rules = with_keywords(&["b"]);
    rules.put(keyword("a"), None, None).unwrap();
    rules.put(override_("mine"), None, None).unwrap();

    assert_eq!(keywords(&rules), ["a", "b"]);
    assert_eq!(overrides(&rules)[..3], [".m.rule.master", "mine", ".m.rule.suppress_notices"]);
}

#[test]
fn before_and_after_place_a_rule_next_to_its_neighbor() {
    let placed = |id: &str, before: Option<&str>, after: Option<&str>| {
        let mut rules = with_keywords(&["a", "b", "c"]);
        rules.put(keyword(id), before, after).unwrap();
        keywords(&rules).join("")
    };

    assert_eq!(placed("x", Some("b"), None), "axbc");
    assert_eq!(placed("x", None, Some("b")), "abxc");
    assert_eq!(placed("x", None, Some("c")), "abcx");
    assert_eq!(placed("x", Some("c"), Some("a")), "abxc");
    assert_eq!(placed("a", Some("c"), None), "bac");
    assert_eq!(placed("a", None, Some("c")), "bca");
    assert_eq!(placed("c", Some("a"), None), "cab");
    assert_eq!(placed("b", None, None), "abc");
}

#[test]
fn a_neighbor_must_be_a_rule_of_the_users_own_and_else_nothing_changes() {
    let mut rules = with_keywords(&["a", "b"]);
    let before = rules.content().get().to_owned();
    let mut put =
        |before: Option<&str>, after: Option<&str>| rules.put(override_("x"), before, after).unwrap_err();

    assert_eq!(put(Some("a"), None), PushRuleError::UnknownNeighbor);
    assert_eq!(put(None, Some("x")), PushRuleError::UnknownNeighbor);
    assert_eq!(put(Some(".m.rule.master"), None), PushRuleError::DefaultNeighbor);
    assert_eq!(rules.put(keyword("a"), Some("no"), None), Err(PushRuleError::UnknownNeighbor));
    assert_eq!(rules.content().get(), before);
}

#[test]
fn changing_a_rule_leaves_it_disabled_if_it_was() {
    let mut rules = with_keywords(&["a"]);
    rules.set_enabled(RuleKind::Content, "a", false).unwrap();

    rules
        .put(NewPushRule::Content(NewPatternedPushRule::new("a".into(), "coffee".into(), vec![])), None, None)
        .unwrap();

    let rule = rules.ruleset().content.iter().next().unwrap();
    assert_eq!((&*rule.pattern, rule.enabled), ("coffee", false));
}

#[test]
fn bad_ids_are_refused() {
    let mut rules = defaults();
    let long = "x".repeat(256);
    for (id, error) in [
        (".m.rule.mine", PushRuleError::ReservedId),
        ("", PushRuleError::InvalidId),
        ("a/b", PushRuleError::InvalidId),
        ("a\\b", PushRuleError::InvalidId),
        (&*long, PushRuleError::TooLarge { what: "rule_id", max: 255 }),
    ] {
        assert_eq!(rules.put(keyword(id), None, None), Err(error), "{id}");
    }
}

#[test]
fn unknown_actions_are_refused_and_historical_ones_kept() {
    let mut rules = with_keywords(&["a"]);
    let set = |rules: &mut PushRules, value: Value| rules.set_actions(RuleKind::Content, "a", actions(value));

    assert_eq!(set(&mut rules, json!(["explode"])), Err(PushRuleError::UnknownAction));
    assert_eq!(set(&mut rules, json!([{ "tweak": "x" }])), Err(PushRuleError::UnknownAction));
    set(&mut rules, json!(["dont_notify", "coalesce", { "set_tweak": "org.example", "value": 1 }])).unwrap();

    let rule = serde_json::to_value(rules.ruleset().content.iter().next().unwrap()).unwrap();
    assert_eq!(
        rule["actions"],
        json!(["dont_notify", "coalesce", { "set_tweak": "org.example", "value": 1 }])
    );
}

#[test]
fn every_part_of_a_rule_has_a_cap() {
    let mut rules = defaults();
    let mut refused = |rule: NewPushRule| match rules.put(rule, None, None) {
        Err(PushRuleError::TooLarge { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    let condition = |key: usize, pattern: usize| {
        let condition =
            json!({ "kind": "event_match", "key": "k".repeat(key), "pattern": "p".repeat(pattern) });
        serde_json::from_value::<PushCondition>(condition).unwrap()
    };
    let conditions =
        |conditions| NewPushRule::Override(NewConditionalPushRule::new("x".into(), conditions, vec![]));
    let unknown = json!({ "kind": "org.example", "data": "x".repeat(2000) });

    assert_eq!(refused(conditions(vec![condition(1, 1); 21])), "conditions");
    assert_eq!(refused(conditions(vec![condition(256, 1)])), "key");
    assert_eq!(refused(conditions(vec![condition(1, 256)])), "pattern");
    assert_eq!(refused(conditions(vec![serde_json::from_value(unknown).unwrap()])), "condition");
    assert_eq!(
        refused(NewPushRule::Content(NewPatternedPushRule::new("x".into(), "x".repeat(256), vec![]))),
        "pattern"
    );
    let many = vec![Action::Notify; 21];
    assert_eq!(refused(NewPushRule::Sender(NewSimplePushRule::new(user(ALICE).to_owned(), many))), "actions");
    let large = actions(json!([{ "set_tweak": "sound", "value": "x".repeat(2000) }]));
    assert_eq!(refused(NewPushRule::Sender(NewSimplePushRule::new(user(ALICE).to_owned(), large))), "action");
}

#[test]
fn a_user_may_have_so_many_rules_and_change_them_still() {
    let mut rules = defaults();
    for number in 0..MAX_RULES_BY_CONTENT {
        rules.put(keyword(&number.to_string()), None, None).unwrap();
    }

    let refused = rules.put(keyword("more"), None, None);

    assert_eq!(refused, Err(PushRuleError::TooLarge { what: "rules", max: MAX_RULES_BY_CONTENT }));
    rules.put(keyword("7"), None, None).unwrap();
    assert_eq!(keywords(&rules).len(), MAX_RULES_BY_CONTENT);
}

#[test]
fn default_rules_can_be_changed_but_not_removed() {
    let mut rules = defaults();

    let removed = rules.remove(&RuleKind::Override, ".m.rule.tombstone");
    rules.set_enabled(RuleKind::Override, ".m.rule.tombstone", false).unwrap();
    rules.set_actions(RuleKind::Underride, ".m.rule.message", actions(json!([]))).unwrap();

    assert_eq!(removed, Err(PushRuleError::DefaultRule));
    let rules = reloaded(&rules);
    assert!(
        !rules.ruleset().override_.iter().find(|rule| rule.rule_id == ".m.rule.tombstone").unwrap().enabled
    );
    let message = rules.ruleset().underride.iter().find(|rule| rule.rule_id == ".m.rule.message").unwrap();
    assert!(message.actions.is_empty() && message.enabled);
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut rules = defaults();

    assert_eq!(rules.remove(&RuleKind::Content, "no"), Err(PushRuleError::NotFound));
    assert_eq!(rules.remove(&RuleKind::Content, ".no"), Err(PushRuleError::NotFound));
    assert_eq!(rules.set_enabled(RuleKind::Room, "!no:a.example", true), Err(PushRuleError::NotFound));
    assert_eq!(rules.set_actions(RuleKind::Sender, "no", vec![]), Err(PushRuleError::NotFound));
}

#[test]
fn rules_survive_being_stored() {
    let mut rules = with_keywords(&["a", "b"]);
    rules.put(override_("mine"), None, None).unwrap();
    let room_rule = NewSimplePushRule::new(ruma::room_id!("!r:a.example").to_owned(), vec![]);
    rules.put(NewPushRule::Room(room_rule), None, None).unwrap();
    rules.remove(&RuleKind::Content, "b").unwrap();

    let again = reloaded(&rules);

    assert_eq!(again.content().get(), rules.content().get());
    assert_eq!(again.compile().hash(), rules.compile().hash());
}

#[test]
fn yesterdays_defaults_go_and_todays_come_with_what_the_user_made_of_them() {
    let stored = json!({ "global": {
        "override": [
            { "rule_id": "mine", "default": false, "enabled": true, "conditions": [], "actions": [] },
            { "rule_id": ".m.rule.contains_display_name", "default": true, "enabled": true, "conditions": [], "actions": [] },
            { "rule_id": ".m.rule.master", "default": true, "enabled": true, "conditions": [], "actions": [] },
            { "rule_id": "broken" },
            5,
        ],
        "content": [
            { "rule_id": ".m.rule.contains_user_name", "default": true, "enabled": true, "pattern": "bob", "actions": [] },
        ],
    } });

    let rules = PushRules::load(user(BOB), &RawValue::from_string(stored.to_string()).unwrap());

    let mut expected = overrides(&defaults()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    expected.insert(1, "mine".to_owned());
    assert_eq!(overrides(&rules), expected);
    assert!(rules.ruleset().override_.iter().next().unwrap().enabled);
    assert!(rules.ruleset().content.is_empty());
}

#[test]
fn default_rules_ask_for_the_user_that_they_are_loaded_for() {
    let of_alice = PushRules::server_default(user(ALICE)).content();

    let rules = PushRules::load(user(BOB), &of_alice);

    assert_eq!(rules.content().get(), defaults().content().get());
}
