//! The laws of the user directory, on a server with rooms in it.

use serde_json::json;

use super::*;
use crate::testing::{Person, Theatre};

async fn finds(theatre: &Theatre, who: &Person<'_>, term: &str) -> Vec<String> {
    let found = search(&theatre.node, &who.id, term, 10).await.unwrap();
    found.results.into_iter().map(|user| user.user_id.localpart().to_owned()).collect()
}

#[tokio::test]
async fn who_shares_a_room_or_is_in_an_open_one_is_found_and_nobody_else() {
    let theatre = Theatre::open().await;
    let (alice, bob, eve) =
        (theatre.person("alice").await, theatre.person("bob").await, theatre.person("eve").await);
    let private = bob.opens_a_private_room().await;
    alice.sets_profile("displayname", "Alice Cooper").await;
    for person in [&bob, &eve] {
        theatre.node.users().feed(&person.id).await.unwrap();
    }

    assert!(finds(&theatre, &bob, "alice").await.is_empty());
    assert!(finds(&theatre, &eve, "alice").await.is_empty());

    bob.invites(&private, &alice.id).await.unwrap();
    alice.joins(&private).await.unwrap();
    assert_eq!(finds(&theatre, &bob, "alice").await, ["alice"]);
    assert!(finds(&theatre, &eve, "alice").await.is_empty());

    let open = alice.opens_a_room().await;
    assert_eq!(finds(&theatre, &eve, "alice").await, ["alice"]);
    assert!(finds(&theatre, &alice, "alice").await.is_empty(), "nobody finds oneself");

    alice.leaves(&open).await.unwrap();
    assert!(finds(&theatre, &eve, "alice").await.is_empty());
    bob.sets(&private, ("m.room.history_visibility", ""), json!({ "history_visibility": "world_readable" }))
        .await
        .unwrap();
    assert_eq!(finds(&theatre, &eve, "alice").await, ["alice"]);
}

#[tokio::test]
async fn a_room_at_rest_says_as_much_as_one_in_memory() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    alice.sets_profile("displayname", "Alice").await;
    alice.opens_a_room().await;

    let theatre = theatre.reopen().await;
    let eve = theatre.person("eve").await;

    assert_eq!(finds(&theatre, &eve, "ali").await, ["alice"]);
}

#[tokio::test]
async fn the_global_name_counts_and_one_for_a_single_room_does_not() {
    let theatre = Theatre::open().await;
    let (alice, eve) = (theatre.person("alice").await, theatre.person("eve").await);
    let room = alice.opens_a_room().await;
    alice.sets_profile("displayname", "Public Name").await;
    let content = json!({ "membership": "join", "displayname": "Freddy" });
    alice.sets(&room, ("m.room.member", alice.id.as_str()), content).await.unwrap();

    assert!(finds(&theatre, &eve, "freddy").await.is_empty());
    for term in ["public name", "PUBLIC", "name pub", "@alice", "@alice:test", "ali"] {
        assert_eq!(finds(&theatre, &eve, term).await, ["alice"], "{term}");
    }
    for term in ["", "publicity", "@alice:elsewhere", "ublic"] {
        assert!(finds(&theatre, &eve, term).await.is_empty(), "{term}");
    }
}

#[tokio::test]
async fn an_old_name_leads_nowhere_and_the_id_always_leads() {
    let theatre = Theatre::open().await;
    let (alice, eve) = (theatre.person("alice").await, theatre.person("eve").await);
    alice.opens_a_room().await;

    alice.sets_profile("displayname", "Alice Old").await;
    alice.sets_profile("displayname", "New").await;

    assert!(finds(&theatre, &eve, "old").await.is_empty());
    assert_eq!(finds(&theatre, &eve, "new").await, ["alice"]);
    assert_eq!(finds(&theatre, &eve, "alice").await, ["alice"]);
}

#[tokio::test]
async fn what_fits_best_comes_first_and_the_rest_is_said_to_be_there() {
    let theatre = Theatre::open().await;
    let eve = theatre.person("eve").await;
    let room = eve.opens_a_room().await;
    for name in ["sam", "sammy", "samuel"] {
        let person = theatre.person(name).await;
        theatre.node.users().feed(&person.id).await.unwrap();
        person.joins(&room).await.unwrap();
    }

    let found = search(&theatre.node, &eve.id, "sam", 2).await.unwrap();
    assert_eq!(found.results[0].user_id, "@sam:test");
    assert_eq!((found.results.len(), found.limited), (2, true));
    let all = search(&theatre.node, &eve.id, "sam", 3).await.unwrap();
    assert_eq!((all.results.len(), all.limited), (3, false));
}
