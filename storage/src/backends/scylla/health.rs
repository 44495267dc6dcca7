//! Whether the cluster would take a write now; and the end.

use std::time::Duration;

use scylla::statement::unprepared::Statement;

use super::{cluster::Cluster, error::Failure, patience, schema::SCHEMA_TABLE};
use crate::StoreError;

/// How long the cluster may take to say that it is there.
const READY_WITHIN: Duration = Duration::from_secs(2);

impl Cluster {
    /// Reads one row by a quorum: where that works, so does a write.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let mut select = Statement::new(format!(
            "SELECT \"version\" FROM \"{}\".\"{SCHEMA_TABLE}\" WHERE \"name\" = 'playhouse'",
            self.keyspace
        ));
        select.set_is_idempotent(true);
        select.set_request_timeout(Some(READY_WITHIN));
        let _seat = self.flight.board().await?;
        let answer = self.session.query_unpaged(select, ()).await;
        answer.map(drop).map_err(|error| Failure::Sent(error).into())
    }

    /// Takes no more operations, waits for those under way as long as one of them may try, and gives the lease back.
    pub async fn close(&self) {
        if !self.operations.end(patience::length(self)).await {
            tracing::warn!("operations on the store were under way still when it was closed");
        }
        self.flight.close();
        let keeper = self.keeper.lock().take();
        if let Some(keeper) = keeper {
            keeper.end(self).await;
        }
    }
}
