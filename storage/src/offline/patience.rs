//! What an offline walk does when a store does not answer for a while: it waits.

use crate::StoreError;

/// How often something is tried before it is given up.
pub(super) const ATTEMPTS: u32 = 8;

/// Tries again, after the time that the store asks for, what a store was unavailable for.
pub(super) async fn patiently<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(StoreError::Unavailable { retry_after, .. }) => tokio::time::sleep(retry_after).await,
            done => return done,
        }
    }
    attempt().await
}
