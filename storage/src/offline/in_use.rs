//! Whether a server runs on a store that several processes may open.

use std::time::Duration;

use crate::{
    Store, StoreError,
    offline::walk::{Walk, Walked},
    table::Table as _,
    tables::Slot,
};

/// Watches the limits of positions for a while: a server that does something moves them every ten seconds. One to
/// which nobody comes is not noticed.
///
/// # Errors
/// Where the store cannot be read.
pub async fn is_in_use(store: &Store, watched_for: Duration) -> Result<bool, StoreError> {
    let before = limits(store).await?;
    if before.is_empty() {
        return Ok(false);
    }
    tokio::time::sleep(watched_for).await;
    Ok(limits(store).await? != before)
}

async fn limits(store: &Store) -> Result<Vec<bytes::Bytes>, StoreError> {
    let mut walk = Walk::new(store, Slot::DEF);
    let mut limits = Vec::new();
    while let Some(page) = walk.next().await? {
        match page {
            Walked::Rows { rows, .. } => limits.extend(rows.into_iter().map(|row| row.value)),
            Walked::Unreadable { error, .. } => return Err(error),
        }
    }
    Ok(limits)
}
