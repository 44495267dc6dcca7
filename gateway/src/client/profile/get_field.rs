//! `GET /_matrix/client/v3/profile/{userId}/{keyName}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname>

use playhouse_actors::user::profile::{Profile, ProfileField};
use ruma::api::client::profile::get_profile_field::v3::Request;

use crate::{
    ApiError,
    context::{Anyone, Context},
    reply::Json,
};

/// One field of a user's profile.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Json<Profile>, ApiError> {
    let field = ProfileField::parse(request.field.as_str())?;
    let profile = super::of(&cx, &request.user_id, Some(&field)).await?;
    let field = profile.into_iter().find(|(name, _)| *name == field.as_str());
    let field = field.ok_or_else(|| ApiError::not_found("The profile has no such field"))?;
    Ok(Json(Profile::from([field])))
}
