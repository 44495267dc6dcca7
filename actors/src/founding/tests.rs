//! The laws of founding rooms.

use playhouse_storage::backends::{Adversity, MemoryBackend};
use ruma::{RoomVersionId, owned_user_id};
use serde_json::{Value, json};

use super::*;
use crate::{
    aliases::AliasError,
    joining::MembershipError,
    testing::{Person, Theatre, map, raw},
};

fn public() -> NewRoom {
    NewRoom { version: Some(RoomVersionId::V11), ..NewRoom::new(Preset::PublicChat) }
}

fn state(kind: &str, content: &Value) -> InitialState {
    InitialState { kind: kind.into(), state_key: String::new(), content: raw(content) }
}

/// The types of the room's first events, in order.
async fn kinds(theatre: &Theatre, room_id: &RoomId) -> Vec<String> {
    let view = theatre.node.rooms().view(room_id).await.unwrap();
    view.tail.iter().map(|event| event.pdu.kind_str().to_owned()).collect()
}

async fn content(person: &Person<'_>, room_id: &RoomId, kind: &str) -> Value {
    person.finds(room_id, (kind, "")).await.unwrap().unwrap_or_default()
}

#[tokio::test]
async fn the_first_events_come_in_the_order_of_the_specification() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);

    let room_id = alice
        .founds(NewRoom {
            alias_localpart: Some("stage".into()),
            name: Some("Stage".into()),
            topic: Some("plays".into()),
            invite: vec![bob.id.clone()],
            initial_state: vec![state("m.room.encryption", &json!({ "algorithm": "a" }))],
            ..public()
        })
        .await
        .unwrap();

    let order = [
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.canonical_alias",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.encryption",
        "m.room.name",
        "m.room.topic",
        "m.room.member",
    ];
    assert_eq!(kinds(&theatre, &room_id).await, order);
    assert_eq!(
        content(&alice, &room_id, "m.room.topic").await["m.topic"],
        json!({ "m.text": [{ "body": "plays", "mimetype": "text/plain" }] })
    );
}

#[tokio::test]
async fn a_version_12_room_is_named_by_its_create_event_and_others_by_chance() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;

    let newest = alice.founds(NewRoom::new(Preset::PrivateChat)).await.unwrap();
    let older = alice.founds(public()).await.unwrap();

    let view = theatre.node.rooms().view(&newest).await.unwrap();
    assert_eq!(newest.as_str()[1..], view.state.create().unwrap().event_id().as_str()[1..]);
    assert!(older.as_str().ends_with(":test"));
}

#[tokio::test]
async fn rooms_made_in_the_same_moment_are_different_rooms() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;

    let founds = (0..20).map(|_| alice.founds(NewRoom::new(Preset::PrivateChat)));
    let mut rooms: Vec<_> =
        futures_util::future::join_all(founds).await.into_iter().map(Result::unwrap).collect();

    rooms.sort();
    rooms.dedup();
    assert_eq!(rooms.len(), 20);
}

#[tokio::test]
async fn the_create_event_says_what_the_client_wants_but_not_who_and_which_version() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let wish =
        json!({ "type": "m.space", "m.federate": false, "x": 1, "creator": "@b:x", "room_version": "1" });

    for (version, creator) in [(RoomVersionId::V10, json!(alice.id)), (RoomVersionId::V12, json!(null))] {
        let new = NewRoom {
            version: Some(version.clone()),
            creation_content: map(wish.clone()),
            ..NewRoom::new(Preset::PrivateChat)
        };
        let room_id = alice.founds(new).await.unwrap();

        let create = content(&alice, &room_id, "m.room.create").await;
        assert_eq!(
            (&create["type"], &create["m.federate"], &create["x"]),
            (&json!("m.space"), &json!(false), &json!(1))
        );
        assert_eq!((&create["room_version"], &create["creator"]), (&json!(version), &creator));
    }
}

