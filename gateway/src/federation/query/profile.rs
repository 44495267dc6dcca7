//! `GET /_matrix/federation/v1/query/profile`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile>

use playhouse_actors::user::profile::{self, Profile, ProfileField};
use ruma::api::federation::query::get_profile_information::v1::Request;

use crate::{ApiError, Context, Json, Origin, federation::must_be_ours};

/// Tells another server the profile of a user of this one, or one field; without the field, if the user has none such.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Json<Profile>, ApiError> {
    must_be_ours(&cx, request.user_id.server_name())?;
    let field = request.field.as_ref().map(|field| ProfileField::parse(field.as_str())).transpose()?;
    let profile = profile::profile(cx.node().store(), &request.user_id).await?;
    let mut profile = profile.ok_or_else(|| ApiError::not_found("Profile not found"))?;
    if let Some(field) = field {
        profile.retain(|name, _| name == field.as_str());
    }
    Ok(Json(profile))
}
