//! Reports of events, rooms and users.

use playhouse_tests::{World, json, segment};

#[tokio::test]
async fn a_member_reports_an_event_and_a_stranger_learns_nothing_of_it() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = alice.sends(&room, "spam").await;
    let path = format!("/v3/rooms/{}/report/{}", segment(&room), segment(&event));

    assert_eq!(bob.post(&path, json!({ "reason": "spam" })).await.ok(), json!({}));
    // As older clients do.
    bob.post(&path, json!({ "score": -100 })).await.ok();

    carol.post(&path, json!({ "reason": "spam" })).await.refused(404, "M_NOT_FOUND");
    let unknown = format!("/v3/rooms/{}/report/$none", segment(&room));
    bob.post(&unknown, json!({ "reason": "spam" })).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn anyone_reports_a_room_or_a_user() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;
    let room_path = format!("/v3/rooms/{}/report", segment(&room));
    let user_path = format!("/v3/users/{}/report", segment(&alice.id));

    for path in [&room_path, &user_path] {
        assert_eq!(bob.post(path, json!({ "reason": "" })).await.ok(), json!({}));
        bob.post(path, json!({ "reason": 7 })).await.refused(400, "M_BAD_JSON");
        let long = json!({ "reason": "x".repeat(1_001) });
        bob.post(path, long).await.refused(400, "M_INVALID_PARAM");
    }
    // Older clients report rooms without a reason.
    bob.post(&room_path, json!({})).await.ok();
    bob.post(&user_path, json!({})).await.refused(400, "M_BAD_JSON");
    let nobody = "/v3/users/%40nobody%3Alocalhost/report";
    bob.post(nobody, json!({ "reason": "x" })).await.refused(404, "M_NOT_FOUND");
    bob.post("/v3/rooms/!none/report", json!({ "reason": "x" })).await.refused(404, "M_NOT_FOUND");
    world
        .request("POST", &format!("/_matrix/client{user_path}"), Some(json!({ "reason": "x" })))
        .await
        .refused(401, "M_MISSING_TOKEN");
}
