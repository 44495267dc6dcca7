//! The spread of a changed profile into the user's rooms: a new member event in each of them.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#events-on-change-of-profile-information>

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Map, Value, value::RawValue};

use super::{UserError, profile};
use crate::{
    Node,
    room::{
        RoomError,
        message::{ChangeMembership, MembershipAction},
    },
};

/// Rooms that are told at a time.
const AT_A_TIME: usize = 8;

/// Tells every room that the user has joined of the profile as it now is.
///
/// A room that refuses or cannot be written to is logged and left behind. What was begun runs to its end even if the
/// caller goes away, and two changes of one user follow one another, so that the newer profile stays.
///
/// # Errors
/// [`UserError::Unavailable`] if the rooms or the profile cannot be read.
pub async fn spread_profile(node: &Arc<Node>, user: &UserId) -> Result<(), UserError> {
    let (node, user) = (Arc::clone(node), user.to_owned());
    let spread = tokio::spawn(async move {
        let _one_at_a_time = node.users().spreading(&user).lock_owned().await;
        spread(&node, &user).await
    });
    spread.await.unwrap_or_else(|panic| Err(UserError::Corrupt(panic.to_string())))
}

async fn spread(node: &Node, user: &OwnedUserId) -> Result<(), UserError> {
    let rooms = node.users().feed(user).await?.joined_rooms();
    let profile = member_fields(&profile::fields(node.store(), user).await?);
    let tell = |room_id: OwnedRoomId| {
        let update = update(user, profile.clone());
        async move { log_failure(&room_id, node.rooms().handle(&room_id).change_membership(update).await) }
    };
    stream::iter(rooms).map(tell).buffer_unordered(AT_A_TIME).collect::<()>().await;
    Ok(())
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

fn log_failure<T>(room_id: &RoomId, outcome: Result<T, RoomError>) {
    match outcome {
        Ok(_) => {}
        // The user left meanwhile, or the room's rules do not allow the change.
        Err(error @ RoomError::Forbidden(_)) => {
            tracing::debug!(%room_id, %error, "a room keeps the old profile");
        }
        Err(error) => tracing::warn!(%room_id, %error, "a room could not be told of a new profile"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_events_hold_name_and_avatar_and_nothing_else() {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let profile = [("displayname", "\"A\""), ("m.tz", "\"Europe/Berlin\""), ("avatar_url", "1")];
        let profile = profile.into_iter().map(|(name, value)| (name.to_owned(), raw(value))).collect();

        assert_eq!(Value::Object(member_fields(&profile)), serde_json::json!({"displayname": "A"}));
    }
}
