//! The laws of aliases.

use playhouse_storage::{
    store::put,
    tables::{RoomAlias, room_alias::RoomAliasRow},
};
use ruma::{room_alias_id, room_id};
use serde_json::json;

use super::*;
use crate::{
    sending::SendError,
    testing::{Person, Theatre},
};

const STAGE: &str = "#stage:test";

fn stage() -> &'static RoomAliasId {
    room_alias_id!("#stage:test")
}

async fn names(theatre: &Theatre, person: &Person<'_>, room: &RoomId) -> Result<(), AliasError> {
    make(&theatre.node, person.asker(), stage(), room).await
}

#[tokio::test]
async fn an_alias_leads_to_its_room_until_it_is_removed() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let (room, other) = (alice.opens_a_room().await, alice.opens_a_room().await);

    names(&theatre, &alice, &room).await.unwrap();

    assert_eq!(resolve(&theatre.node, stage()).await.unwrap().as_ref(), Some(&room));
    assert_eq!(theatre.aliases_of(&room).await, [STAGE]);
    assert!(matches!(names(&theatre, &alice, &other).await, Err(AliasError::Taken)));
    assert!(theatre.aliases_of(&other).await.is_empty());
    remove(&theatre.node, alice.asker(), stage()).await.unwrap();
    assert_eq!(resolve(&theatre.node, stage()).await.unwrap(), None);
    assert!(theatre.aliases_of(&room).await.is_empty());
    assert!(matches!(remove(&theatre.node, alice.asker(), stage()).await, Err(AliasError::Unknown)));
    names(&theatre, &alice, &other).await.unwrap();
    assert_eq!(theatre.aliases_of(&other).await, [STAGE]);
}

#[tokio::test]
async fn of_many_who_want_an_alias_one_gets_it() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let mut rooms = Vec::new();
    for _ in 0..8 {
        rooms.push(alice.opens_a_room().await);
    }

    let claims = rooms.iter().map(|room| names(&theatre, &alice, room));
    let outcomes = futures_util::future::join_all(claims).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn only_who_is_in_the_room_names_it() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    let forbidden =
        |outcome: Result<(), AliasError>| matches!(outcome, Err(AliasError::Room(RoomError::Forbidden(_))));

    assert!(forbidden(names(&theatre, &bob, &room).await));
    assert!(forbidden(names(&theatre, &bob, room_id!("!none:test")).await));
    let admin = Asker { is_admin: true, ..bob.asker() };
    make(&theatre.node, admin, stage(), &room).await.unwrap();
    let elsewhere = make(&theatre.node, alice.asker(), room_alias_id!("#a:elsewhere"), &room).await;
    assert!(matches!(elsewhere, Err(AliasError::BadName(_))));
}

#[tokio::test]
async fn an_alias_is_removed_by_its_maker_by_the_powerful_or_by_an_administrator() {
    let theatre = Theatre::open().await;
    let (alice, bob, carol) =
        (theatre.person("alice").await, theatre.person("bob").await, theatre.person("carol").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    carol.joins(&room).await.unwrap();
    let removes = async |asker| remove(&theatre.node, asker, stage()).await;

    names(&theatre, &bob, &room).await.unwrap();
    assert!(matches!(removes(carol.asker()).await, Err(AliasError::NotYours)));
    removes(bob.asker()).await.unwrap();
    names(&theatre, &bob, &room).await.unwrap();
    removes(alice.asker()).await.unwrap();
    names(&theatre, &bob, &room).await.unwrap();
    removes(Asker { is_admin: true, ..carol.asker() }).await.unwrap();
}

#[tokio::test]
async fn a_removed_alias_goes_from_the_canonical_alias_if_the_remover_may_change_it() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    let canonical = ("m.room.canonical_alias", "");

    names(&theatre, &bob, &room).await.unwrap();
    alice.sets(&room, canonical, json!({ "alias": STAGE })).await.unwrap();
    remove(&theatre.node, bob.asker(), stage()).await.unwrap();
    assert_eq!(alice.finds(&room, canonical).await.unwrap().unwrap(), json!({ "alias": STAGE }));

    names(&theatre, &alice, &room).await.unwrap();
    remove(&theatre.node, alice.asker(), stage()).await.unwrap();
    assert_eq!(alice.finds(&room, canonical).await.unwrap().unwrap(), json!({}));
}

#[tokio::test]
async fn a_canonical_alias_leads_to_its_room() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let (room, other) = (alice.opens_a_room().await, alice.opens_a_room().await);
    let sets = async |room, content| alice.sets(room, ("m.room.canonical_alias", ""), content).await;

    let early = sets(&room, json!({ "alias": STAGE })).await;
    assert!(matches!(early, Err(SendError::Alias(AliasError::LeadsElsewhere { .. }))));
    names(&theatre, &alice, &room).await.unwrap();
    let wrong = sets(&other, json!({ "alt_aliases": [STAGE] })).await;
    assert!(matches!(wrong, Err(SendError::Alias(AliasError::LeadsElsewhere { .. }))));
    sets(&room, json!({ "alias": STAGE, "alt_aliases": [STAGE] })).await.unwrap();
    let malformed = sets(&room, json!({ "alias": "%stage:test" })).await;
    assert!(matches!(malformed, Err(SendError::Alias(AliasError::Malformed(_)))));

    remove(&theatre.node, Asker { is_admin: true, ..theatre.person("root").await.asker() }, stage())
        .await
        .unwrap();
    sets(&room, json!({ "alt_aliases": [STAGE] })).await.unwrap();
}

#[tokio::test]
async fn an_inverse_row_without_its_alias_is_not_shown() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    let stamp = theatre.node.clocks().stamp(room.as_str());

    let orphan = put::<RoomAlias>((room.as_str(),), ("#ghost:test",), &RoomAliasRow {}, stamp);
    theatre.node.store().write(vec![orphan]).await.unwrap();

    assert!(theatre.aliases_of(&room).await.is_empty());
}
