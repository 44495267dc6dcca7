//! The store on a CQL cluster: ScyllaDB, or Apache Cassandra, which understands all that is said here.
//!
//! Each logical table is a table of the keyspace, with typed key columns and the row as JSON text, so that an operator
//! can read it with cqlsh. Appends and claims are conditional batches of one partition; every other write is a quorum
//! write at its stamp (`USING TIMESTAMP`), idempotent, so that it may come late or twice.
//!
//! - [`open`]: opening a keyspace; `session`, `probe`, `lease`, `schema`, `migrate`, `unprepared`: what that takes.
//! - `cluster`: what operations share; `flight` and `lanes` bound them, `patience` says how long to try, `operations`
//!   waits for them at the end.
//! - `statement`, `range`, `bind`: the statements and their values.
//! - `read`, `walk`, `write`, `guard`, `append`, `claim`: the operations.

mod append;
mod bind;
mod claim;
mod cluster;
mod error;
mod flight;
mod guard;
mod health;
mod lanes;
mod lease;
mod migrate;
pub mod open;
mod operations;
pub mod options;
mod patience;
mod probe;
mod range;
mod read;
mod rejection;
mod schema;
mod session;
mod statement;
mod tls;
mod unprepared;
mod walk;
mod write;

use std::sync::Arc;

use async_trait::async_trait;

use self::cluster::Cluster;
pub use self::{
    open::OpenError,
    options::{CqlOptions, Credentials, Identity, Quorum, Replication, Tls},
};
use super::shape;
use crate::{
    Append, Backend, Claim, ExportPage, Guard, Outcome, Page, Row, Slice, StoreError, Write, key::Key,
    table::TableDef,
};

/// A keyspace of a cluster.
#[derive(Clone)]
pub struct CqlBackend(Arc<Cluster>);

impl std::fmt::Debug for CqlBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CqlBackend").field(&self.0.keyspace).finish()
    }
}

impl CqlBackend {
    /// Opens a keyspace; makes it and its tables where they are not there. Must be called within a tokio runtime,
    /// which the connections live in.
    ///
    /// # Errors
    /// [`OpenError`]: one line that says what to do.
    pub async fn open(options: &CqlOptions) -> Result<Self, OpenError> {
        open::open(options).await.map(Self)
    }
}

#[async_trait]
impl Backend for CqlBackend {
    async fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
    ) -> Result<Option<Row>, StoreError> {
        shape::row(table, partition, clustering)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.reads.get.start();
        self.0.get(table, partition, clustering).await
    }

    async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        keys.iter().try_for_each(|(partition, clustering)| shape::row(table, partition, clustering))?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.reads.multi_get.start();
        self.0.multi_get(table, keys).await
    }

    async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError> {
        shape::slice(table, partition, &slice)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.reads.slice.start();
        self.0.slice(table, partition, slice).await
    }

    async fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError> {
        shape::guarded(table, partition)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.reads.guard.start();
        self.0.guard(table, partition).await
    }

    async fn fence(&self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError> {
        shape::guarded(table, partition)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.writes.fence.start();
        self.0.fence(table, partition).await
    }

    async fn append(&self, append: Append) -> Result<Outcome, StoreError> {
        shape::append(&append)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.writes.append.start();
        self.0.append(&append).await.inspect(|outcome| self.0.metrics.appends.count(*outcome))
    }

    async fn claim(&self, claim: Claim) -> Result<Outcome, StoreError> {
        shape::claim(&claim)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.writes.claim.start();
        self.0.claim(&claim).await.inspect(|outcome| self.0.metrics.claims.count(*outcome))
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        shape::writes(&writes)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.writes.write.start();
        self.0.write(&writes).await
    }

    async fn export(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        shape::slice(table, partition, &slice)?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.reads.slice.start();
        self.0.export(table, partition, slice).await
    }

    async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        after.map_or(Ok(()), |after| shape::partition(table, after))?;
        let _operation = self.0.operations.begin()?;
        let _timer = self.0.metrics.reads.partitions.start();
        self.0.partitions(table, after, limit).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.0.ready().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
