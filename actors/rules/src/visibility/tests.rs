//! The laws of history visibility: every cell of the specification's table, then the two exceptions.

use HistoryVisibility::{Invited, Joined, Shared, WorldReadable};
use MembershipState::{Ban, Invite, Join, Knock, Leave};
use serde_json::json;

use super::*;
use crate::testing::{ALICE, BOB, CAROL, TestRoom};

/// Rows: visibility. Columns: membership at the event. Cell: (never joined after it, joined after it).
#[test]
fn each_cell_of_the_table_is_as_the_specification_has_it() {
    let memberships = [Join, Invite, Knock, Leave, Ban];
    let (yes, no, later) = ((true, true), (false, false), (false, true));
    let table = [
        (WorldReadable, [yes, yes, yes, yes, yes]),
        (Shared, [yes, later, later, later, later]),
        (Invited, [yes, yes, no, no, no]),
        (Joined, [yes, no, no, no, no]),
        (HistoryVisibility::from("org.example.odd"), [yes, later, later, later, later]),
    ];

    for (visibility, cells) in table {
        for (membership, (not_later, joined_later)) in memberships.iter().zip(cells) {
            let cell = format!("{visibility} {membership}");
            assert_eq!(allows(&visibility, membership, false), not_later, "{cell}");
            assert_eq!(allows(&visibility, membership, true), joined_later, "{cell}, joined later");

            // The same through a timeline: the event at 10, a join at 20 or none.
            for (joins, expected) in [(false, not_later), (true, joined_later)] {
                let mut memberships = vec![(5, membership.clone())];
                if joins {
                    memberships.push((20, Join));
                }
                let timeline = VisibilityTimeline::new(vec![(1, visibility.clone())], memberships);
                assert_eq!(timeline.may_see(10, None), expected, "{cell}, joins: {joins}");
            }
        }
    }
}

#[test]
fn a_room_that_says_nothing_is_shared_and_a_stranger_is_not_in_it() {
    let stranger = VisibilityTimeline::new(vec![], vec![]);
    let joiner = VisibilityTimeline::new(vec![], vec![(7, Join)]);

    assert!(!stranger.may_see(3, None) && !stranger.may_see_now());
    assert!(joiner.may_see(3, None) && joiner.may_see(8, None) && joiner.may_see_now());
}

#[test]
fn who_left_keeps_what_came_before_and_gets_nothing_after() {
    for (visibility, before_join) in [(Shared, true), (Joined, false), (Invited, false)] {
        let timeline = VisibilityTimeline::new(vec![(1, visibility.clone())], vec![(10, Join), (20, Leave)]);

        assert_eq!(timeline.may_see(5, None), before_join, "{visibility}");
        assert!(timeline.may_see(15, None), "{visibility}");
        assert!(!timeline.may_see(25, None), "{visibility}");
        assert!(!timeline.may_see_now());
    }
}

#[test]
fn the_time_between_leaving_and_coming_back_is_shown_only_where_history_is_shared() {
    let memberships = vec![(10, Join), (20, Leave), (30, Join)];
    let sees_gap =
        |visibility| VisibilityTimeline::new(vec![(1, visibility)], memberships.clone()).may_see(25, None);

    assert!(sees_gap(Shared) && sees_gap(WorldReadable));
    assert!(!sees_gap(Invited) && !sees_gap(Joined));
}

#[test]
fn the_invited_see_from_the_invitation_on_while_it_lasts() {
    let timeline = VisibilityTimeline::new(vec![(1, Invited)], vec![(10, Invite), (20, Leave)]);

    assert!(!timeline.may_see(5, None));
    assert!(timeline.may_see(15, None));
    assert!(!timeline.may_see(25, None));
}

#[test]
fn visibility_counts_as_it_was_when_the_event_was_sent() {
    let timeline = VisibilityTimeline::new(
        vec![(1, WorldReadable), (10, Joined), (20, WorldReadable), (30, Shared)],
        vec![],
    );

    assert!(timeline.may_see(5, None));
    assert!(!timeline.may_see(15, None));
    assert!(timeline.may_see(25, None));
    assert!(!timeline.may_see(35, None));
    assert!(!timeline.may_see_now());
}

