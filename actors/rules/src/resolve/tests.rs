//! The laws of state resolution. The oracle is ruma's algorithm on whole states and whole auth chains, on rooms that
//! fork, merge and fork again at random.

use proptest::prelude::*;
use ruma::{EventId, state_res::utils::event_id_set::EventIdSet};
use serde_json::{Value, json};

use super::*;
use crate::testing::{ALICE, BOB, CAROL, TestRoom, cases, user};

const DAVE: &str = "@dave:d.example";
const ERIN: &str = "@erin:a.example";
const USERS: &[&str] = &[ALICE, BOB, CAROL, DAVE, ERIN];

/// Something that a user tries to do. What is not allowed does not happen.
#[derive(Debug, Clone)]
enum Action {
    Member { target: usize, membership: &'static str },
    Level { target: usize, level: i64 },
    StateDefault { level: i64 },
    JoinRule { rule: &'static str },
    Name { name: u8 },
    Message,
}

#[derive(Debug, Clone)]
struct Step {
    actor: usize,
    action: Action,
    /// Milliseconds that the clock of the actor's server moves on, or back.
    clock: i64,
}

fn steps(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let target = 0..USERS.len();
    let action = prop_oneof![
        6 => (target.clone(), prop::sample::select(vec!["join", "leave", "invite", "ban"]))
            .prop_map(|(target, membership)| Action::Member { target, membership }),
        3 => (target, prop::sample::select(vec![0, 49, 50, 51, 100]))
            .prop_map(|(target, level)| Action::Level { target, level }),
        1 => prop::sample::select(vec![0, 50, 60]).prop_map(|level| Action::StateDefault { level }),
        2 => prop::sample::select(vec!["public", "invite", "knock"]).prop_map(|rule| Action::JoinRule { rule }),
        3 => (0_u8..4).prop_map(|name| Action::Name { name }),
        1 => Just(Action::Message),
    ];
    let step = (0..USERS.len(), action, prop::sample::select(vec![-5000_i64, -1000, 0, 500]))
        .prop_map(|(actor, action, clock)| Step { actor, action, clock });
    prop::collection::vec(step, length)
}

impl Step {
    fn run(&self, room: &mut TestRoom) {
        room.now = room.now.saturating_add_signed(self.clock);
        let actor = USERS[self.actor];
        let (kind, state_key, content) = match &self.action {
            Action::Member { target, membership } => {
                // Joining is for oneself; the rest may be done to oneself or to another.
                let target = if *membership == "join" { actor } else { USERS[*target] };
                ("m.room.member", Some(target), json!({ "membership": membership }))
            }
            Action::Level { target, level } => {
                let mut content = power_levels(room);
                content["users"][USERS[*target]] = (*level).into();
                ("m.room.power_levels", Some(""), content)
            }
            Action::StateDefault { level } => {
                let mut content = power_levels(room);
                content["state_default"] = (*level).into();
                ("m.room.power_levels", Some(""), content)
            }
            Action::JoinRule { rule } => ("m.room.join_rules", Some(""), json!({ "join_rule": rule })),
            Action::Name { name } => ("m.room.name", Some(""), json!({ "name": name.to_string() })),
            Action::Message => ("m.room.message", None, json!({})),
        };
        let _ = room.try_send(actor, kind, state_key, content);
    }
}

/// The content of the power levels. A fork may have none: nothing says that resolution keeps them.
fn power_levels(room: &TestRoom) -> Value {
    room.state.get("m.room.power_levels", "").map_or_else(|| json!({}), |pdu| pdu.content_as().unwrap())
}

/// ruma's answer to whole states.
fn by_the_book(version: &'static RoomVersion, states: &[RoomState], room: &TestRoom) -> RoomState {
    let StateResolutionVersion::V2(rules) = &version.rules().state_res else { unreachable!() };
    let maps: Vec<StateMap<OwnedEventId>> = states
        .iter()
        .map(|state| {
            let entry = |pdu: &Pdu| {
                let key = (StateEventType::from(pdu.kind_str()), pdu.state_key().unwrap().to_owned());
                (key, pdu.event_id().to_owned())
            };
            state.iter().map(entry).collect()
        })
        .collect();
    let chains = maps.iter().map(|map| chain_of(map.values(), room)).collect();
    let resolved = state_res::resolve(
        &version.rules().authorization,
        rules,
        &maps,
        chains,
        |id| room.fetch(id),
        |conflicted| {
            let conflicted: Vec<_> = conflicted.values().flatten().collect();
            let reaches_one = |id: &EventId| {
                let chain = chain_of([&id.to_owned()], room);
                conflicted.iter().any(|other| chain.contains(other))
            };
            let below = chain_of(conflicted.iter().copied(), room);
            Some(below.into_iter().filter(|id| reaches_one(id)).collect())
        },
    )
    .unwrap();
    let mut state = RoomState::new(version);
    state.extend(resolved.values().map(|id| room.fetch(id).unwrap()));
    state
}

fn chain_of<'a>(
    ids: impl IntoIterator<Item = &'a OwnedEventId>,
    room: &TestRoom,
) -> EventIdSet<OwnedEventId> {
    let mut chain = EventIdSet::new();
    let mut open: Vec<_> = ids.into_iter().cloned().collect();
    while let Some(id) = open.pop() {
        if chain.insert(id.clone()) {
            open.extend(room.fetch(&id).unwrap().auth_events().iter().cloned());
        }
    }
    chain
}

/// Several forks of one room, run each for itself and then resolved into one.
fn fork_and_merge(room: &mut TestRoom, forks: &[Vec<Step>]) -> (RoomState, RoomState) {
    let version = room.state.version();
    let mut states = Vec::new();
    let base = room.clone();
    for steps in forks {
        let mut fork = base.clone();
        for step in steps {
            step.run(&mut fork);
        }
        room.events.extend(fork.events);
        states.push(fork.state);
        for extremity in &fork.extremities {
            let head = room.fetch(&extremity.event_id).unwrap();
            room.extremities.advance(&head);
        }
    }
    let ours = resolve(version, &states, &|id| room.fetch(id)).unwrap();
    let theirs = by_the_book(version, &states, room);
    room.state = ours.clone();
    (ours, theirs)
}

fn agrees_with_the_book(version: &str, rounds: &[Vec<Vec<Step>>]) {
    let mut room = TestRoom::new(version);
    for name in &USERS[1..] {
        room.joins(name);
    }
    let levels = json!({ "users": { BOB: 100, CAROL: 50 }, "events": { "m.room.name": 0 } });
    let mut content = power_levels(&room);
    content["users"].as_object_mut().unwrap().extend(levels["users"].as_object().unwrap().clone());
    content["events"] = levels["events"].clone();
    room.sends(ALICE, "m.room.power_levels", Some(""), content);
    for forks in rounds {
        let (ours, theirs) = fork_and_merge(&mut room, forks);
        let names = |state: &RoomState| {
            state
                .iter()
                .map(|pdu| {
                    (
                        pdu.kind_str().to_owned(),
                        pdu.state_key().unwrap().to_owned(),
                        pdu.event_id().to_owned(),
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&ours), names(&theirs));
    }
}

fn rounds() -> impl Strategy<Value = Vec<Vec<Vec<Step>>>> {
    prop::collection::vec(prop::collection::vec(steps(0..8), 2..4), 1..4)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn trimmed_resolution_of_version_two_is_the_whole_one(rounds in rounds()) {
        agrees_with_the_book("11", &rounds);
    }

    #[test]
    fn trimmed_resolution_of_version_two_point_one_is_the_whole_one(rounds in rounds()) {
        agrees_with_the_book("12", &rounds);
    }

    /// Two servers that know the same forks arrive at the same state, in whatever order they heard of them.
    #[test]
    fn the_order_of_the_states_does_not_matter(forks in prop::collection::vec(steps(1..8), 3), twelve in any::<bool>()) {
        let room = TestRoom::new(if twelve { "12" } else { "10" });
        let mut events = room.events.clone();
        let mut states = Vec::new();
        for steps in &forks {
            let mut fork = room.clone();
            for step in steps {
                step.run(&mut fork);
            }
            events.extend(fork.events);
            states.push(fork.state);
        }
        let fetch = |id: &EventId| events.get(id).cloned();
        let version = room.state.version();
        let one = resolve(version, &states, &fetch).unwrap();
        states.rotate_left(1);
        let other = resolve(version, &states, &fetch).unwrap();
        states.swap(0, 1);
        let third = resolve(version, &states, &fetch).unwrap();
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(&one, &third);
    }
}

#[test]
fn states_that_agree_are_their_own_resolution() {
    let room = TestRoom::new("12");
    let states = [room.state.clone(), room.state.clone(), room.state.clone()];

    let resolved = resolve(room.state.version(), &states, &|_| panic!("nothing to fetch")).unwrap();

    assert_eq!(resolved, room.state);
}

#[test]
fn no_state_is_no_resolution() {
    let version = crate::testing::version("12");

    assert!(matches!(resolve(version, &[], &|_| None), Err(ResolveError::NoStates)));
}

#[test]
fn who_is_banned_in_one_fork_has_no_say_in_the_other() {
    for version in RoomVersion::SUPPORTED {
        let mut room = TestRoom::new(version.id().as_str());
        room.joins(BOB);
        let mut levels = power_levels(&room);
        levels["users"][BOB] = 50.into();
        room.sends(ALICE, "m.room.power_levels", Some(""), levels);
        let (mut ban, mut rename) = (room.clone(), room.clone());
        ban.sends(ALICE, "m.room.member", Some(BOB), json!({ "membership": "ban" }));
        rename.sends(BOB, "m.room.name", Some(""), json!({ "name": "mine" }));
        room.events.extend(ban.events.into_iter().chain(rename.events));

        let resolved = resolve(version, &[ban.state, rename.state], &|id| room.fetch(id)).unwrap();

        assert!(!resolved.is_joined(user(BOB)));
        assert_eq!(resolved.name(), None);
    }
}

#[test]
fn changes_of_different_keys_both_stand() {
    let mut room = TestRoom::new("12");
    let (mut name, mut topic) = (room.clone(), room.clone());
    name.sends(ALICE, "m.room.name", Some(""), json!({ "name": "a name" }));
    topic.sends(ALICE, "m.room.topic", Some(""), json!({ "topic": "a topic" }));
    room.events.extend(name.events.into_iter().chain(topic.events));

    let states = [name.state, topic.state];
    let resolved = resolve(room.state.version(), &states, &|id| room.fetch(id)).unwrap();

    assert_eq!((resolved.name(), resolved.topic()), (Some("a name"), Some("a topic")));
    assert_eq!(resolved.len(), room.state.len() + 2);
}