#[tokio::test]
async fn those_trusted_at_first_are_as_powerful_as_the_creator() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let new = |version| NewRoom {
        version: Some(version),
        invite: vec![bob.id.clone()],
        creation_content: map(json!({ "additional_creators": ["@carol:far", "@carol:far"] })),
        ..NewRoom::new(Preset::TrustedPrivateChat)
    };

    let numbers = alice.founds(new(RoomVersionId::V11)).await.unwrap();
    let boundless = alice.founds(new(RoomVersionId::V12)).await.unwrap();

    let levels = content(&alice, &numbers, "m.room.power_levels").await;
    assert_eq!(levels["users"], json!({ &alice.id: 100, &bob.id: 100 }));
    let create = content(&alice, &boundless, "m.room.create").await;
    assert_eq!(create["additional_creators"], json!(["@carol:far", bob.id]));
    let levels = content(&alice, &boundless, "m.room.power_levels").await;
    assert_eq!((&levels["users"], &levels["events"]["m.room.tombstone"]), (&json!({}), &json!(150)));
}

#[tokio::test]
async fn power_levels_are_overridden_member_by_member() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;

    let new = NewRoom {
        power_levels: map(json!({ "events": { "m.room.name": 7 }, "state_default": 200 })),
        ..NewRoom::new(Preset::PublicChat)
    };
    let room_id = alice.founds(new).await.unwrap();

    let levels = content(&alice, &room_id, "m.room.power_levels").await;
    assert_eq!(levels["events"], json!({ "m.room.name": 7, "m.room.tombstone": 201 }));
    assert_eq!(
        (&levels["state_default"], &levels["invite"], &levels["ban"]),
        (&json!(200), &json!(50), &json!(50))
    );
}

#[tokio::test]
async fn initial_state_takes_the_place_of_the_preset_and_yields_to_name_and_topic() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;

    let new = NewRoom {
        name: Some("new".into()),
        initial_state: vec![
            state("m.room.join_rules", &json!({ "join_rule": "knock" })),
            state("m.room.name", &json!({ "name": "old" })),
            state("m.room.topic", &json!({ "topic": "kept" })),
        ],
        ..public()
    };
    let room_id = alice.founds(new).await.unwrap();

    assert_eq!(content(&alice, &room_id, "m.room.join_rules").await["join_rule"], "knock");
    assert_eq!(content(&alice, &room_id, "m.room.name").await["name"], "new");
    assert_eq!(content(&alice, &room_id, "m.room.topic").await, json!({ "topic": "kept" }));
    let kinds = kinds(&theatre, &room_id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "m.room.join_rules" || *kind == "m.room.name").count(), 2);
}

#[tokio::test]
async fn invites_carry_the_profile_of_the_invited_and_say_that_it_is_a_direct_chat() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    alice.sets_profile("displayname", "Al").await;
    bob.sets_profile("displayname", "Bo").await;

    let invite = vec![bob.id.clone(), bob.id.clone()];
    let new = NewRoom { invite, is_direct: true, ..NewRoom::new(Preset::TrustedPrivateChat) };
    let room_id = alice.founds(new).await.unwrap();

    let invited = alice.sees_member(&room_id, &bob.id).await;
    assert_eq!(invited, json!({ "membership": "invite", "displayname": "Bo", "is_direct": true }));
    let creator = alice.sees_member(&room_id, &alice.id).await;
    assert_eq!(creator, json!({ "membership": "join", "displayname": "Al" }));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let stage = || Some("stage".to_owned());
    let too_weak = map(json!({ "users": { &alice.id: 10 } }));

    let refused = alice
        .founds(NewRoom {
            alias_localpart: stage(),
            listed: true,
            name: Some("n".into()),
            power_levels: too_weak,
            ..public()
        })
        .await;

    assert!(matches!(refused, Err(FoundingError::InvalidState(_))), "{refused:?}");
    assert!(theatre.node.users().feed(&alice.id).await.unwrap().joined_rooms().is_empty());
    let room_id = alice.founds(NewRoom { alias_localpart: stage(), ..public() }).await.unwrap();
    assert_eq!(theatre.aliases_of(&room_id).await, ["#stage:test"]);
}

