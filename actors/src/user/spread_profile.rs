//! The spread of a changed profile into the user's rooms: a new member event in each of them.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#events-on-change-of-profile-information>

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use playhouse_storage::{
    StoreError, Write,
    store::{delete, put},
    tables::{ProfileSpread, profile_spread::ProfileSpreadRow},
};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Map, Value, value::RawValue};

use super::{UserError, profile};
use crate::{
    Node,
    clock::{SLOTS, slot_of},
    room::{
        RoomError,
        message::{ChangeMembership, MembershipAction},
    },
};

/// Rooms that are told at a time.
const AT_A_TIME: usize = 8;

/// Tells every room that the user has joined of the profile as it now is.
///
/// What was begun runs to its end even if the caller goes away, and two changes of one user follow one another, so that
/// the newer profile stays. What a crash cuts off goes on when the server starts, as does what a room could not take for
/// the moment. A room that refuses is left behind.
///
/// # Errors
/// [`UserError::Unavailable`] if the rooms or the profile cannot be read.
pub async fn spread_profile(node: &Arc<Node>, user: &UserId) -> Result<(), UserError> {
    let (node, user) = (Arc::clone(node), user.to_owned());
    let spread = tokio::spawn(async move { spread_in_turn(&node, &user).await });
    spread.await.unwrap_or_else(|panic| Err(UserError::Corrupt(panic.to_string())))
}

/// Goes on with the spreads that the process before left unfinished.
pub(crate) async fn resume(node: &Node) {
    let mut users = Vec::new();
    for slot in 0..SLOTS as i64 {
        match node.store().all::<ProfileSpread>((slot,), ()).await {
            Ok(rows) => {
                users.extend(rows.into_iter().filter_map(|((user,), _)| OwnedUserId::try_from(user).ok()));
            }
            Err(error) => tracing::warn!(%error, "unfinished spreads of profiles wait for the next start"),
        }
    }
    stream::iter(users).for_each_concurrent(AT_A_TIME, |user| resume_one(node, user)).await;
}

async fn resume_one(node: &Node, user: OwnedUserId) {
    if let Err(error) = spread_in_turn(node, &user).await {
        tracing::warn!(%user, %error, "the spread of a profile waits for the next start");
    }
}

async fn spread_in_turn(node: &Node, user: &OwnedUserId) -> Result<(), UserError> {
    let _one_at_a_time = node.users().spreading(user).lock_owned().await;
    let mark = mark(node, user).await?;
    if spread(node, user).await?
        && let Some(mark) = mark
    {
        unmark(node, user, mark).await?;
    }
    Ok(())
}

/// Says that a change is to be told.
pub(super) fn write_of_mark(user: &UserId, stamp: i64) -> Write {
    let row = ProfileSpreadRow { stamp };
    put::<ProfileSpread>((slot_of(user.as_str()) as i64,), (user.as_str(),), &row, stamp)
}

async fn mark(node: &Node, user: &UserId) -> Result<Option<ProfileSpreadRow>, StoreError> {
    node.store().get::<ProfileSpread>((slot_of(user.as_str()) as i64,), (user.as_str(),)).await
}

/// The changes up to this mark were told.
async fn unmark(node: &Node, user: &UserId, mark: ProfileSpreadRow) -> Result<(), StoreError> {
    node.store().write(vec![write_of_no_mark(user, mark.stamp)]).await
}

/// Says that there is nobody to tell of the changes up to `stamp`.
pub(crate) fn write_of_no_mark(user: &UserId, stamp: i64) -> Write {
    delete::<ProfileSpread>((slot_of(user.as_str()) as i64,), (user.as_str(),), stamp)
}

