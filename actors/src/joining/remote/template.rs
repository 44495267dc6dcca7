//! The member event that another server proposes, made our own: nothing of it is signed but what is named here.

use playhouse_federation::client::{Step, Template};
use playhouse_rules::{
    Pdu,
    builder::{EventFrame, PduBuilder},
    pdu::{MAX_AUTH_EVENTS, MAX_PREV_EVENTS},
    room_version::RoomVersion,
};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId, RoomId, RoomVersionId, UInt, UserId,
    events::TimelineEventType,
};
use serde::Deserialize;
use serde_json::{Map, Value, value::to_raw_value};

use crate::{Node, room::RoomError};

/// The greatest depth.
const MAX_DEPTH: u64 = (1 << 53) - 1;

/// Where in a room a member event goes, as a server that is in the room says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The version of the room.
    pub version: &'static RoomVersion,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    depth: u64,
    authorised_by: Option<OwnedUserId>,
}

/// The fields of a template that are of use.
#[derive(Deserialize)]
struct Fields {
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    depth: u64,
    #[serde(default)]
    content: Vouched,
}

#[derive(Default, Deserialize)]
struct Vouched {
    join_authorised_via_users_server: Option<OwnedUserId>,
}

impl Place {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(template: &Template) -> Result<Self, String> {
        // > The version of the room where the server is trying to join. If not provided, the room version is assumed to be
        // > either "1" or "2".
        let version = template.room_version.as_ref().unwrap_or(&RoomVersionId::V1);
        let version =
            RoomVersion::get(version).ok_or_else(|| format!("room version {version} is not supported"))?;
        let fields: Fields =
            serde_json::from_str(template.event.get()).map_err(|error| format!("the template: {error}"))?;
        let Fields { prev_events, auth_events, depth, content } = fields;
        if prev_events.len() > MAX_PREV_EVENTS || auth_events.len() > MAX_AUTH_EVENTS || depth > MAX_DEPTH {
            return Err("the template cites more events than an event may, or lies too deep".to_owned());
        }
        let authorised_by = content.join_authorised_via_users_server;
        Ok(Self { version, prev_events, auth_events, depth, authorised_by })
    }

    /// After one event that it also cites.
    pub fn after(version: &'static RoomVersion, event: &Pdu) -> Self {
        let ids = vec![event.event_id().to_owned()];
        let depth = event.depth().saturating_add(1).min(MAX_DEPTH);
        Self { version, prev_events: ids.clone(), auth_events: ids, depth, authorised_by: None }
    }

    /// The member event of a local user, signed.
    ///
    /// # Errors
    /// [`RoomError`]: the content is too large or cannot be.
    pub fn member_event(
        &self,
        node: &Node,
        room_id: &RoomId,
        user: &UserId,
        step: Step,
        mut content: Map<String, Value>,
    ) -> Result<Pdu, RoomError> {
        content.insert("membership".into(), step.word().into());
        if let Some(authorised_by) = self.authorised_by.as_ref().filter(|_| step == Step::Join) {
            content.insert("join_authorised_via_users_server".into(), authorised_by.as_str().into());
        }
        let builder = PduBuilder {
            kind: TimelineEventType::RoomMember,
            state_key: Some(user.to_string()),
            content: to_raw_value(&content).map_err(|error| RoomError::BadEvent(error.to_string()))?,
            redacts: None,
        };
        let now = node.clocks().now_ms();
        let frame = EventFrame {
            version: self.version,
            room_id: Some(room_id),
            sender: user,
            prev_events: &self.prev_events,
            auth_events: &self.auth_events,
            depth: self.depth,
            origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::new(now).unwrap_or(UInt::MAX)),
        };
        Ok(builder.build(&frame, &*node.rooms().tools().signer)?)
    }
}
