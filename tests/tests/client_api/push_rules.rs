//! Push rules: the default set, and all that can be done to it.

use playhouse_tests::{Value, World, json};

const RULES: &str = "/v3/pushrules/global";

fn ids(rules: &Value) -> Vec<&str> {
    rules.as_array().expect("a list").iter().filter_map(|r| r["rule_id"].as_str()).collect()
}

#[tokio::test]
async fn the_default_rules_are_those_of_the_specification() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let rules = alice.get("/v3/pushrules/").await.ok()["global"].clone();

    for rule in [
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
    ] {
        assert!(ids(&rules["override"]).contains(&rule), "no {rule}");
    }
    for rule in [
        ".m.rule.call",
        ".m.rule.encrypted_room_one_to_one",
        ".m.rule.room_one_to_one",
        ".m.rule.message",
        ".m.rule.encrypted",
    ] {
        assert!(ids(&rules["underride"]).contains(&rule), "no {rule}");
    }
    assert_eq!(ids(&rules["override"])[0], ".m.rule.master");
}

#[tokio::test]
async fn rules_are_made_read_ordered_and_deleted() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let rule = json!({ "pattern": "cake", "actions": ["notify"] });

    alice.put(&format!("{RULES}/content/first"), rule.clone()).await.ok();
    alice.put(&format!("{RULES}/content/second"), rule.clone()).await.ok();
    alice.put(&format!("{RULES}/content/third?after=first"), rule.clone()).await.ok();

    let listed = alice.get(&format!("{RULES}/")).await.ok();
    let own: Vec<_> = ids(&listed["content"]).into_iter().filter(|id| !id.starts_with('.')).collect();
    assert_eq!(own.iter().position(|i| *i == "first").map(|n| n + 1), own.iter().position(|i| *i == "third"));
    assert_eq!(own[0], "second", "a new rule comes first");
    let read = alice.get(&format!("{RULES}/content/first")).await.ok();
    assert_eq!(
        (&read["pattern"], &read["default"], &read["enabled"]),
        (&json!("cake"), &json!(false), &json!(true))
    );
    alice.delete(&format!("{RULES}/content/first")).await.ok();
    alice.get(&format!("{RULES}/content/first")).await.refused(404, "M_NOT_FOUND");
    let lost = alice.put(&format!("{RULES}/content/fourth?before=nowhere"), rule).await;
    assert!(matches!(lost.status, 400 | 404), "{}", lost.body);
}

#[tokio::test]
async fn rules_are_switched_off_and_their_actions_changed() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    alice.syncs().await;
    let rule = format!("{RULES}/underride/.m.rule.message");

    alice.put(&format!("{rule}/enabled"), json!({ "enabled": false })).await.ok();
    alice.put(&format!("{rule}/actions"), json!({ "actions": [] })).await.ok();

    assert_eq!(alice.get(&format!("{rule}/enabled")).await.ok(), json!({ "enabled": false }));
    assert_eq!(alice.get(&format!("{rule}/actions")).await.ok(), json!({ "actions": [] }));
    let told = alice.syncs().await.account_data();
    assert!(told.iter().any(|e| e["type"] == "m.push_rules"), "{told:?}");
}

#[tokio::test]
async fn impossible_rules_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let notify = json!({ "actions": ["notify"] });

    for (path, rule) in [
        ("content/.mine", json!({ "pattern": "x", "actions": [] })),
        ("content/a%5Cb", json!({ "pattern": "x", "actions": [] })),
        ("content/mine", notify.clone()),
        ("nonsense/mine", notify.clone()),
        ("override/mine", json!({ "conditions": "none", "actions": [] })),
        ("room/mine", json!({ "actions": "loud" })),
    ] {
        let reply = alice.put(&format!("{RULES}/{path}"), rule).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.body);
    }
    let reply = alice.delete(&format!("{RULES}/override/.m.rule.master")).await;
    assert!(matches!(reply.status, 400 | 404), "{}", reply.body);
}

#[tokio::test]
async fn a_silenced_room_counts_nothing_and_a_keyword_highlights() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (loud, quiet) = (world.room_of(&[&alice, &bob]).await, world.room_of(&[&alice, &bob]).await);
    let keyword = json!({ "pattern": "cake", "actions": ["notify", { "set_tweak": "highlight" }] });
    bob.put(&format!("{RULES}/content/cake"), keyword).await.ok();
    let room_rule = format!("{RULES}/room/{}", playhouse_tests::segment(&quiet));
    bob.put(&room_rule, json!({ "actions": [] })).await.ok();
    bob.syncs().await;

    alice.sends(&quiet, "no one hears").await;
    alice.sends(&loud, "there is Cake!").await;

    let sync = bob.syncs_from(None, "timeout=0").await;
    let count = |room: &str, which: &str| sync.joined(room)["unread_notifications"][which].clone();
    assert_eq!(count(&loud, "highlight_count"), 1);
    assert_eq!(count(&loud, "notification_count"), 1);
    assert_eq!(count(&quiet, "notification_count"), 0);
}
