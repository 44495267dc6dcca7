//! Bodies and questions of another server that are not what they should be: each gets a plain refusal, and harms nobody.

use playhouse_tests::{Authority, Stranger, User, Value, World, json, segment};

use crate::server;

const V1: &str = "/_matrix/federation/v1";
const V2: &str = "/_matrix/federation/v2";

struct Scene {
    alpha: World,
    name: String,
    stranger: Stranger,
    alice: User,
    room: String,
}

async fn scene() -> Scene {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let stranger = Stranger::start(&authority).await;
    let alice = alpha.user("alice").await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    Scene { alpha, name, stranger, alice, room }
}

impl Scene {
    async fn sends(&self, method: &str, target: &str, body: &Value) -> playhouse_tests::Reply {
        self.stranger.sends(&self.alpha, &self.name, method, target, body).await
    }

    async fn asks(&self, target: &str) -> playhouse_tests::Reply {
        self.stranger.asks(&self.alpha, &self.name, target).await
    }
}

/// A plausible event of the stranger's, and what may be wrong with each of its fields.
fn spoilt(event: &Value) -> Vec<Value> {
    let mut all = vec![json!({}), json!({ "event": 1 })];
    for field in event.as_object().expect("an object").keys() {
        for wrong in
            [Value::Null, json!(1), json!(-1), json!("text"), json!([]), json!({}), json!([1]), json!(true)]
        {
            let mut spoilt = event.clone();
            spoilt[field] = wrong;
            all.push(spoilt);
        }
        let mut without = event.clone();
        without.as_object_mut().expect("an object").remove(field);
        all.push(without);
    }
    all
}

#[tokio::test]
async fn every_body_that_is_not_right_is_refused_and_no_other_is_harmed() {
    let scene = scene().await;
    let (room, user) = (segment(&scene.room), format!("@eve:{}", scene.stranger.name));
    let event = json!({
        "type": "m.room.member", "room_id": scene.room, "sender": user, "state_key": user, "depth": 9,
        "content": { "membership": "join" }, "origin_server_ts": 1, "prev_events": [], "auth_events": [],
        "hashes": { "sha256": "x" }, "signatures": { &scene.stranger.name: { "ed25519:stranger": "x" } },
    });
    let id = segment("$event");
    let targets = [
        format!("{V2}/send_join/{room}/{id}"),
        format!("{V1}/send_join/{room}/{id}"),
        format!("{V2}/send_leave/{room}/{id}"),
        format!("{V1}/send_leave/{room}/{id}"),
        format!("{V1}/send_knock/{room}/{id}"),
        format!("{V1}/invite/{room}/{id}"),
    ];
    for body in spoilt(&event) {
        for target in &targets {
            let answer = scene.sends("PUT", target, &body).await;
            assert!((400..500).contains(&answer.status), "{target} {body}: {answer:?}");
        }
        let invite = json!({ "room_version": "12", "event": body, "invite_room_state": [] });
        let answer = scene.sends("PUT", &format!("{V2}/invite/{room}/{id}"), &invite).await;
        assert!((400..500).contains(&answer.status), "{invite}: {answer:?}");
    }

    scene.alice.sends(&scene.room, "still here").await;
}

#[tokio::test]
async fn a_transaction_takes_what_is_right_of_it_whatever_else_is_in_it() {
    let scene = scene().await;
    let user = format!("@eve:{}", scene.stranger.name);
    let wrong = [json!(1), json!("x"), json!([]), json!({}), json!({ "room_id": scene.room }), Value::Null];
    let edus: Vec<Value> = wrong
        .iter()
        .cloned()
        .chain(["m.typing", "m.receipt", "m.direct_to_device", "m.unknown"].into_iter().flat_map(|kind| {
            wrong.iter().map(move |content| json!({ "edu_type": kind, "content": content }))
        }))
        .collect();
    let message = json!({
        "sender": user, "type": "m.test", "message_id": "1",
        "messages": { &scene.alice.id: { "*": { "n": 1 } } },
    });
    let last = json!({ "edu_type": "m.direct_to_device", "content": message });
    let forged = json!({ "edu_type": "m.direct_to_device", "content": {
        "sender": "@other:elsewhere.example", "type": "m.test", "message_id": "2",
        "messages": { &scene.alice.id: { "*": { "n": 2 } } },
    } });
    let edus: Vec<Value> = edus.into_iter().chain([forged, last]).collect();
    let body = json!({ "origin": scene.stranger.name, "origin_server_ts": 1, "pdus": wrong, "edus": edus });

    let first = scene.sends("PUT", &format!("{V1}/send/1"), &body).await.ok();
    let again = scene.sends("PUT", &format!("{V1}/send/1"), &body).await.ok();

    assert_eq!((&first, &again), (&json!({ "pdus": {} }), &first));
    let sync = scene.alice.syncs_until(|sync| !sync.to_device().is_empty()).await;
    assert_eq!(sync.to_device().len(), 1);
    assert_eq!(sync.to_device()[0]["content"], json!({ "n": 1 }));
}

