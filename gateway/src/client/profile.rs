//! `/_matrix/client/v3/profile/{userId}`

pub mod delete_field;
pub mod get;
pub mod get_field;
pub mod put_field;

use playhouse_actors::user::profile::{self, Profile};
use ruma::UserId;

use crate::{ApiError, context::Context};

/// The profile of a user of this server.
///
/// # Errors
/// `M_NOT_FOUND` for everyone else.
async fn of<C: Sync>(cx: &Context<C>, user: &UserId) -> Result<Profile, ApiError> {
    let not_found = || ApiError::not_found("Profile not found");
    if user.server_name() != cx.node().server_name() {
        return Err(not_found());
    }
    profile::profile(cx.node().store(), user).await?.ok_or_else(not_found)
}
