//! `/_matrix/federation/…`: the server-server API.

pub mod query;
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
