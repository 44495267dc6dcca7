//! The events that authorize an event of ours.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection>

use ruma::{OwnedEventId, UserId, events::TimelineEventType, state_res::auth_types_for_event};
use serde_json::value::RawValue;

use super::AuthError;
use crate::{Pdu, RoomState, RoomVersion};

/// The ids that an event must cite in `auth_events`, given the state before it.
///
/// # Errors
/// The content of a member event does not say what is needed to select them.
///
/// Specification: <https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection>
pub fn auth_events_for(
    version: &RoomVersion,
    kind: &TimelineEventType,
    sender: &UserId,
    state_key: Option<&str>,
    content: &RawValue,
    state: &RoomState,
) -> Result<Vec<OwnedEventId>, AuthError> {
    let cited: Vec<Option<&Pdu>> = match kind {
        TimelineEventType::RoomCreate => Vec::new(),
        TimelineEventType::RoomMember => {
            auth_types_for_event(kind, sender, state_key, content, &version.rules().authorization)
                .map_err(AuthError::Content)?
                .iter()
                .map(|(kind, state_key)| state.get(kind, state_key))
                .collect()
        }
        _ => vec![
            state.get("m.room.power_levels", ""),
            state.member(sender),
            state.create().filter(|_| !version.room_id_is_create_hash()),
        ],
    };
    Ok(cited.into_iter().flatten().map(|pdu| pdu.event_id().to_owned()).collect())
}
