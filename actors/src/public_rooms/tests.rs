//! The laws of the public directory.

use ruma::room_id;

use super::*;
use crate::{
    founding::{NewRoom, Preset},
    testing::{Person, Theatre},
};

async fn listed(theatre: &Theatre) -> Vec<(OwnedRoomId, usize)> {
    let page = page(&theatre.node, &Search::default(), &PageWish::new(None, None).unwrap()).await.unwrap();
    page.entries.iter().map(|entry| (entry.room_id.clone(), entry.members)).collect()
}

async fn founds_listed(person: &Person<'_>) -> OwnedRoomId {
    person.founds(NewRoom { listed: true, ..NewRoom::new(Preset::PublicChat) }).await.unwrap()
}

#[tokio::test]
async fn the_directory_shows_what_is_listed_as_it_is_now() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    alice.opens_a_room().await;
    let room = founds_listed(&alice).await;

    assert_eq!(listed(&theatre).await, [(room.clone(), 1)]);
    bob.joins(&room).await.unwrap();
    assert_eq!(listed(&theatre).await, [(room.clone(), 2)]);
    bob.leaves(&room).await.unwrap();
    alice.leaves(&room).await.unwrap();
    assert!(listed(&theatre).await.is_empty(), "nobody is in it");
}

#[tokio::test]
async fn rooms_at_rest_are_shown_and_those_that_changed_are_read_again() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = founds_listed(&alice).await;
    let bob_id = bob.id.clone();

    let theatre = theatre.reopen().await;
    assert_eq!(listed(&theatre).await, [(room.clone(), 1)]);
    theatre.node.rooms().passivate(std::time::Duration::ZERO, 0);
    assert_eq!(listed(&theatre).await, [(room.clone(), 1)]);

    theatre.person_again(&bob_id).joins(&room).await.unwrap();
    theatre.node.rooms().passivate(std::time::Duration::ZERO, 0);
    assert_eq!(listed(&theatre).await, [(room, 2)]);
}

#[tokio::test]
async fn listing_needs_the_power_over_aliases() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    let sets = async |asker, listed| set_listed(&theatre.node, asker, &room, listed).await;

    assert!(!is_listed(&theatre.node, &room).await.unwrap());
    assert!(matches!(sets(bob.asker(), true).await, Err(RoomError::Forbidden(_))));
    sets(alice.asker(), true).await.unwrap();
    assert!(is_listed(&theatre.node, &room).await.unwrap());
    sets(Asker { is_admin: true, ..bob.asker() }, false).await.unwrap();
    assert!(!is_listed(&theatre.node, &room).await.unwrap());
    sets(alice.asker(), true).await.unwrap();
    assert!(is_listed(&theatre.node, &room).await.unwrap());

    let unknown = room_id!("!none:test");
    assert!(matches!(is_listed(&theatre.node, unknown).await, Err(RoomError::UnknownRoom)));
    let outcome = set_listed(&theatre.node, alice.asker(), unknown, true).await;
    assert!(matches!(outcome, Err(RoomError::UnknownRoom)));
}
