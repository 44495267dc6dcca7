//! `/_matrix/federation/…`: the server-server API.

pub mod backfill;
pub mod event;
pub mod event_auth;
mod event_list;
pub mod get_missing_events;
pub mod invite;
mod known_versions;
pub mod make_join;
pub mod make_knock;
pub mod make_leave;
pub mod openid;
pub mod public_rooms;
pub mod query;
pub mod send;
pub mod send_join;
pub mod send_knock;
pub mod send_leave;
pub mod state;
pub mod state_ids;
pub mod user;
mod v1_path;
pub mod version;

use ruma::ServerName;

use crate::{ApiError, Context};

/// Refuses a question about something that another server is to be asked about.
///
/// # Errors
/// 400 `M_INVALID_PARAM`.
fn must_be_ours<C>(cx: &Context<C>, server: &ServerName) -> Result<(), ApiError> {
    if server == cx.node().server_name() {
        return Ok(());
    }
    Err(ApiError::invalid_param(format!("This is {}: ask {server}", cx.node().server_name())))
}
