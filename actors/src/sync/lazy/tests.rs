//! The laws of lazy loading, on a server with rooms in it.

use std::{collections::BTreeMap, time::Duration};

use proptest::{prelude::*, test_runner::Config};
use ruma::OwnedRoomId;
use serde_json::{Value, json, value::RawValue};

use crate::{
    joining::Measure,
    sync::{SyncRequest, response::JoinedRoom, sync},
    testing::{Person, Theatre, value},
    token::SyncToken,
};

/// Events of a timeline: fewer than are sent between some syncs.
const LIMIT: usize = 3;

/// Who writes in the room, beside the reader.
const WRITERS: [&str; 3] = ["bob", "carol", "dave"];

/// A room of a few, and a client of one of them that loads members lazily.
struct Scene<'t> {
    theatre: &'t Theatre,
    owner: Person<'t>,
    writers: Vec<Person<'t>>,
    reader: Person<'t>,
    room: OwnedRoomId,
    client: Client,
    sent: usize,
}

/// What a client holds.
#[derive(Debug, Clone, Default)]
struct Client {
    since: Option<SyncToken>,
    /// The event of each member that it was told of.
    members: BTreeMap<String, String>,
}

/// How a client asks.
#[derive(Debug, Clone, Copy)]
struct Asking {
    device: &'static str,
    redundant: bool,
    full_state: bool,
    state_after: bool,
}

const ASKING: Asking = Asking { device: "PHONE", redundant: false, full_state: false, state_after: false };

impl<'t> Scene<'t> {
    async fn of(theatre: &'t Theatre) -> Self {
        let owner = theatre.person("alice").await;
        let room = owner.opens_a_room().await;
        let mut writers = Vec::new();
        for name in WRITERS {
            let writer = theatre.person(name).await;
            writer.joins(&room).await.unwrap();
            writers.push(writer);
        }
        let reader = theatre.person("reader").await;
        reader.joins(&room).await.unwrap();
        let mut scene = Self { theatre, owner, writers, reader, room, client: Client::default(), sent: 0 };
        // A room with a name has no heroes.
        scene.owner.sets(&scene.room, ("m.room.name", ""), json!({ "name": "Stage" })).await.unwrap();
        for _ in 0..LIMIT {
            scene.says(0).await;
        }
        scene
    }

    async fn says(&mut self, writer: usize) {
        self.sent += 1;
        // Whoever is not in the room cannot.
        let content = json!({ "body": "hello" });
        let id = format!("t{}", self.sent);
        let _ = self.writers[writer].sends(&self.room, "m.room.message", &id, content).await;
    }

    async fn renames(&mut self, writer: usize) {
        self.sent += 1;
        let content = json!({ "membership": "join", "displayname": format!("name {}", self.sent) });
        let who = self.writers[writer].id.clone();
        let _ = self.writers[writer].sets(&self.room, ("m.room.member", who.as_str()), content).await;
    }

    /// What the client is told now; it has not taken it in.
    async fn is_told(&self, since: Option<SyncToken>, asking: Asking) -> (SyncToken, Told) {
        let state = json!({ "lazy_load_members": true, "include_redundant_members": asking.redundant });
        let filter = json!({ "room": { "state": state, "timeline": { "limit": LIMIT } } });
        let request = SyncRequest {
            user: self.reader.id.clone(),
            device: Some(asking.device.into()),
            since,
            filter: serde_json::from_value(filter).unwrap(),
            full_state: asking.full_state,
            use_state_after: asking.state_after,
            timeout: Duration::ZERO,
        };
        // Each answer has a token of its own, as it has where clients are further away.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut response = sync(&self.theatre.node, &request).await.unwrap();
        let next = self.theatre.node.tokens().decode(&response.next_batch).unwrap();
        (next, Told::of(response.rooms.join.remove(&self.room).unwrap_or_default()))
    }

    /// Asks, takes in what comes, and names the members that came as state.
    async fn syncs(&mut self, asking: Asking) -> Vec<String> {
        let (next, told) = self.is_told(self.client.since.clone(), asking).await;
        self.client.since = Some(next);
        told.members()
            .map(|(user, event_id)| {
                self.client.members.insert(user.to_owned(), event_id.to_owned());
                user.split(':').next().unwrap_or_default().trim_start_matches('@').to_owned()
            })
            .collect()
    }
}

/// What came of the room.
struct Told {
    state: Vec<Value>,
    timeline: Vec<Value>,
}

impl Told {
    fn of(room: JoinedRoom) -> Self {
        let values = |events: &[Box<RawValue>]| events.iter().map(|raw| value(raw)).collect();
        let state = room.state.or(room.state_after).unwrap_or_default();
        Self { state: values(&state.events), timeline: values(&room.timeline.events) }
    }

    fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.state.iter().filter_map(member)
    }
}

/// Of a member event: whose it is, and its id.
fn member(event: &Value) -> Option<(&str, &str)> {
    (event["type"] == "m.room.member").then(|| (text(&event["state_key"]), text(&event["event_id"])))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn who_was_sent_is_not_sent_again_unless_the_client_wants_it_so() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    assert_eq!(scene.syncs(ASKING).await, ["bob", "reader"], "the first writer and oneself");

    scene.says(0).await;
    scene.says(1).await;
    assert_eq!(scene.syncs(ASKING).await, ["carol"], "the other is known");
    scene.says(0).await;
    scene.says(1).await;
    assert!(scene.syncs(ASKING).await.is_empty(), "both are known");

    scene.says(0).await;
    scene.says(1).await;
    let redundant = Asking { redundant: true, ..ASKING };
    assert_eq!(scene.syncs(redundant).await, ["bob", "carol"]);
}

#[tokio::test]
async fn a_member_whose_event_changed_is_sent_anew() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    scene.syncs(ASKING).await;

    scene.renames(0).await;
    for _ in 0..LIMIT {
        scene.says(0).await;
    }

    assert_eq!(scene.syncs(ASKING).await, ["bob"], "the change lies before the timeline");
    scene.renames(0).await;
    scene.says(0).await;
    assert!(scene.syncs(ASKING).await.is_empty(), "the timeline tells the change");
    scene.says(0).await;
    assert!(scene.syncs(ASKING).await.is_empty(), "and need not be told again");
}

#[tokio::test]
async fn who_was_in_a_lost_response_is_sent_again() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    scene.syncs(ASKING).await;
    scene.says(1).await;

    let since = scene.client.since.clone();
    for _ in 0..3 {
        let (_, told) = scene.is_told(since.clone(), ASKING).await;
        assert_eq!(told.members().map(|(user, _)| user).collect::<Vec<_>>(), ["@carol:test"]);
    }
}

#[tokio::test]
async fn a_full_state_and_a_first_sync_are_whole_and_begin_anew() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    scene.syncs(ASKING).await;
    scene.says(1).await;
    scene.syncs(ASKING).await;

    let full = Asking { full_state: true, ..ASKING };
    assert_eq!(scene.syncs(full).await, ["reader"], "no timeline, so nobody but oneself");
    scene.says(0).await;
    assert_eq!(scene.syncs(ASKING).await, ["bob"], "what came before the full state is forgotten");

    scene.client = Client::default();
    let mut first = scene.syncs(ASKING).await;
    first.sort_unstable();
    assert_eq!(first, ["bob", "carol", "reader"]);
}

#[tokio::test]
async fn each_device_and_each_stay_is_told_by_itself() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    scene.syncs(ASKING).await;
    scene.says(0).await;
    let laptop = Asking { device: "LAPTOP", ..ASKING };
    let (_, told) = scene.is_told(scene.client.since.clone(), laptop).await;
    assert_eq!(told.members().count(), 1, "the other device was not there");
    assert!(scene.syncs(ASKING).await.is_empty());

    scene.reader.leaves(&scene.room).await.unwrap();
    scene.syncs(ASKING).await;
    for _ in 0..LIMIT {
        scene.says(1).await;
    }
    scene.reader.joins(&scene.room).await.unwrap();
    assert_eq!(scene.syncs(ASKING).await, ["carol", "reader"]);
    scene.says(0).await;

    assert_eq!(scene.syncs(ASKING).await, ["bob"], "what the client had went when its user left");
}

#[tokio::test]
async fn a_stream_that_starts_anew_sends_members_again() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    scene.syncs(ASKING).await;
    scene.says(0).await;

    theatre.node.users().passivate(Duration::ZERO, usize::MAX);
    tokio::time::sleep(Duration::from_millis(50)).await;

    assert_eq!(scene.syncs(ASKING).await, ["bob"]);
}

#[tokio::test]
async fn beyond_its_memory_a_server_sends_members_again() {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    scene.syncs(ASKING).await;
    scene.says(0).await;
    let never = Duration::MAX;

    theatre.node.users().passivate(never, usize::MAX);
    assert!(scene.syncs(ASKING).await.is_empty(), "there is room for it");

    scene.says(0).await;
    theatre.node.users().passivate(never, 0);
    assert_eq!(scene.syncs(ASKING).await, ["bob"]);
}

/// What happens between syncs, and what becomes of them.
#[derive(Debug, Clone)]
enum Step {
    Says(usize),
    Renames(usize),
    Leaves(usize),
    Joins(usize),
    IsKicked(usize),
    Syncs,
    /// The response is lost: the client stays where it is.
    SyncsInVain,
    /// The client is restored from what it held so many syncs ago.
    GoesBack(usize),
    GetsFullState,
    /// The client's user goes and comes back.
    ReaderReturns,
    /// The server forgets whom it sent.
    StreamRestarts,
}

