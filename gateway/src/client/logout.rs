//! `POST /_matrix/client/*/logout`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout>

pub mod all;

use ruma::api::client::session::logout::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Removes the caller's device and its tokens.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    cx.node().accounts().log_out(&cx.caller).await?;
    Ok(Response::new())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use crate::testing::TestServer;

    #[tokio::test]
    async fn a_device_logs_out_alone_or_with_all_others() {
        let server = TestServer::start().await;
        let phone = server.registers("alice").await;
        let (laptop, tablet) = (server.logs_in(&phone).await, server.logs_in(&phone).await);
        let whoami =
            async |token: &str| server.get("/_matrix/client/v3/account/whoami", Some(token)).await.status;
        let post = |path, token| server.bytes(Method::POST, path, Some(token), "");

        post("/_matrix/client/v3/logout", &*phone.token).await.ok();
        assert_eq!((whoami(&phone.token).await, whoami(&laptop.token).await), (401, 200));

        post("/_matrix/client/v3/logout/all", &*laptop.token).await.ok();
        assert_eq!((whoami(&laptop.token).await, whoami(&tablet.token).await), (401, 401));
    }
}
