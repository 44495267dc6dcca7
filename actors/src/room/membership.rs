//! Membership changes: what the client may ask, beyond what the authorization rules say.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#room-membership>

use playhouse_rules::{auth, pdu::Pdu};
use ruma::{
    OwnedUserId, UserId,
    events::{TimelineEventType, room::member::MembershipState},
};
use serde_json::{Map, Value};

use super::{
    RoomError,
    machine::{Room, Sent},
    message::{ChangeMembership, MembershipAction, SendEvent},
};

impl Room {
    /// Builds the member event that a local user asks for, to be signed by another server too before it is appended.
    ///
    /// # Errors
    /// As [`Room::change_membership`].
    pub fn draft_membership(&self, request: ChangeMembership) -> Result<Pdu, RoomError> {
        if !self.is_born() {
            return Err(RoomError::UnknownRoom);
        }
        let present = self.present_membership(&request.target);
        self.check_transition(&request, &present)?;
        let pdu = self.build(self.member_request(request, &present)?)?;
        auth::check_against_state(self.view.version, &pdu, &self.view.state)?;
        Ok(pdu)
    }

    /// Makes the member event that a local user asks for.
    ///
    /// # Errors
    /// As [`Room::send`], and [`RoomError::Forbidden`] or [`RoomError::BadState`] where the present membership does
    /// not allow the change.
    pub fn change_membership(&mut self, request: ChangeMembership) -> Result<Sent, RoomError> {
        if !self.is_born() {
            return Err(RoomError::UnknownRoom);
        }
        let present = self.present_membership(&request.target);
        self.check_transition(&request, &present)?;
        if let Some(known) = self.already_so(&request, &present) {
            return Ok(known);
        }
        self.send(self.member_request(request, &present)?)
    }

    fn present_membership(&self, user: &UserId) -> MembershipState {
        self.view.state.membership(user).cloned().unwrap_or(MembershipState::Leave)
    }

    fn member_request(
        &self,
        request: ChangeMembership,
        present: &MembershipState,
    ) -> Result<SendEvent, RoomError> {
        Ok(SendEvent {
            content: self.member_content(&request, present)?,
            sender: request.sender,
            kind: TimelineEventType::RoomMember,
            state_key: Some(request.target.to_string()),
            redacts: None,
            transaction: None,
        })
    }

    fn check_transition(
        &self,
        request: &ChangeMembership,
        present: &MembershipState,
    ) -> Result<(), RoomError> {
        use MembershipState as M;
        let forbidden = |why: &str| Err(RoomError::Forbidden(why.to_owned()));
        match (request.action, present) {
            (MembershipAction::Join { .. } | MembershipAction::Knock, M::Ban) => {
                forbidden("you are banned from this room")
            }
            (MembershipAction::UpdateProfile, M::Join) => Ok(()),
            (MembershipAction::UpdateProfile, _) => forbidden("you are not in this room"),
            (MembershipAction::Invite, M::Join) => forbidden("that user is already in the room"),
            (MembershipAction::Invite, M::Ban) => forbidden("that user is banned from this room"),
            (MembershipAction::Leave, M::Ban) => forbidden("you are banned from this room"),
            (MembershipAction::Leave, M::Leave) if !self.was_member(&request.target) => {
                forbidden("you are not in this room")
            }
            (MembershipAction::Kick, M::Leave | M::Ban) => forbidden("that user is not in the room"),
            (MembershipAction::Unban, M::Ban) => Ok(()),
            (MembershipAction::Unban, _) => forbidden("that user is not banned from this room"),
            (MembershipAction::Knock, M::Join) => forbidden("you are already in this room"),
            (MembershipAction::Knock, M::Invite) => forbidden("you are already invited to this room"),
            _ => Ok(()),
        }
    }

    fn was_member(&self, user: &OwnedUserId) -> bool {
        self.view.state.get("m.room.member", user.as_str()).is_some()
    }

    /// Leaving twice and joining twice are no new events.
    fn already_so(&self, request: &ChangeMembership, present: &MembershipState) -> Option<Sent> {
        let same = matches!(
            (request.action, present),
            (MembershipAction::Leave, MembershipState::Leave)
                | (MembershipAction::Join { .. }, MembershipState::Join)
                | (MembershipAction::Knock, MembershipState::Knock)
        );
        let standing = self.view.state.get("m.room.member", request.target.as_str())?;
        same.then(|| Sent::Known(standing.event_id().to_owned()))
    }

    fn member_content(
        &self,
        request: &ChangeMembership,
        present: &MembershipState,
    ) -> Result<Box<serde_json::value::RawValue>, RoomError> {
        let mut content = request.extra.clone();
        let membership = match request.action {
            MembershipAction::Join { .. } | MembershipAction::UpdateProfile => "join",
            MembershipAction::Invite => "invite",
            MembershipAction::Leave | MembershipAction::Kick | MembershipAction::Unban => "leave",
            MembershipAction::Ban => "ban",
            MembershipAction::Knock => "knock",
        };
        content.insert("membership".into(), membership.into());
        if let Some(reason) = &request.reason {
            content.insert("reason".into(), reason.clone().into());
        }
        match request.action {
            MembershipAction::Join { meets_restriction } => {
                self.authorize_restricted_join(&mut content, meets_restriction, present)?;
            }
            MembershipAction::UpdateProfile => self.keep_custom_keys(request, &mut content),
            _ => {}
        }
        let content = Value::Object(content);
        serde_json::value::to_raw_value(&content).map_err(|error| RoomError::BadEvent(error.to_string()))
    }

    /// A join by restriction names a local user who could invite; whoever is invited needs none.
    fn authorize_restricted_join(
        &self,
        content: &mut Map<String, Value>,
        meets_restriction: bool,
        present: &MembershipState,
    ) -> Result<(), RoomError> {
        if !self.view.state.join_rule().is_restricted() || *present == MembershipState::Invite {
            return Ok(());
        }
        if !meets_restriction {
            return Err(RoomError::RestrictedJoinNotAllowed);
        }
        let granter = self
            .view
            .local_user_who_may_invite(self.workshop.signer.server_name())
            .ok_or(RoomError::NobodyMayGrant)?;
        content.insert("join_authorised_via_users_server".into(), granter.to_string().into());
        Ok(())
    }

    /// A profile update keeps what else the standing member event says.
    fn keep_custom_keys(&self, request: &ChangeMembership, content: &mut Map<String, Value>) {
        let standing = self.view.state.get("m.room.member", request.target.as_str());
        let standing = standing.and_then(|pdu| pdu.content_as::<Map<String, Value>>().ok());
        for (key, value) in standing.unwrap_or_default() {
            let replaced = matches!(key.as_str(), "displayname" | "avatar_url" | "reason");
            if !replaced && key != "join_authorised_via_users_server" {
                content.entry(key).or_insert(value);
            }
        }
    }
}
