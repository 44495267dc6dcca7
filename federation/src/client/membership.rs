//! Entering and leaving rooms through a server that is in them, and inviting to rooms that we are in.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#joining-rooms>

use ruma::{EventId, RoomId, RoomVersionId, ServerName, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, RequestError, Signature, escaped, events::MOST_STATE_BYTES, events::Unverified, parsed};

/// The most bytes of a template and of what answers a leave, a knock or an invite.
const MOST_ANSWER_BYTES: usize = 1 << 20;

/// What a user wants to become in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A member.
    Join,
    /// No member, nobody invited, nobody who knocks.
    Leave,
    /// Somebody who asks to be let in.
    Knock,
}

impl Step {
    /// The step as the paths of the API and member events call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Knock => "knock",
        }
    }
}

/// A member event as the other server would have it.
#[derive(Debug, Deserialize)]
pub struct Template {
    /// The version of the room; absent for leaves of old servers.
    pub room_version: Option<RoomVersionId>,
    /// The event, without hashes and signatures.
    pub event: Box<RawValue>,
}

/// The room that a join led into.
#[derive(Debug, Deserialize)]
pub struct Joined {
    /// The join as the other server signed it too, where that was needed.
    pub event: Option<Box<RawValue>>,
    /// The state before the join.
    pub state: Unverified,
    /// What that cites, directly or not.
    pub auth_chain: Unverified,
}

#[derive(Deserialize)]
struct Knocked {
    #[serde(default)]
    knock_room_state: Unverified,
}

/// An invite of a user of another server.
#[derive(Debug, Serialize)]
pub struct Invite<'a> {
    /// The invite, signed by us.
    pub event: &'a RawValue,
    /// The version of the room.
    pub room_version: &'a RoomVersionId,
    /// The room as the invited user is shown it.
    pub invite_room_state: &'a [Box<RawValue>],
}

#[derive(Deserialize)]
struct Invited {
    event: Box<RawValue>,
}

impl Client {
    /// The member event that a user of ours needs. `versions` are those that we could enter; empty for a leave.
    ///
    /// # Errors
    /// [`RequestError`]; a refusal has the reason in its `errcode`.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid>
    pub async fn make(
        &self,
        server: &ServerName,
        step: Step,
        room_id: &RoomId,
        user: &UserId,
        versions: &[&RoomVersionId],
    ) -> Result<Template, RequestError> {
        let (room_id, user) = (escaped(room_id.as_str()), escaped(user.as_str()));
        let mut target = format!("/_matrix/federation/v1/make_{}/{room_id}/{user}", step.word());
        for (index, version) in versions.iter().enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            target = format!("{target}{sign}ver={}", escaped(version.as_str()));
        }
        parsed(&self.get(server, &target, Signature::Ours, MOST_ANSWER_BYTES).await?)
    }

    /// Sends a join, and is told the room.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid>
    pub async fn send_join(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
        join: &RawValue,
    ) -> Result<Joined, RequestError> {
        let target = send_target("v2/send_join", room_id, event_id);
        parsed(&self.put(server, &target, join, self.patient(MOST_STATE_BYTES)).await?)
    }

    /// Sends a leave.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid>
    pub async fn send_leave(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
        leave: &RawValue,
    ) -> Result<(), RequestError> {
        let target = send_target("v2/send_leave", room_id, event_id);
        self.put(server, &target, leave, self.patient(MOST_ANSWER_BYTES)).await.map(drop)
    }

    /// Sends a knock, and is told how the room looks from outside.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid>
    pub async fn send_knock(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
        knock: &RawValue,
    ) -> Result<Unverified, RequestError> {
        let target = send_target("v1/send_knock", room_id, event_id);
        let body = self.put(server, &target, knock, self.patient(MOST_ANSWER_BYTES)).await?;
        Ok(parsed::<Knocked>(&body)?.knock_room_state)
    }

    /// Invites a user of another server: the invite with that server's signature too.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid>
    pub async fn invite(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
        invite: &Invite<'_>,
    ) -> Result<Box<RawValue>, RequestError> {
        let target = send_target("v2/invite", room_id, event_id);
        let body = self.put(server, &target, invite, self.patient(MOST_ANSWER_BYTES)).await?;
        Ok(parsed::<Invited>(&body)?.event)
    }
}

fn send_target(what: &str, room_id: &RoomId, event_id: &EventId) -> String {
    let (room_id, event_id) = (escaped(room_id.as_str()), escaped(event_id.as_str()));
    format!("/_matrix/federation/{what}/{room_id}/{event_id}")
}
