//! `POST /_matrix/client/v3/users/{userId}/report`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3usersuseridreport>

use playhouse_actors::reports;
use ruma::api::client::reporting::report_user::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Takes a report of a user.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    reports::report_user(cx.node(), cx.user_id(), &request.user_id, request.reason).await?;
    Ok(Response::new())
}