#[tokio::test]
async fn a_transaction_of_more_than_may_be_or_of_another_shape_is_refused() {
    let scene = scene().await;
    let send = async |body: Value| scene.sends("PUT", &format!("{V1}/send/x"), &body).await;
    send(json!({ "pdus": vec![json!({}); 51], "edus": [] })).await.refused(400, "M_BAD_JSON");
    send(json!({ "pdus": [], "edus": vec![json!({}); 101] })).await.refused(400, "M_BAD_JSON");
    send(json!({ "pdus": 1 })).await.refused(400, "M_BAD_JSON");
    send(json!({ "pdus": [], "edus": {} })).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn who_is_not_in_a_room_is_told_the_same_of_it_as_of_one_that_is_not_there() {
    let scene = scene().await;
    let event = scene.alice.sends(&scene.room, "secret").await;
    let unknown = "!unknown:localhost";
    for (rest, query) in [
        ("state", format!("?event_id={}", segment(&event))),
        ("state_ids", format!("?event_id={}", segment(&event))),
        ("backfill", format!("?v={}&limit=10", segment(&event))),
    ] {
        let known = scene.asks(&format!("{V1}/{rest}/{}{query}", segment(&scene.room))).await;
        let other = scene.asks(&format!("{V1}/{rest}/{}{query}", segment(unknown))).await;
        assert_eq!(known.refused(403, "M_FORBIDDEN"), other.refused(403, "M_FORBIDDEN"));
    }
    let gap = json!({ "earliest_events": [], "latest_events": [event], "limit": 10 });
    for room in [&scene.room, unknown] {
        let target = format!("{V1}/get_missing_events/{}", segment(room));
        scene.sends("POST", &target, &gap).await.refused(403, "M_FORBIDDEN");
        let target = format!("{V1}/event_auth/{}/{}", segment(room), segment(&event));
        scene.asks(&target).await.refused(403, "M_FORBIDDEN");
    }
    let hidden = scene.asks(&format!("{V1}/event/{}", segment(&event))).await.refused(404, "M_NOT_FOUND");
    let nothing =
        scene.asks(&format!("{V1}/event/{}", segment("$nothing"))).await.refused(404, "M_NOT_FOUND");
    assert_eq!(hidden, nothing);
}

#[tokio::test]
async fn a_template_is_made_only_for_the_askers_users_and_for_versions_that_it_knows() {
    let scene = scene().await;
    let (room, eve) = (segment(&scene.room), segment(&format!("@eve:{}", scene.stranger.name)));
    let ask = async |rest: String| scene.asks(&format!("{V1}/{rest}")).await;

    ask(format!("make_join/{room}/{eve}?ver=12&ver=11")).await.ok();
    ask(format!("make_join/{room}/{}?ver=12", segment(&scene.alice.id))).await.refused(403, "M_FORBIDDEN");
    ask(format!("make_join/{}/{eve}?ver=12", segment("!unknown:x"))).await.refused(404, "M_NOT_FOUND");
    let refused = ask(format!("make_join/{room}/{eve}?ver=1&ver=2")).await;
    assert_eq!(refused.refused(400, "M_INCOMPATIBLE_ROOM_VERSION")["room_version"], "12");
    ask(format!("make_join/{room}/{eve}")).await.refused(400, "M_INCOMPATIBLE_ROOM_VERSION");
    ask(format!("make_leave/{room}/{eve}")).await.refused(403, "M_FORBIDDEN");
    ask(format!("make_knock/{room}/{eve}?ver=12")).await.refused(403, "M_FORBIDDEN");
    let acl = json!({ "allow": ["*"], "deny": ["127.0.0.*"] });
    scene.alice.sets_state(&scene.room, "m.room.server_acl", "", acl).await.ok();
    ask(format!("make_join/{room}/{eve}?ver=12")).await.refused(403, "M_FORBIDDEN");
}