#[test]
fn a_peeker_sees_the_room_as_it_is_while_it_is_world_readable() {
    let peeker = VisibilityTimeline::new(vec![(1, Joined), (10, WorldReadable)], vec![]);

    assert!(peeker.may_see_now());
    assert!(!peeker.may_see(5, None));
}

/// > For m.room.history_visibility events themselves, the user should be allowed to see the event if the
/// > history_visibility before *or* after the event would allow them to see it.
#[test]
fn a_change_of_visibility_is_seen_from_either_side() {
    let mut room = TestRoom::new("11");
    let mut change = |visibility: &str| {
        let content = json!({ "history_visibility": visibility });
        room.sends(ALICE, "m.room.history_visibility", Some(""), content)
    };
    let (to_world, to_joined) = (change("world_readable"), change("joined"));
    let timeline = VisibilityTimeline::new(vec![(1, Joined), (10, WorldReadable), (20, Joined)], vec![]);

    assert!(timeline.may_see(10, Some(&to_world)));
    assert!(timeline.may_see(20, Some(&to_joined)));
    assert!(!timeline.may_see(10, None), "another event at the same place goes by the state before it");
}

/// > For the user’s own m.room.member events, the user should be allowed to see the event if their membership before
/// > *or* after the event would allow them to see it.
#[test]
fn own_memberships_are_seen_from_either_side() {
    let mut room = TestRoom::new("11");
    let join = room.joins(BOB);
    let leave = room.sends(BOB, "m.room.member", Some(BOB), json!({ "membership": "leave" }));
    let timeline = VisibilityTimeline::new(vec![(1, Joined)], vec![(10, Join), (20, Leave)]);

    assert!(timeline.may_see(10, Some(&join)));
    assert!(timeline.may_see(20, Some(&leave)));
    assert!(!timeline.may_see(10, None));
}

#[test]
fn who_declines_an_invite_or_is_banned_from_a_room_sees_that_and_nothing_else() {
    let mut room = TestRoom::new("11");
    room.sends(ALICE, "m.room.member", Some(BOB), json!({ "membership": "invite" }));
    for (membership, after) in [("leave", Leave), ("ban", Ban)] {
        let event = room.sends(ALICE, "m.room.member", Some(BOB), json!({ "membership": membership }));
        for visibility in [Shared, Invited, Joined] {
            let before = vec![(10, Invite), (20, after.clone())];
            let timeline = VisibilityTimeline::new(vec![(1, visibility)], before);

            assert!(timeline.may_see(20, Some(&event)));
            assert!(!timeline.may_see(25, None));
        }
        let stranger = VisibilityTimeline::new(vec![(1, Joined)], vec![(20, after)]);
        assert!(!stranger.may_see(20, Some(&event)), "a ban of a stranger is the room's own affair");
    }
}

#[test]
fn an_own_invitation_is_seen_where_the_invited_see() {
    let mut room = TestRoom::new("11");
    let invite = room.sends(ALICE, "m.room.member", Some(BOB), json!({ "membership": "invite" }));
    let sees = |visibility| {
        VisibilityTimeline::new(vec![(1, visibility)], vec![(10, Invite)]).may_see(10, Some(&invite))
    };

    assert!(sees(Invited) && sees(WorldReadable));
    assert!(!sees(Joined) && !sees(Shared));
}

#[test]
fn the_memberships_of_others_have_no_such_exception() {
    let mut room = TestRoom::new("11");
    let other = room.joins(CAROL);
    let timeline = VisibilityTimeline::new(vec![(1, Joined)], vec![(11, Join)]);

    assert!(!timeline.may_see(10, Some(&other)));
}

#[test]
fn versions_may_be_given_in_any_order() {
    let timeline = VisibilityTimeline::new(vec![(20, Joined), (1, Shared)], vec![(30, Leave), (10, Join)]);

    assert!(timeline.may_see(5, None));
    assert!(timeline.may_see(25, None));
    assert!(!timeline.may_see(35, None));
}