#[tokio::test]
async fn an_alias_that_is_taken_founds_no_room() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let new = || NewRoom { alias_localpart: Some("stage".into()), ..public() };
    alice.founds(new()).await.unwrap();

    let second = alice.founds(new()).await;

    assert!(matches!(second, Err(FoundingError::Alias(AliasError::Taken))), "{second:?}");
    assert_eq!(theatre.node.users().feed(&alice.id).await.unwrap().joined_rooms().len(), 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    bob.sets_account_data("m.invite_permission_config", json!({ "default_action": "block" })).await;
    let v12 = || NewRoom::new(Preset::PublicChat);
    let refusal = async |new| alice.founds(new).await.unwrap_err();

    let version = Some("9000".try_into().unwrap());
    assert!(matches!(refusal(NewRoom { version, ..v12() }).await, FoundingError::UnsupportedVersion(_)));
    for creators in [json!("x"), json!(["@a:b", 42]), json!(["not-a-user"]), json!(["@a:dom$ain$.com"])] {
        let creation_content = map(json!({ "additional_creators": creators }));
        assert!(matches!(refusal(NewRoom { creation_content, ..v12() }).await, FoundingError::Malformed(_)));
    }
    for wrong in [json!({ "m.federate": "no" }), json!({ "type": 7 }), json!({ "predecessor": [] })] {
        let creation_content = map(wrong);
        assert!(matches!(refusal(NewRoom { creation_content, ..v12() }).await, FoundingError::Malformed(_)));
    }
    let power_levels = map(json!({ "users": { &alice.id: 100 } }));
    assert!(matches!(refusal(NewRoom { power_levels, ..v12() }).await, FoundingError::Malformed(_)));
    let power_levels = map(json!({ "users": { &bob.id: 100 } }));
    assert!(matches!(refusal(NewRoom { power_levels, ..public() }).await, FoundingError::Malformed(_)));
    let named = state("m.room.canonical_alias", &json!({ "alias": "#elsewhere:test" }));
    let lying = NewRoom { initial_state: vec![named], ..v12() };
    assert!(matches!(refusal(lying).await, FoundingError::Alias(AliasError::LeadsElsewhere { .. })));
    let alias_localpart = Some("a:b".into());
    assert!(matches!(
        refusal(NewRoom { alias_localpart, ..v12() }).await,
        FoundingError::Alias(AliasError::BadName(_))
    ));
    let far = NewRoom { invite: vec![owned_user_id!("@carol:far")], ..v12() };
    assert!(matches!(refusal(far).await, FoundingError::Membership(MembershipError::OtherServer { .. })));
    let blocked = NewRoom { invite: vec![bob.id.clone()], ..v12() };
    assert!(matches!(
        refusal(blocked).await,
        FoundingError::Membership(MembershipError::InviteBlocked { .. })
    ));
    let member = InitialState {
        state_key: bob.id.to_string(),
        ..state("m.room.member", &json!({ "membership": "join" }))
    };
    assert!(matches!(
        refusal(NewRoom { initial_state: vec![member], ..v12() }).await,
        FoundingError::Malformed(_)
    ));
    let second = state("m.room.create", &json!({ "room_version": "10" }));
    let version = Some(RoomVersionId::V10);
    assert!(matches!(
        refusal(NewRoom { initial_state: vec![second], version, ..v12() }).await,
        FoundingError::Malformed(_)
    ));
    let crowd = (0..600).map(|n| format!("@u{n}:test").try_into().unwrap()).collect();
    assert!(matches!(
        refusal(NewRoom { invite: crowd, ..v12() }).await,
        FoundingError::Room(RoomError::TooLarge(_))
    ));
}

#[tokio::test]
async fn on_an_unhelpful_store_a_room_is_whole_or_not_there() {
    for seed in 0..12 {
        let adversity = Adversity { unknown_per_mille: 200, ..Adversity::none() };
        let disk = MemoryBackend::new(seed, Adversity::none()).disk();
        let calm = Theatre::open_on(disk.clone(), Adversity::none()).await;
        let alice_id = calm.person("alice").await.id;
        let theatre = calm.reopen_on(adversity).await;
        let alice = theatre.person_again(&alice_id);

        let outcome = alice.founds(NewRoom { name: Some("whole".into()), ..public() }).await;

        let theatre = theatre.reopen().await;
        let alice = theatre.person_again(&alice_id);
        if let Ok(room_id) = outcome {
            assert_eq!(content(&alice, &room_id, "m.room.name").await["name"], "whole", "seed {seed}");
        }
    }
}
