//! Memberships: what must be known beside the room itself before one changes, and the profile that goes with it.
//!
//! | File | Holds |
//! |---|---|
//! | `content` | what a client may add to a member event (pure) |
//! | `permission` | who may be invited, who meets a restriction |
//! | `member_state` | a membership written as a state event |
//! | `remote` | the same through other servers |
//!
//! The room decides; this asks it with everything that it cannot know.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#room-membership>

mod content;
mod error;
mod member_state;
pub(crate) mod permission;
pub mod remote;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use playhouse_storage::StoreError;
use ruma::{OwnedEventId, OwnedServerName, RoomId, UserId};
use serde_json::{Map, Value};

use crate::{
    Node,
    room::{
        RoomError, RoomView,
        message::{ChangeMembership, MembershipAction},
    },
    user::{profile, spread_profile::member_fields},
};

pub use error::MembershipError;
pub use member_state::set_member_state;

/// What a client says with a change of membership.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// A reason for people.
    pub reason: Option<String>,
    /// Further members of the content. Those that the server decides are left out.
    pub extra: Map<String, Value>,
}

/// Joins a room: by its rule, by an invite, or by being in a room that lets people in. `via` names servers through which to
/// join one that this server is not in.
///
/// # Errors
/// [`MembershipError`]; joining twice is none.
pub async fn join(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    via: &[OwnedServerName],
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    let view = to_enter(node, room_id).await?;
    let said = with_profile(node, user, said).await?;
    let Some(view) = view.as_deref().filter(|view| view.is_current(node.server_name())) else {
        return remote::join(node, user, room_id, via, view.as_deref(), content_of(said)?).await;
    };
    let meets_restriction = permission::meets_restriction(node, view, user).await?;
    let action = MembershipAction::Join { meets_restriction };
    match change(node, room_id, user, user, action, said.clone()).await {
        // Nobody here may let the user in; somebody elsewhere may.
        Err(MembershipError::Room(RoomError::NobodyMayGrant | RoomError::RestrictedJoinNotAllowed))
            if view.has_others(node.server_name()) && node.federation().is_some() =>
        {
            remote::join(node, user, room_id, via, Some(view), content_of(said)?).await
        }
        outcome => outcome,
    }
}

/// Knocks on a room, through one of the servers `via` if this server is not in it.
///
/// # Errors
/// [`MembershipError`]; knocking twice is none.
pub async fn knock(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    via: &[OwnedServerName],
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    let view = to_enter(node, room_id).await?;
    let said = with_profile(node, user, said).await?;
    if view.as_ref().is_some_and(|view| view.is_current(node.server_name())) {
        return change(node, room_id, user, user, MembershipAction::Knock, said).await;
    }
    remote::knock(node, user, room_id, via, view.as_deref(), content_of(said)?).await
}

/// Invites `target`, whose profile goes into the invite if they are of this server.
///
/// # Errors
/// [`MembershipError`]: among others for those who take no invites.
pub async fn invite(
    node: &Node,
    sender: &UserId,
    target: &UserId,
    room_id: &RoomId,
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    // Who may not ask learns nothing of the invited user.
    node.rooms().view_for_member(room_id, sender).await?;
    if target.server_name() != node.server_name() {
        let request = request(sender, target, MembershipAction::Invite, said)?;
        return remote::invite(node, room_id, request).await;
    }
    permission::may_be_invited(node, target).await?;
    let said = with_profile(node, target, said).await?;
    change(node, room_id, sender, target, MembershipAction::Invite, said).await
}

/// Leaves a room, rejects an invite or takes a knock back.
///
/// # Errors
/// [`MembershipError`]; leaving twice is none.
pub async fn leave(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    let view = known(node, room_id).await?;
    let outside = view.filter(|view| !view.is_current(node.server_name()) && view.is_outside(user));
    if let Some(view) = outside {
        return remote::leave(node, user, &view, content_of(said)?).await;
    }
    change(node, room_id, user, user, MembershipAction::Leave, said).await
}

/// Removes, bans or unbans `target`.
///
/// # Errors
/// [`MembershipError`].
pub async fn moderate(
    node: &Node,
    sender: &UserId,
    target: &UserId,
    room_id: &RoomId,
    measure: Measure,
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    let action = match measure {
        Measure::Kick => MembershipAction::Kick,
        Measure::Ban => MembershipAction::Ban,
        Measure::Unban => MembershipAction::Unban,
    };
    change(node, room_id, sender, target, action, said).await
}

/// What a moderator does to a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Out, and free to come back.
    Kick,
    /// Out, and to stay there.
    Ban,
    /// Free to come back.
    Unban,
}

/// The room that somebody wants to enter, as far as this server knows it. Unlike elsewhere, an unknown one may be told from a
/// closed one.
async fn to_enter(node: &Node, room_id: &RoomId) -> Result<Option<Arc<RoomView>>, MembershipError> {
    match known(node, room_id).await? {
        None if node.federation().is_none() => Err(MembershipError::UnknownRoom),
        known => Ok(known),
    }
}

/// A room as far as this server knows it.
async fn known(node: &Node, room_id: &RoomId) -> Result<Option<Arc<RoomView>>, RoomError> {
    match node.rooms().view(room_id).await {
        Ok(view) => Ok(Some(view)),
        Err(RoomError::UnknownRoom) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Adds the profile of the user whose member event it is, where the client did not say otherwise.
async fn with_profile(node: &Node, user: &UserId, mut said: Said) -> Result<Said, MembershipError> {
    for (field, value) in profile_of(node, user).await? {
        said.extra.entry(field).or_insert(value);
    }
    Ok(said)
}

/// What of a user's profile member events hold.
pub(crate) async fn profile_of(node: &Node, user: &UserId) -> Result<Map<String, Value>, StoreError> {
    Ok(member_fields(&profile::fields(node.store(), user).await?))
}

async fn change(
    node: &Node,
    room_id: &RoomId,
    sender: &UserId,
    target: &UserId,
    action: MembershipAction,
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    let request = request(sender, target, action, said)?;
    let changed = node.rooms().handle(room_id).change_membership(request).await;
    Ok(changed.map_err(RoomError::hiding_unknown_room)?)
}

fn request(
    sender: &UserId,
    target: &UserId,
    action: MembershipAction,
    said: Said,
) -> Result<ChangeMembership, MembershipError> {
    let extra = content::allowed(said.extra)?;
    Ok(ChangeMembership {
        sender: sender.to_owned(),
        target: target.to_owned(),
        action,
        reason: said.reason,
        extra,
    })
}

/// What a member event of the user's own says beside the membership.
fn content_of(said: Said) -> Result<Map<String, Value>, MembershipError> {
    let mut content = content::allowed(said.extra)?;
    if let Some(reason) = said.reason {
        content.insert("reason".into(), reason.into());
    }
    Ok(content)
}
