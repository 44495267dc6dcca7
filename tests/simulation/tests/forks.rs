//! Forks: events from another server that follow an older event than the newest, fed through room ingest.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;
use playhouse_actors::{
    Node,
    ingest::{IngestError, Received, Source},
    room::RoomView,
};
use playhouse_federation::server_key::ServerKey;
use playhouse_rules::{
    EventFrame, Extremities, Pdu, PduBuilder, RoomState, auth::auth_events_for, pdu::PduStanding,
};
use playhouse_simulation::{
    client::Client,
    server::{Life, Machine, state, user},
};
use playhouse_storage::backends::memory::Adversity;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomId, OwnedUserId, UInt, events::TimelineEventType, owned_server_name,
    owned_user_id,
};
use serde_json::{Value, json, value::to_raw_value};

/// Another server's copy of a room, at some point of its history.
#[derive(Clone)]
struct Branch {
    state: RoomState,
    extremities: Extremities,
    room_id: OwnedRoomId,
    key: Arc<ServerKey>,
}

impl Branch {
    fn of(view: &RoomView, key: &Arc<ServerKey>) -> Self {
        Self {
            state: view.state.clone(),
            extremities: view.extremities.clone(),
            room_id: view.room_id.clone(),
            key: Arc::clone(key),
        }
    }

    fn event(&mut self, sender: &OwnedUserId, kind: &str, state_key: Option<&str>, content: &Value) -> Pdu {
        let kind = TimelineEventType::from(kind);
        let content = to_raw_value(content).unwrap();
        let version = self.state.version();
        let auth_events = auth_events_for(version, &kind, sender, state_key, &content, &self.state).unwrap();
        let prev_events = self.extremities.prev_events();
        let frame = EventFrame {
            version,
            room_id: Some(&self.room_id),
            sender,
            prev_events: &prev_events,
            auth_events: &auth_events,
            depth: self.extremities.next_depth(),
            origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::from(1_700_000_000u32)),
        };
        let builder =
            PduBuilder { kind, state_key: state_key.map(ToOwned::to_owned), content, redacts: None };
        let pdu = builder.build(&frame, &*self.key).unwrap();
        self.extremities.advance(&pdu);
        if pdu.is_state() {
            self.state.insert(pdu.clone());
        }
        pdu
    }
}

struct Scene {
    _machine: Machine,
    server: Life,
    alice: Client,
    room_id: OwnedRoomId,
    bob: OwnedUserId,
    key: Arc<ServerKey>,
}

impl Scene {
    /// A room of alice's that bob of another server has joined; bob may set the topic.
    async fn open() -> Self {
        let machine = Machine::new(1);
        let server = machine.start(Adversity::none(), None).await.unwrap();
        let alice = Client::new(user("alice"));
        let room_id = server.found_room(&alice.user, 1).await.unwrap();
        let bob = owned_user_id!("@bob:other.example");
        let levels =
            json!({"users": {bob.as_str(): 50}, "state_default": 100, "events": {"m.room.topic": 50}});
        let handle = server.node.rooms().handle(&room_id);
        handle.send(state(&alice.user, "m.room.power_levels", "", &levels)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let name = owned_server_name!("other.example");
        let (key, _) = ServerKey::load_or_create(&folder.path().join("key"), name).unwrap();
        let scene = Self { _machine: machine, server, alice, room_id, bob, key: Arc::new(key) };
        let join = scene.branch().await.event(
            &scene.bob,
            "m.room.member",
            Some(scene.bob.as_str()),
            &json!({"membership": "join"}),
        );
        scene.receives(&join).await.unwrap();
        scene
    }

    fn node(&self) -> &Node {
        &self.server.node
    }

    async fn view(&self) -> Arc<RoomView> {
        self.node().rooms().view(&self.room_id).await.unwrap()
    }

    async fn branch(&self) -> Branch {
        Branch::of(&*self.view().await, &self.key)
    }

    async fn receives(&self, pdu: &Pdu) -> Result<Received, IngestError> {
        self.node().ingest().receive(&self.room_id, pdu.clone(), Source::Here).await
    }

    async fn says(&self, kind: &str, content: &Value) {
        let handle = self.node().rooms().handle(&self.room_id);
        handle.send(state(&self.alice.user, kind, "", content)).await.unwrap();
    }

    async fn topic(&self) -> Option<String> {
        self.view().await.state.topic().map(ToOwned::to_owned)
    }
}

#[tokio::test]
async fn a_fork_adds_an_extremity_and_the_next_local_event_heals_it() {
    let mut scene = Scene::open().await;
    let mut fork = scene.branch().await;
    scene.says("m.room.name", &json!({"name": "ours"})).await;

    let theirs = fork.event(&scene.bob, "m.room.topic", Some(""), &json!({"topic": "theirs"}));
    scene.receives(&theirs).await.unwrap();

    let view = scene.view().await;
    assert_eq!(view.extremities.len(), 2);
    assert_eq!((view.state.name(), view.state.topic()), (Some("ours"), Some("theirs")));

    assert!(scene.alice.sends(&scene.server.node, &scene.room_id).await.unwrap());
    assert_eq!(scene.view().await.extremities.len(), 1);
}

#[tokio::test]
async fn a_fork_shows_in_the_metrics() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let scrape = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let scene = Scene::open().await;
    let mut fork = scene.branch().await;
    scene.says("m.room.name", &json!({"name": "ours"})).await;

