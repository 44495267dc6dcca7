//! The laws of changing memberships.

use ruma::{RoomVersionId, owned_user_id, room_id};
use serde_json::json;

use super::*;
use crate::{
    founding::{InitialState, NewRoom, Preset},
    sending::SendError,
    testing::{Theatre, map, raw},
};

fn join_rule(content: Value) -> NewRoom {
    let rule =
        InitialState { kind: "m.room.join_rules".into(), state_key: String::new(), content: raw(&content) };
    NewRoom {
        version: Some(RoomVersionId::V11),
        initial_state: vec![rule],
        ..NewRoom::new(Preset::PrivateChat)
    }
}

fn is_forbidden<T: std::fmt::Debug>(outcome: &Result<T, MembershipError>) -> bool {
    matches!(outcome, Err(MembershipError::Room(RoomError::Forbidden(_))))
}

#[tokio::test]
async fn a_join_carries_the_profile_and_what_the_client_adds() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    bob.sets_profile("displayname", "Bo").await;
    bob.sets_profile("avatar_url", "mxc://test/b").await;
    let room = alice.opens_a_room().await;

    let extra = map(json!({ "foo": "bar", "avatar_url": "mxc://test/here", "membership": "ban" }));
    let said = Said { reason: Some("hello".into()), extra };
    let first = join(&theatre.node, &bob.id, &room, &[], said).await.unwrap();

    let member = alice.sees_member(&room, &bob.id).await;
    let wanted = json!({
        "membership": "join", "displayname": "Bo", "avatar_url": "mxc://test/here", "foo": "bar", "reason": "hello",
    });
    assert_eq!(member, wanted);
    assert_eq!(bob.joins(&room).await.unwrap(), first, "joining twice is one event");
}

#[tokio::test]
async fn an_unknown_room_is_not_entered() {
    let theatre = Theatre::open().await;
    let bob = theatre.person("bob").await;

    for room in [room_id!("!none:test"), room_id!("!none:elsewhere"), room_id!("!hash")] {
        assert!(matches!(bob.joins(room).await, Err(MembershipError::UnknownRoom)));
        assert!(matches!(bob.knocks(room).await, Err(MembershipError::UnknownRoom)));
        assert!(is_forbidden(&bob.leaves(room).await));
        assert!(is_forbidden(&bob.invites(room, &owned_user_id!("@carol:test")).await));
    }
}

#[tokio::test]
async fn a_private_room_opens_by_invite_alone() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_private_room().await;

    assert!(is_forbidden(&bob.joins(&room).await));
    alice.invites(&room, &bob.id).await.unwrap();
    bob.joins(&room).await.unwrap();
    assert!(is_forbidden(&alice.invites(&room, &bob.id).await), "who is in is not invited");
    assert!(is_forbidden(&alice.invites(&room, &alice.id).await));
}

#[tokio::test]
async fn those_who_take_no_invites_get_none_and_strangers_do_not_learn_it() {
    let theatre = Theatre::open().await;
    let (alice, bob, carol) =
        (theatre.person("alice").await, theatre.person("bob").await, theatre.person("carol").await);
    let room = alice.opens_a_private_room().await;
    bob.sets_account_data("m.invite_permission_config", json!({ "default_action": "block" })).await;

    assert!(matches!(alice.invites(&room, &bob.id).await, Err(MembershipError::InviteBlocked { .. })));
    let as_state =
        alice.sets(&room, ("m.room.member", bob.id.as_str()), json!({ "membership": "invite" })).await;
    assert!(matches!(as_state, Err(SendError::Membership(MembershipError::InviteBlocked { .. }))));
    assert!(is_forbidden(&carol.invites(&room, &bob.id).await));
    bob.sets_account_data("m.invite_permission_config", json!({})).await;
    alice.invites(&room, &bob.id).await.unwrap();
}

#[tokio::test]
async fn users_of_other_servers_are_not_invited_yet() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_private_room().await;

    let invited = alice.invites(&room, &owned_user_id!("@bob:elsewhere")).await;

    assert!(matches!(invited, Err(MembershipError::OtherServer { .. })));
}

#[tokio::test]
async fn a_restricted_room_lets_in_who_is_in_the_other_room() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let club = alice.opens_a_room().await;
    for rule in ["restricted", "knock_restricted"] {
        let allow = json!([{ "type": "m.room_membership", "room_id": club }, { "type": "x" }, 7]);
        let room = alice.founds(join_rule(json!({ "join_rule": rule, "allow": allow }))).await.unwrap();

        assert!(matches!(
            bob.joins(&room).await,
            Err(MembershipError::Room(RoomError::RestrictedJoinNotAllowed))
        ));
        bob.joins(&club).await.unwrap();
        bob.joins(&room).await.unwrap();

        let member = alice.sees_member(&room, &bob.id).await;
        assert_eq!(member["join_authorised_via_users_server"], json!(alice.id));
        bob.leaves(&room).await.unwrap();
        bob.leaves(&club).await.unwrap();
        assert!(bob.joins(&room).await.is_err(), "{rule}");
        alice.invites(&room, &bob.id).await.unwrap();
        bob.joins(&room).await.unwrap();
    }
}

