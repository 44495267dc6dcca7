//! The laws of forward extremities.

use proptest::prelude::*;
use ruma::event_id;

use super::*;
use crate::testing::{ALICE, TestRoom};

#[test]
fn an_event_replaces_what_it_references() {
    let mut room = TestRoom::new("11");

    let first = room.says(ALICE, "one");
    let second = room.says(ALICE, "two");

    assert_eq!(second.prev_events(), [first.event_id().to_owned()]);
    assert_eq!(room.extremities.len(), 1);
    assert!(room.extremities.contains(second.event_id()));
}

#[test]
fn an_event_leaves_what_it_does_not_reference() {
    let mut room = TestRoom::new("11");
    let mut fork = room.clone();
    let ours = room.says(ALICE, "ours");
    let theirs = fork.says(ALICE, "theirs");

    room.extremities.advance(&theirs);

    assert_eq!(room.extremities.len(), 2);
    let merge = room.says(ALICE, "merge");
    assert_eq!(merge.prev_events().len(), 2);
    assert_eq!(merge.depth(), ours.depth() + 1);
    assert_eq!(room.extremities.len(), 1);
}

#[test]
fn an_event_that_is_an_extremity_already_changes_nothing() {
    let mut room = TestRoom::new("11");
    let message = room.says(ALICE, "one");
    let before = room.extremities.clone();

    room.extremities.advance(&message);

    assert_eq!(room.extremities, before);
}

#[test]
fn an_own_event_follows_the_ten_newest_and_the_others_stay() {
    let mut room = TestRoom::new("11");
    let forks: Vec<_> = (0..25)
        .map(|number| {
            let mut fork = room.clone();
            fork.says(ALICE, &format!("fork {number}"))
        })
        .collect();
    for message in &forks {
        room.extremities.advance(message);
    }
    assert_eq!(room.extremities.len(), 25);

    let merge = room.says(ALICE, "merge");

    let newest: Vec<_> = forks.iter().rev().take(10).map(|pdu| pdu.event_id().to_owned()).collect();
    assert_eq!(merge.prev_events(), newest);
    assert_eq!(room.extremities.len(), 16);
}

#[test]
fn a_room_without_events_begins_at_depth_one() {
    assert_eq!(Extremities::new().next_depth(), 1);
    assert!(Extremities::new().prev_events().is_empty());
}

#[test]
fn no_depth_goes_beyond_what_canonical_json_can_write() {
    let extremities: Extremities =
        [Extremity { event_id: event_id!("$deep").to_owned(), depth: u64::MAX }].into_iter().collect();

    assert_eq!(extremities.next_depth(), MAX_DEPTH);
}

proptest! {
    /// An extremity disappears only when an event references it.
    #[test]
    fn no_extremity_is_ever_dropped_unreferenced(depths in prop::collection::vec(0_u64..50, 1..40)) {
        let extremities: Extremities = depths
            .iter()
            .enumerate()
            .map(|(index, depth)| Extremity {
                event_id: EventId::parse(format!("$event{index}")).unwrap(),
                depth: *depth,
            })
            .collect();
        let picked = extremities.prev_events();

        let mut after = extremities.clone();
        after.remove_referenced(&picked);

        prop_assert!(picked.len() <= MAX_OWN_PREV_EVENTS);
        prop_assert_eq!(after.len() + picked.len(), extremities.len());
        let deepest_left = after.max_depth().unwrap_or(0);
        let shallowest_picked = extremities
            .iter()
            .filter(|extremity| picked.contains(&extremity.event_id))
            .map(|extremity| extremity.depth)
            .min()
            .unwrap();
        prop_assert!(deepest_left <= shallowest_picked);
    }
}
