//! `GET /_matrix/client/v3/profile/{userId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid>

use playhouse_actors::user::profile::Profile;
use ruma::api::client::profile::get_profile::v3::Request;

use crate::{
    ApiError,
    context::{Anyone, Context},
    reply::Json,
};

/// A user's whole profile.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Json<Profile>, ApiError> {
    super::of(&cx, &request.user_id, None).await.map(Json)
}