#[tokio::test]
async fn a_restriction_holds_whether_or_not_the_other_room_is_awake() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let club = alice.opens_a_room().await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club }]);
    let room = alice.founds(join_rule(json!({ "join_rule": "restricted", "allow": allow }))).await.unwrap();
    bob.joins(&club).await.unwrap();
    let bob_id = bob.id.clone();

    let theatre = theatre.reopen().await;
    let bob = theatre.person_again(&bob_id);

    assert!(theatre.node.hub().hub().view(&club).is_none());
    bob.joins(&room).await.unwrap();
}

#[tokio::test]
async fn a_knock_is_answered_by_an_invite() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    bob.sets_profile("displayname", "Bo").await;
    let room = alice.founds(join_rule(json!({ "join_rule": "knock" }))).await.unwrap();

    bob.knocks(&room).await.unwrap();

    assert_eq!(
        alice.sees_member(&room, &bob.id).await,
        json!({ "membership": "knock", "displayname": "Bo" })
    );
    assert!(is_forbidden(&bob.joins(&room).await));
    alice.invites(&room, &bob.id).await.unwrap();
    bob.joins(&room).await.unwrap();
    let closed = alice.opens_a_private_room().await;
    assert!(is_forbidden(&bob.knocks(&closed).await));
}

#[tokio::test]
async fn leaving_twice_is_one_event_and_strangers_cannot_leave() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;

    assert!(is_forbidden(&bob.leaves(&room).await));
    bob.joins(&room).await.unwrap();
    let left = bob.leaves(&room).await.unwrap();
    assert_eq!(bob.leaves(&room).await.unwrap(), left);
}

#[tokio::test]
async fn a_ban_holds_until_it_is_lifted() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();

    assert!(is_forbidden(&bob.moderates(&room, &alice, Measure::Ban).await));
    alice.moderates(&room, &bob, Measure::Ban).await.unwrap();
    assert!(is_forbidden(&bob.joins(&room).await));
    assert!(is_forbidden(&bob.leaves(&room).await));
    assert!(is_forbidden(&alice.invites(&room, &bob.id).await));
    assert!(is_forbidden(&alice.moderates(&room, &bob, Measure::Kick).await));
    alice.moderates(&room, &bob, Measure::Unban).await.unwrap();
    assert!(is_forbidden(&alice.moderates(&room, &bob, Measure::Unban).await));
    bob.joins(&room).await.unwrap();
}

#[tokio::test]
async fn a_membership_written_as_state_obeys_the_same_rules() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    let of_bob = ("m.room.member", bob.id.as_str());
    let membership = |word: &str| json!({ "membership": word });

    bob.sets(&room, of_bob, membership("join")).await.unwrap();
    assert!(bob.sets(&room, ("m.room.member", alice.id.as_str()), membership("leave")).await.is_err());
    alice.sets(&room, of_bob, membership("leave")).await.unwrap();
    assert!(alice.sets(&room, of_bob, membership("join")).await.is_err(), "nobody joins for somebody else");
    alice.sets(&room, of_bob, membership("ban")).await.unwrap();
    alice.sets(&room, of_bob, membership("leave")).await.unwrap();
    assert_eq!(alice.sees_member(&room, &bob.id).await["membership"], "leave");
    for wrong in [json!({}), json!({ "membership": 7 }), json!({ "membership": "dancing" })] {
        let outcome = alice.sets(&room, of_bob, wrong).await;
        assert!(matches!(outcome, Err(SendError::Membership(MembershipError::BadContent(_)))), "{outcome:?}");
    }
    assert!(alice.sets(&room, ("m.room.member", "bob"), membership("invite")).await.is_err());
}

#[tokio::test]
async fn a_joined_user_rewrites_the_own_member_event_and_claims_nothing_by_it() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let club = alice.opens_a_room().await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club }]);
    let room = alice.founds(join_rule(json!({ "join_rule": "restricted", "allow": allow }))).await.unwrap();
    bob.joins(&club).await.unwrap();
    bob.joins(&room).await.unwrap();

    let wish =
        json!({ "membership": "join", "displayname": "Here", "join_authorised_via_users_server": "unused" });
    bob.sets(&room, ("m.room.member", bob.id.as_str()), wish).await.unwrap();

    let member = alice.sees_member(&room, &bob.id).await;
    assert_eq!(member, json!({ "membership": "join", "displayname": "Here" }));
}
