//! A real CQL server as the subject: one keyspace for the whole run, since tables take long to make, and in it a corner
//! for each law, by a prefix to all partition keys.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use playhouse_storage::{
    Append, Backend, Claim, ExportPage, Guard, Key, KeyValue, Outcome, Page, Row, Slice, StoreError,
    TableDef, Write,
    backends::scylla::{CqlBackend, CqlOptions, Replication},
};
use scylla::client::session_builder::SessionBuilder;

use crate::bench::{Bench, Home, Subject, Time, block_on};

/// The environment variable that names the server: `host:port`, or several with commas.
pub const SERVER: &str = "PLAYHOUSE_TEST_CQL";

/// A keyspace for this run.
pub struct Cluster {
    options: CqlOptions,
    corners: AtomicU32,
}

impl Cluster {
    /// The server that the environment names, if it does.
    pub fn from_environment() -> Option<Self> {
        let nodes: Vec<String> = std::env::var(SERVER).ok()?.split(',').map(str::to_owned).collect();
        let replication = Replication::Factor(if nodes.len() < 3 { 1 } else { 3 });
        let keyspace = format!("conformance_{}", std::process::id());
        let options = CqlOptions { replication, ..CqlOptions::new(nodes, keyspace) };
        Some(Self { options, corners: AtomicU32::new(0) })
    }
}

impl Subject for Cluster {
    async fn open(&self) -> Bench {
        let number = self.corners.fetch_add(1, Ordering::SeqCst);
        Corner { options: self.options.clone(), prefix: format!("{number}/") }.open().await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        block_on(async {
            let session =
                SessionBuilder::new().known_nodes(&self.options.contact_points).build().await.unwrap();
            let drop = format!("DROP KEYSPACE IF EXISTS \"{}\"", self.options.keyspace);
            session.query_unpaged(drop, ()).await.unwrap();
        });
    }
}

/// What is a store of its own to a law.
#[derive(Clone)]
pub struct Corner {
    options: CqlOptions,
    prefix: String,
}

impl Corner {
    pub async fn open(&self) -> Bench {
        let backend = CqlBackend::open(&self.options).await.unwrap();
        let store = Apart { backend, prefix: self.prefix.clone() };
        Bench { store: Arc::new(store), time: Time::Wall, home: Home::Corner(self.clone()) }
    }
}

/// A store in a corner of another: nothing from outside is seen.
struct Apart {
    backend: CqlBackend,
    prefix: String,
}

impl Apart {
    /// The partition within the keyspace. What is blank, or no key of the table, stays so.
    fn within(&self, partition: &Key) -> Key {
        let mut partition = partition.clone();
        if let Some(KeyValue::Text(first)) = partition.first_mut()
            && !first.is_empty()
        {
            first.insert_str(0, &self.prefix);
        }
        partition
    }

    /// The partition as the law knows it.
    fn without(&self, mut partition: Key) -> Option<Key> {
        let KeyValue::Text(first) = partition.first_mut()? else { return None };
        *first = first.strip_prefix(&self.prefix)?.to_owned();
        Some(partition)
    }

    fn writes(&self, writes: Vec<Write>) -> Vec<Write> {
        let moved = writes.into_iter().map(|mut write| {
            let within = self.within(write.place().1);
            let (Write::Put { partition, .. }
            | Write::Delete { partition, .. }
            | Write::DeleteRange { partition, .. }) = &mut write;
            *partition = within;
            write
        });
        moved.collect()
    }
}

#[async_trait]
impl Backend for Apart {
    async fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        row: &Key,
    ) -> Result<Option<Row>, StoreError> {
        self.backend.get(table, &self.within(partition), row).await
    }

    async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        let keys: Vec<_> =
            keys.iter().map(|(partition, row)| (self.within(partition), row.clone())).collect();
        self.backend.multi_get(table, &keys).await
    }

    async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError> {
        self.backend.slice(table, &self.within(partition), slice).await
    }

    async fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError> {
        self.backend.guard(table, &self.within(partition)).await
    }

    async fn fence(&self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError> {
        self.backend.fence(table, &self.within(partition)).await
    }

    async fn append(&self, append: Append) -> Result<Outcome, StoreError> {
        let (partition, projections) = (self.within(&append.partition), self.writes(append.projections));
        self.backend.append(Append { partition, projections, ..append }).await
    }

    async fn claim(&self, claim: Claim) -> Result<Outcome, StoreError> {
        let (partition, projections) = (self.within(&claim.partition), self.writes(claim.projections));
        self.backend.claim(Claim { partition, projections, ..claim }).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.backend.write(self.writes(writes)).await
    }

    async fn export(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        self.backend.export(table, &self.within(partition), slice).await
    }

    async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.map(|after| self.within(after));
        while found.len() < limit {
            let page = self.backend.partitions(table, after.as_ref(), limit).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            found.extend(page.into_iter().filter_map(|partition| self.without(partition)));
        }
        // A page of the keyspace may go beyond what was asked for; the law asks again from its last.
        found.truncate(limit);
        Ok(found)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.backend.ready().await
    }

    async fn close(&self) {
        self.backend.close().await;
    }
}
