//! The thin whole: two people meet and talk.

use playhouse_tests::{World, json};

#[tokio::test]
async fn two_people_meet_and_talk() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    let room = alice.creates_room(json!({ "name": "Stage" })).await;
    alice.invites(&room, &bob).await;
    bob.syncs_until(|sync| !sync.invite(&room).is_empty()).await;
    bob.joins(&room).await;
    alice.sends(&room, "hello").await;

    bob.hears(&room, "hello").await;
    assert_eq!(bob.reads_messages(&room).await, ["hello"]);
}

#[tokio::test]
async fn what_was_acknowledged_outlives_kill_minus_nine() {
    let mut world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;
    alice.sends(&room, "before the crash").await;

    world.kill_minus_nine();
    world.restart().await;

    let sync = bob.syncs().await;
    assert_eq!(sync.messages(&room), ["before the crash"]);
    alice.sends(&room, "after the crash").await;
    bob.hears(&room, "after the crash").await;
}