/// Tells the rooms; whether all of them took it or refused it.
async fn spread(node: &Node, user: &OwnedUserId) -> Result<bool, UserError> {
    let rooms = node.users().feed(user).await?.joined_rooms();
    let profile = member_fields(&profile::fields(node.store(), user).await?);
    let tell = |room_id: OwnedRoomId| {
        let update = update(user, profile.clone());
        async move { is_settled(&room_id, node.rooms().handle(&room_id).change_membership(update).await) }
    };
    let told = stream::iter(rooms).map(tell).buffer_unordered(AT_A_TIME);
    Ok(told.fold(true, |all, settled| async move { all && settled }).await)
}

/// What of a profile member events hold.
pub fn member_fields(profile: &profile::Profile) -> Map<String, Value> {
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    let field = |name: &str| Some((name.to_owned(), Value::String(text(profile.get(name)?)?)));
    ["displayname", "avatar_url"].into_iter().filter_map(field).collect()
}

fn update(user: &UserId, extra: Map<String, Value>) -> ChangeMembership {
    ChangeMembership {
        sender: user.to_owned(),
        target: user.to_owned(),
        action: MembershipAction::UpdateProfile,
        reason: None,
        extra,
    }
}

/// Whether nothing is left to be done about a room.
fn is_settled<T>(room_id: &RoomId, outcome: Result<T, RoomError>) -> bool {
    match outcome {
        Ok(_) => true,
        // The user left meanwhile, or the room's rules do not allow the change.
        Err(error @ RoomError::Forbidden(_)) => {
            tracing::debug!(%room_id, %error, "a room keeps the old profile");
            true
        }
        Err(error) => {
            tracing::warn!(%room_id, %error, "a room could not be told of a new profile");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Theatre;

    #[test]
    fn member_events_hold_name_and_avatar_and_nothing_else() {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let profile = [("displayname", "\"A\""), ("m.tz", "\"Europe/Berlin\""), ("avatar_url", "1")];
        let profile = profile.into_iter().map(|(name, value)| (name.to_owned(), raw(value))).collect();

        assert_eq!(Value::Object(member_fields(&profile)), serde_json::json!({"displayname": "A"}));
    }

    async fn is_under_way(theatre: &Theatre, user: &UserId) -> bool {
        mark(&theatre.node, user).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_spread_that_a_crash_cut_off_goes_on_with_the_next_start() {
        let theatre = Theatre::open().await;
        let alice = theatre.person("alice").await;
        let rooms = [alice.opens_a_room().await, alice.opens_a_room().await];
        // The server dies before it tells anyone.
        alice.sets_profile("displayname", "Alice!").await;
        assert!(is_under_way(&theatre, &alice.id).await);
        let id = alice.id.clone();

        let theatre = theatre.reopen().await;
        let alice = theatre.person_again(&id);
        while is_under_way(&theatre, &id).await {
            tokio::task::yield_now().await;
        }

        for room in rooms {
            assert_eq!(alice.sees_member(&room, &id).await["displayname"], "Alice!");
        }
    }

    #[tokio::test]
    async fn a_room_that_was_told_is_not_told_again_and_a_finished_spread_leaves_no_mark() {
        let theatre = Theatre::open().await;
        let alice = theatre.person("alice").await;
        let room = alice.opens_a_room().await;
        alice.sets_profile("avatar_url", "mxc://test/a").await;

        spread_profile(&theatre.node, &alice.id).await.unwrap();
        let head = theatre.node.rooms().view(&room).await.unwrap().head_seq;
        spread_profile(&theatre.node, &alice.id).await.unwrap();

        assert_eq!(theatre.node.rooms().view(&room).await.unwrap().head_seq, head);
        assert!(!is_under_way(&theatre, &alice.id).await);
    }

    #[tokio::test]
    async fn what_is_changed_during_a_spread_keeps_its_mark() {
        let theatre = Theatre::open().await;
        let alice = theatre.person("alice").await;
        alice.sets_profile("displayname", "one").await;
        let earlier = mark(&theatre.node, &alice.id).await.unwrap().unwrap();
        alice.sets_profile("displayname", "two").await;

        unmark(&theatre.node, &alice.id, earlier).await.unwrap();

        assert!(is_under_way(&theatre, &alice.id).await);
    }
}
