//! Memberships in rooms that this server is not in, and members on other servers of rooms that it is in: what changes goes
//! through a server that is in the room, or to the one whose user is invited.
//!
//! | File | Holds |
//! |---|---|
//! | `template` | the member event that another server proposes, made our own |
//! | `through` | which servers to try, and what their refusals mean |
//! | `join` | joining, and taking the room in |
//! | `leave` | rejecting an invite, taking a knock back |
//! | `knock` | knocking |
//! | `invite` | inviting a user of another server |
//! | `invited` | being invited by another server |
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#joining-rooms>

mod invite;
pub mod invited;
mod join;
mod knock;
mod leave;
mod template;
mod through;

pub(super) use invite::invite;
pub(super) use join::join;
pub(super) use knock::knock;
pub(super) use leave::leave;
