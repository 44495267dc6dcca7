//! The laws of what a user keeps on the server.

use std::time::Duration;

use playhouse_storage::{backends::Adversity, tables::AccountData};
use ruma::{
    push::{Action, NewConditionalPushRule, NewPushRule, RuleKind},
    room_id,
};
use serde_json::{Value, json, value::RawValue};

use super::{UserError, account_data::MOST_ACCOUNT_DATA_BYTES, push_rules::PushRuleChange, tags::Tags};
use crate::{
    sync::{SyncRequest, SyncResponse, sync},
    testing::{Person, Theatre, raw, value},
    token::SyncToken,
    user::testing::World,
};

async fn syncs(theatre: &Theatre, who: &Person<'_>, since: Option<SyncToken>) -> SyncResponse {
    let request = SyncRequest {
        user: who.id.clone(),
        device: Some(who.device.to_owned()),
        since,
        filter: serde_json::from_value(json!({})).unwrap(),
        full_state: false,
        use_state_after: false,
        timeout: Duration::ZERO,
    };
    sync(&theatre.node, &request).await.unwrap()
}

fn token(theatre: &Theatre, response: &SyncResponse) -> SyncToken {
    theatre.node.tokens().decode(&response.next_batch).unwrap()
}

fn account_data(response: &SyncResponse, kind: &str) -> Option<Value> {
    let events = response.account_data.events.iter().map(|event| value(event));
    events.into_iter().find(|event| event["type"] == kind).map(|event| event["content"].clone())
}

fn override_rule(rule_id: &str) -> PushRuleChange {
    let rule = NewConditionalPushRule::new(rule_id.to_owned(), Vec::new(), vec![Action::Notify]);
    PushRuleChange::Put { rule: NewPushRule::Override(rule), before: None, after: None }
}

#[tokio::test]
async fn a_first_sync_has_the_default_push_rules_and_a_later_one_has_changes_only() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;

    let first = syncs(&theatre, &alice, None).await;
    let rules = account_data(&first, "m.push_rules").unwrap();
    assert_eq!(rules["global"]["override"][0]["rule_id"], ".m.rule.master");
    let since = token(&theatre, &first);
    assert!(account_data(&syncs(&theatre, &alice, Some(since.clone())).await, "m.push_rules").is_none());

    theatre.node.users().handle(&alice.id).change_push_rule(override_rule("mine")).await.unwrap();
    let rules = account_data(&syncs(&theatre, &alice, Some(since)).await, "m.push_rules").unwrap();
    assert_eq!(rules["global"]["override"][1]["rule_id"], "mine");
}

#[tokio::test]
async fn changed_push_rules_outlive_a_restart_and_a_refused_change_changes_nothing() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let stream = theatre.node.users().handle(&alice.id);
    stream.change_push_rule(override_rule("mine")).await.unwrap();
    stream.change_push_rule(PushRuleChange::Enable(RuleKind::Override, "mine".into(), false)).await.unwrap();
    let missing = PushRuleChange::Remove(RuleKind::Override, "other".into());
    assert!(matches!(stream.change_push_rule(missing).await, Err(UserError::PushRule(_))));
    assert!(stream.change_push_rule(override_rule(".reserved")).await.is_err());
    let before = syncs(&theatre, &alice, None).await;
    let alice = alice.id.clone();

    let theatre = theatre.reopen().await;

    let after = syncs(&theatre, &theatre.person_again(&alice), None).await;
    let rules = account_data(&after, "m.push_rules").unwrap();
    assert_eq!(Some(&rules), account_data(&before, "m.push_rules").as_ref());
    assert_eq!(rules["global"]["override"][1]["enabled"], false);
}

#[tokio::test]
async fn concurrent_changes_of_rules_and_tags_lose_none() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let (stream, room) = (theatre.node.users().handle(&alice.id), room_id!("!r:test"));
    let tag = |n: usize| {
        let stream = stream.clone();
        async move {
            stream.put_tag(room, &format!("u.{n}"), raw(&json!({ "order": 0.5 }))).await.unwrap();
            stream.change_push_rule(override_rule(&format!("rule{n}"))).await.unwrap();
        }
    };

    futures_util::future::join_all((0..20).map(tag)).await;

    let data = theatre.node.users().feed(&alice.id).await.unwrap().data();
    assert_eq!(Tags::of(&data, room).tags.len(), 20);
    let own = data.push_rules(&alice.id).ruleset().override_.iter().filter(|rule| !rule.default).count();
    assert_eq!(own, 20);
}

#[tokio::test]
async fn a_tag_goes_alone_and_one_that_is_not_there_is_no_change() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let (stream, room) = (theatre.node.users().handle(&alice.id), room_id!("!r:test"));
    for (name, info) in [("u.work", json!({ "order": 0.25, "x": [1] })), ("m.favourite", json!({}))] {
        stream.put_tag(room, name, raw(&info)).await.unwrap();
    }
    stream.remove_tag(room, "m.favourite").await.unwrap();
    let feed = theatre.node.users().feed(&alice.id).await.unwrap();
    let pos = feed.data().pos;
    stream.remove_tag(room, "m.favourite").await.unwrap();

    let tags = Tags::of(&feed.data(), room).tags;
    assert_eq!(serde_json::to_value(&tags).unwrap(), json!({ "u.work": { "order": 0.25, "x": [1] } }));
    assert_eq!(feed.data().pos, pos, "nothing wakes a sync");
}