    let theirs = fork.event(&scene.bob, "m.room.topic", Some(""), &json!({"topic": "theirs"}));
    scene.receives(&theirs).await.unwrap();
    scene.node().rooms().passivate(std::time::Duration::MAX, usize::MAX);

    let text = scrape.render();
    for series in [
        "room_extremities_max 2",
        "rooms_by_extremities{extremities=\"2 to 10\"} 1",
        "state_resolution_seconds_count 1",
        "actor_handle_seconds_count{kind=\"ingest\"} 2",
    ] {
        assert!(text.contains(&format!("playhouse_{series}\n")), "no {series} in\n{text}");
    }
}

#[tokio::test]
async fn a_message_from_behind_a_ban_is_soft_failed_and_shown_to_nobody() {
    let mut scene = Scene::open().await;
    let mut fork = scene.branch().await;
    let banned = json!({"membership": "ban"});
    let handle = scene.node().rooms().handle(&scene.room_id);
    handle.send(state(&scene.alice.user, "m.room.member", scene.bob.as_str(), &banned)).await.unwrap();

    let message = fork.event(&scene.bob, "m.room.message", None, &json!({"body": "hi", "msgtype": "m.text"}));
    scene.receives(&message).await.unwrap();

    let view = scene.view().await;
    let logged = view.recent(message.event_id()).unwrap();
    assert_eq!(logged.standing, PduStanding::SoftFailed);
    assert!(!view.extremities.contains(message.event_id()));
    assert!(scene.alice.syncs(&scene.server.node, std::time::Duration::ZERO).await.unwrap());
    assert!(!scene.alice.seen[&scene.room_id].contains(&message.event_id().to_owned()));
}

#[tokio::test]
async fn an_event_without_permission_is_rejected_and_known_from_then_on() {
    let scene = Scene::open().await;
    let mut fork = scene.branch().await;
    let rename = fork.event(
        &scene.bob,
        "m.room.tombstone",
        Some(""),
        &json!({"body": "", "replacement_room": "!x:y"}),
    );

    let first = scene.receives(&rename).await;
    let again = scene.receives(&rename).await;

    assert!(matches!(first, Err(IngestError::Rejected(_))), "{first:?}");
    assert!(matches!(again, Err(IngestError::Rejected(_))), "{again:?}");
    let view = scene.view().await;
    assert!(!view.recent(rename.event_id()).unwrap().is_visible());
    assert!(
        view.state.get("m.room.tombstone", "").is_none() && !view.extremities.contains(rename.event_id())
    );
}

#[tokio::test]
async fn what_follows_a_rejected_event_is_judged_by_the_state_before_both() {
    let scene = Scene::open().await;
    let mut fork = scene.branch().await;
    let tombstone = json!({"body": "", "replacement_room": "!x:y"});
    let refused = fork.event(&scene.bob, "m.room.tombstone", Some(""), &tombstone);
    let message = json!({"body": "still here", "msgtype": "m.text"});
    let after = fork.event(&scene.bob, "m.room.message", None, &message);

    scene.receives(&refused).await.unwrap_err();
    let taken = scene.receives(&after).await;

    assert!(matches!(taken, Ok(Received::Appended(_))), "{taken:?}");
    let view = scene.view().await;
    assert!(view.recent(after.event_id()).unwrap().is_visible());
    assert!(view.state.get("m.room.tombstone", "").is_none());
}

#[tokio::test]
async fn an_event_whose_past_is_unknown_names_what_is_missing() {
    let scene = Scene::open().await;
    let mut fork = scene.branch().await;
    let first = fork.event(&scene.bob, "m.room.message", None, &json!({"body": "1", "msgtype": "m.text"}));
    let second = fork.event(&scene.bob, "m.room.message", None, &json!({"body": "2", "msgtype": "m.text"}));

    let refused = scene.receives(&second).await;

    assert!(
        matches!(&refused, Err(IngestError::MissingPrev(ids)) if ids == &[first.event_id().to_owned()]),
        "{refused:?}"
    );
    scene.receives(&first).await.unwrap();
    scene.receives(&second).await.unwrap();
}

// Time stands still, so both servers found the same room: event ids do not depend on signatures.
#[tokio::test(start_paused = true)]
async fn the_same_forks_resolve_to_the_same_state_in_any_order_and_after_a_restart() {
    let mut topics = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let scene = Scene::open().await;
        let base = scene.branch().await;
        let (mut left, mut right) = (base.clone(), base);
        let events = [
            left.event(&scene.bob, "m.room.topic", Some(""), &json!({"topic": "left"})),
            right.event(&scene.bob, "m.room.topic", Some(""), &json!({"topic": "right"})),
        ];
        for index in order {
            scene.receives(&events[index]).await.unwrap();
        }
        let topic = scene.topic().await;

        scene.node().rooms().handle(&scene.room_id).inject_panic().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(scene.topic().await, topic);
        topics.push(topic);
    }
    assert!(topics[0].is_some());
    assert_eq!(topics[0], topics[1]);
}

#[tokio::test]
async fn a_panicking_ingest_is_back_with_the_next_event_and_the_room_never_noticed() {
    let mut scene = Scene::open().await;
    let message = json!({"body": "hi", "msgtype": "m.text"});
    let theirs = scene.branch().await.event(&scene.bob, "m.room.message", None, &message);

    scene.node().ingest().inject_panic(&scene.room_id).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;

    assert!(scene.alice.sends(&scene.server.node, &scene.room_id).await.unwrap());
    scene.receives(&theirs).await.unwrap();
    assert!(scene.view().await.recent(theirs.event_id()).is_some());
}
