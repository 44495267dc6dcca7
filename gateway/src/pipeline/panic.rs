//! A handler that panics costs its own request and nothing else (**I12**).

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

use crate::{ApiError, Reply};

/// Runs a handler; a panic in it is a 500.
pub async fn caught(handler: impl Future<Output = Result<Reply, ApiError>>) -> Result<Reply, ApiError> {
    // The future is dropped after a panic and what it shared guards itself: actors, and locks that do not poison.
    AssertUnwindSafe(handler)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(ApiError::internal(text_of(&*panic))))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic in a handler: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_without_its_text() {
        let reply = caught(async { panic!("secret text") }).await.unwrap_err().into_reply();

        assert_eq!(reply.status(), 500);
        assert!(!String::from_utf8_lossy(reply.body()).contains("secret"));
    }
}
