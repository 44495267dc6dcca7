//! Whether the cluster would take a write now; and the end.

use std::time::Duration;

use scylla::statement::unprepared::Statement;

use super::{
    cluster::Cluster,
    error::{one_line, unavailable},
    schema::SCHEMA_TABLE,
};
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
        answer.map(drop).map_err(|error| unavailable(one_line(&error)))
    }

    /// Takes no more requests, and waits for those under way.
    pub async fn close(&self) {
        self.flight.land(self.statement_timeout).await;
    }
}
