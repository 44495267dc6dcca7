//! What federation remembers over a restart, in the store.

use async_trait::async_trait;
use playhouse_federation::keys::{KeyMemory, MemoryError, Remembered};
use playhouse_storage::{
    Store, StoreError,
    store::put,
    tables::{RemoteKey, remote_key::RemoteKeyRow},
};
use ruma::ServerName;

/// The keys of other servers, in their table.
#[derive(Debug)]
pub(crate) struct KeyTable(Store);

impl KeyTable {
    pub(crate) const fn new(store: Store) -> Self {
        Self(store)
    }
}

#[async_trait]
impl KeyMemory for KeyTable {
    async fn recall(&self, server: &ServerName) -> Result<Option<Remembered>, MemoryError> {
        let row: Option<RemoteKeyRow> =
            self.0.get::<RemoteKey>((server.as_str(),), ()).await.map_err(of_store)?;
        Ok(row.map(|RemoteKeyRow { document, fetched_ms }| Remembered { document, fetched_ms }))
    }

    async fn remember(&self, server: &ServerName, what: Remembered) -> Result<(), MemoryError> {
        let Remembered { document, fetched_ms } = what;
        // A later document wins over an earlier one, in whatever order they are written.
        let stamp = i64::try_from(fetched_ms).unwrap_or(i64::MAX);
        let row = RemoteKeyRow { document, fetched_ms };
        self.0.write(vec![put::<RemoteKey>((server.as_str(),), (), &row, stamp)]).await.map_err(of_store)
    }
}

fn of_store(error: StoreError) -> MemoryError {
    MemoryError(error.to_string())
}