fn step() -> impl Strategy<Value = Step> {
    let writer = 0..WRITERS.len();
    prop_oneof![
        6 => writer.clone().prop_map(Step::Says),
        2 => writer.clone().prop_map(Step::Renames),
        1 => writer.clone().prop_map(Step::Leaves),
        1 => writer.clone().prop_map(Step::Joins),
        1 => writer.prop_map(Step::IsKicked),
        6 => Just(Step::Syncs),
        3 => Just(Step::SyncsInVain),
        1 => (1_usize..4).prop_map(Step::GoesBack),
        1 => Just(Step::GetsFullState),
        1 => Just(Step::ReaderReturns),
        1 => Just(Step::StreamRestarts),
    ]
}

/// The member event of each event's sender before it, and of everybody now, as the log says.
async fn oracle(scene: &Scene<'_>) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let view = scene.theatre.node.rooms().view(&scene.room).await.unwrap();
    assert_eq!(view.tail_start(), 0, "the whole log is in memory");
    let (mut before, mut now) = (BTreeMap::new(), BTreeMap::new());
    for event in &view.tail {
        let (id, pdu) = (event.pdu.event_id().to_string(), &event.pdu);
        if let Some(member) = now.get(pdu.sender().as_str()) {
            before.insert(id.clone(), String::clone(member));
        }
        if pdu.kind_str() == "m.room.member" {
            now.insert(pdu.state_key().unwrap().to_owned(), id);
        }
    }
    (before, now)
}

/// The client takes in a response, and knows everybody whom it must show.
async fn takes_in(scene: &mut Scene<'_>, next: SyncToken, told: &Told, state_after: bool) {
    let (before, now) = oracle(scene).await;
    let members = &mut scene.client.members;
    members.extend(told.members().map(|(user, id)| (user.to_owned(), id.to_owned())));
    for event in &told.timeline {
        let (sender, id) = (text(&event["sender"]), text(&event["event_id"]));
        let expected = if state_after { now.get(sender) } else { before.get(id) };
        if let Some(expected) = expected {
            assert_eq!(members.get(sender), Some(expected), "{sender} at {event}");
        }
        if let Some((user, id)) = member(event) {
            if state_after {
                assert_eq!(members.get(user), now.get(user), "{user} after {event}");
            } else {
                members.insert(user.to_owned(), id.to_owned());
            }
        }
    }
    scene.client.since = Some(next);
}

async fn plays(steps: &[Step], state_after: bool) {
    let theatre = Theatre::open().await;
    let mut scene = Scene::of(&theatre).await;
    let asking = Asking { state_after, ..ASKING };
    let mut past = Vec::new();
    for step in steps {
        let who = match step {
            Step::Leaves(n) | Step::Joins(n) | Step::IsKicked(n) => scene.writers[*n].clone(),
            _ => scene.reader.clone(),
        };
        // What cannot be done, such as to join twice, changes nothing.
        match step {
            Step::Says(n) => scene.says(*n).await,
            Step::Renames(n) => scene.renames(*n).await,
            Step::Leaves(_) => drop(who.leaves(&scene.room).await),
            Step::Joins(_) => drop(who.joins(&scene.room).await),
            Step::IsKicked(_) => drop(scene.owner.moderates(&scene.room, &who, Measure::Kick).await),
            Step::Syncs | Step::GetsFullState => {
                past.push(scene.client.clone());
                let full_state = matches!(step, Step::GetsFullState);
                let asking = Asking { full_state, ..asking };
                let (next, told) = scene.is_told(scene.client.since.clone(), asking).await;
                takes_in(&mut scene, next, &told, state_after).await;
            }
            Step::SyncsInVain => drop(scene.is_told(scene.client.since.clone(), asking).await),
            Step::GoesBack(syncs) => {
                past.truncate(past.len().saturating_sub(syncs - 1));
                scene.client = past.pop().unwrap_or_default();
            }
            Step::ReaderReturns => {
                who.leaves(&scene.room).await.unwrap();
                past.push(scene.client.clone());
                let (next, _) = scene.is_told(scene.client.since.clone(), asking).await;
                // What a client has of a room goes with it.
                scene.client = Client { since: Some(next), members: BTreeMap::new() };
                who.joins(&scene.room).await.unwrap();
            }
            Step::StreamRestarts => {
                theatre.node.users().passivate(Duration::ZERO, usize::MAX);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_lazy_client_knows_every_sender_whatever_is_lost_and_forgotten(
        steps in proptest::collection::vec(step(), 1..40),
        state_after in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(plays(&steps, state_after));
    }
}