#[tokio::test]
async fn tags_survive_account_data_of_another_shape() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let (stream, room) = (theatre.node.users().handle(&alice.id), room_id!("!r:test"));
    for nonsense in [json!({}), json!({ "tags": [] }), json!({ "tags": "x" })] {
        stream.put_account_data(Some(room), "m.tag", raw(&nonsense)).await.unwrap();
        stream.put_tag(room, "u.x", raw(&json!({}))).await.unwrap();

        let data = theatre.node.users().feed(&alice.id).await.unwrap().data();
        assert_eq!(Tags::of(&data, room).tags.len(), 1, "{nonsense}");
    }
}

#[tokio::test]
async fn what_the_server_manages_cannot_be_set_and_a_type_has_a_length() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let stream = theatre.node.users().handle(&alice.id);
    let content = || raw(&json!({}));

    for kind in ["m.push_rules", "m.fully_read"] {
        for room in [None, Some(room_id!("!r:test"))] {
            let refused = stream.put_account_data(room, kind, content()).await;
            assert!(matches!(refused, Err(UserError::ServerManaged(_))), "{kind}");
        }
    }
    for kind in [String::new(), "k".repeat(256)] {
        assert!(matches!(stream.put_account_data(None, &kind, content()).await, Err(UserError::Invalid(_))));
    }
    stream.put_account_data(None, &"k".repeat(255), content()).await.unwrap();
}

#[tokio::test]
async fn account_data_is_bounded_and_can_be_made_smaller_when_full() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let stream = theatre.node.users().handle(&alice.id);
    let megabyte = raw(&json!({ "x": "x".repeat(1_000_000) }));
    let mut kept = 0;
    while stream.put_account_data(None, &format!("big{kept}"), megabyte.clone()).await.is_ok() {
        kept += 1;
    }

    assert_eq!(kept, MOST_ACCOUNT_DATA_BYTES / 1_000_000);
    assert!(matches!(stream.put_account_data(None, "more", megabyte).await, Err(UserError::Full(_))));
    stream.put_account_data(None, "big0", raw(&json!({}))).await.unwrap();
    stream.put_account_data(None, "small", raw(&json!({}))).await.unwrap();
}

#[tokio::test]
async fn the_same_filter_is_kept_once_and_others_up_to_a_bound() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let users = theatre.node.users();
    let filter = |n: usize| raw(&json!({ "room": { "timeline": { "limit": n } }, "unknown": n }));

    let id = users.handle(&alice.id).add_filter(filter(0)).await.unwrap();
    for n in 1..200 {
        users.handle(&alice.id).add_filter(filter(n)).await.unwrap();
    }

    assert!(matches!(users.handle(&alice.id).add_filter(filter(200)).await, Err(UserError::Full(_))));
    assert_eq!(users.handle(&alice.id).add_filter(filter(0)).await.unwrap(), id);
    assert_eq!(users.raw_filter(&alice.id, &id).await.unwrap().unwrap().get(), filter(0).get());
    assert_eq!(users.filter(&alice.id, &id).await.unwrap().unwrap().room.timeline.limit, Some(0_u8.into()));
    assert!(users.filter(&bob.id, &id).await.unwrap().is_none(), "a filter is its user's own");
}

#[tokio::test]
async fn a_profile_holds_64_kib_and_not_a_byte_more() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let stream = theatre.node.users().handle(&alice.id);
    let fits = 65_536 - r#"{"a.b":""}"#.len();

    stream.set_profile("a.b", Some(raw(&json!("x".repeat(fits))))).await.unwrap();
    let refused = stream.set_profile("a.b", Some(raw(&json!("x".repeat(fits + 1))))).await;
    assert!(matches!(refused, Err(UserError::ProfileTooLarge)));
    assert!(matches!(stream.set_profile("c", Some(raw(&json!(1)))).await, Err(UserError::ProfileTooLarge)));
    stream.set_profile("a.b", None).await.unwrap();
    stream.set_profile("c", Some(raw(&json!(1)))).await.unwrap();
}

#[tokio::test]
async fn an_invite_from_before_invites_were_blocked_is_not_told_until_they_are_taken_again() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    let before = token(&theatre, &syncs(&theatre, &bob, None).await);
    alice.invites(&room, &bob.id).await.unwrap();

    bob.sets_account_data("m.invite_permission_config", json!({ "default_action": "block" })).await;
    for since in [None, Some(before)] {
        assert!(syncs(&theatre, &bob, since).await.rooms.invite.is_empty());
    }

    bob.sets_account_data("m.invite_permission_config", json!({})).await;
    assert!(syncs(&theatre, &bob, None).await.rooms.invite.contains_key(&room));
}

#[tokio::test]
async fn after_a_write_of_unknown_outcome_a_stream_shows_what_the_store_holds() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let adversity = Adversity { partial_write_per_mille: 300, ..Adversity::none() };
    let world = world.killed_and_started(adversity).await;
    let mut failed = 0;
    for n in 0..100 {
        let before = loop {
            // A store that cuts writes off may have to be asked more than once.
            if let Ok(feed) = world.node.users().feed(&alice).await {
                break feed;
            }
        };
        let written = world.stream(&alice).set_account_data(None, "t", raw(&json!({ "n": n }))).await;
        failed += u32::from(written.is_err());

        let after = loop {
            if let Ok(feed) = world.node.users().feed(&alice).await {
                break feed;
            }
        };
        let stored = world.node.store().get::<AccountData>((alice.as_str(),), ("", "t")).await.unwrap();
        let shown = after.data();
        assert_eq!(
            shown.account_data("", "t").map(RawValue::get),
            stored.as_ref().map(|row| row.content.get())
        );
        assert_eq!(before.is_closed(), written.is_err(), "who reads the old stream hears that it ended");
    }
    assert!(failed > 10);
}
