//! `/_matrix/client/v3/profile/{userId}`

pub mod delete_field;
pub mod get;
pub mod get_field;
pub mod put_field;

use playhouse_actors::user::profile::{self, Profile, ProfileField};
use ruma::UserId;

use crate::{ApiError, context::Context, limits::Class};

/// The profile of a user, of whatever server; of another's, with `field`, only that need be in it.
///
/// # Errors
/// `M_NOT_FOUND` where there is no such user, 502 where another server does not answer.
async fn of<C: Sync>(
    cx: &Context<C>,
    user: &UserId,
    field: Option<&ProfileField>,
) -> Result<Profile, ApiError> {
    let not_found = || ApiError::not_found("Profile not found");
    let server = user.server_name();
    if server == cx.node().server_name() {
        return profile::profile(cx.node().store(), user).await?.ok_or_else(not_found);
    }
    let federation = cx.federation()?;
    cx.limit_address(Class::Other)?;
    let fields = federation.client().profile(user, field.map(ProfileField::as_str)).await;
    fields.map(profile::of_elsewhere).map_err(|error| ApiError::of_remote(server, &error, not_found()))
}
