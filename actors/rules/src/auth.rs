//! Whether an event is allowed, and which events it must cite.
//!
//! | File | Holds |
//! |---|---|
//! | `error` | the refusal, in a sentence that a client can act on |
//! | `fast` | the rules for the events that make up nearly all traffic, from the parsed power levels |
//! | `selection` | the events that authorize an event of ours |
//!
//! Members, power levels and create events go through ruma's rules; `fast` is held to them by a property test.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#authorization-rules>

mod error;
mod fast;
mod selection;

#[cfg(test)]
mod tests;

use ruma::{
    EventId,
    events::TimelineEventType,
    state_res::{check_state_dependent_auth_rules, check_state_independent_auth_rules},
};

pub use self::{error::AuthError, selection::auth_events_for};
use crate::{Pdu, RoomState, RoomVersion};

/// Checks the rules that need no state: the create event's own, and whether the cited events are the right ones, of
/// this room, and not rejected themselves. Once per event.
///
/// # Errors
/// The event is to be rejected.
///
/// Specification: <https://spec.matrix.org/v1.19/server-server-api/#authorization-rules>
pub fn check_state_independent(
    version: &RoomVersion,
    pdu: &Pdu,
    fetch: impl Fn(&EventId) -> Option<Pdu>,
) -> Result<(), AuthError> {
    check_state_independent_auth_rules(&version.rules().authorization, pdu, fetch).map_err(AuthError::Rule)
}

/// Checks the rules that depend on a state: that of the event's auth events, that before it, or the current one.
///
/// # Errors
/// Against the first two states the event is to be rejected; against only the current one it is soft-failed.
///
/// Specification: <https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu>
pub fn check_against_state(version: &RoomVersion, pdu: &Pdu, state: &RoomState) -> Result<(), AuthError> {
    match fast::check(pdu, state) {
        Some(verdict) => verdict,
        None => check_by_the_rules(version, pdu, state),
    }
}

/// The whole rule set of the room version, field by field.
fn check_by_the_rules(version: &RoomVersion, pdu: &Pdu, state: &RoomState) -> Result<(), AuthError> {
    // ruma has this among the rules that need no state, which our own events are not checked by.
    if *pdu.kind() == TimelineEventType::RoomCreate && !pdu.prev_events().is_empty() {
        return Err(AuthError::CreatedAlready);
    }
    check_state_dependent_auth_rules(&version.rules().authorization, pdu, |kind, state_key| {
        state.get(kind, state_key)
    })
    .map_err(AuthError::Rule)
}
