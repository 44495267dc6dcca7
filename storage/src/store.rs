//! The typed front of a store: tables and rows in place of keys and bytes.

// Keys are tuples of a word or two, written where they are used.
#![allow(clippy::needless_pass_by_value)]

use std::{ops::Bound, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    Backend, Claim, Expect, IntoKey, Key, Order, Outcome, Slice, Stamp, StoreError, Table, Write,
    key::FromKey as _,
};

/// A handle on a store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// The most rows that one page of a scan takes from the back end.
const PAGE_ROWS: usize = 1_000;

/// Rows in order, with their clustering keys.
pub type Rows<T> = Vec<(<T as Table>::Clustering, <T as Table>::Row)>;

impl Store {
    /// A store on `backend`.
    pub fn new(backend: impl Backend) -> Self {
        Self { backend: Arc::new(backend) }
    }

    /// The contract below: guards, appends, partitions.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// One row.
    pub async fn get<T: Table>(
        &self,
        partition: impl IntoKey,
        clustering: impl IntoKey,
    ) -> Result<Option<T::Row>, StoreError> {
        let row = self.backend.get(T::DEF, &partition.to_key(), &clustering.to_key()).await?;
        row.map(|row| decode::<T>(&row.value)).transpose()
    }

    /// Many rows, in the order of the keys.
    pub async fn multi_get<T: Table>(&self, keys: &[(Key, Key)]) -> Result<Vec<Option<T::Row>>, StoreError> {
        let rows = self.backend.multi_get(T::DEF, keys).await?;
        rows.into_iter().map(|row| row.map(|row| decode::<T>(&row.value)).transpose()).collect()
    }

    /// At most `limit` rows of a range, and whether there are more.
    pub async fn slice<T: Table>(
        &self,
        partition: impl IntoKey,
        slice: Slice,
    ) -> Result<(Rows<T>, bool), StoreError> {
        let page = self.backend.slice(T::DEF, &partition.to_key(), slice).await?;
        let rows =
            page.rows.iter().map(|row| typed::<T>(&row.clustering, &row.value)).collect::<Result<_, _>>()?;
        Ok((rows, page.more))
    }

    /// Every row of a partition whose clustering key starts with `prefix`; only for partitions that stay small.
    pub async fn all<T: Table>(
        &self,
        partition: impl IntoKey,
        prefix: impl IntoKey,
    ) -> Result<Rows<T>, StoreError> {
        let partition = partition.to_key();
        let prefix = prefix.to_key();
        let edge =
            |prefix: &Key| if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix.clone()) };
        let mut from = edge(&prefix);
        let mut rows = Vec::new();
        loop {
            let slice = Slice { from, to: edge(&prefix), order: Order::Forward, limit: PAGE_ROWS };
            let page = self.backend.slice(T::DEF, &partition, slice).await?;
            for row in &page.rows {
                rows.push(typed::<T>(&row.clustering, &row.value)?);
            }
            match page.rows.into_iter().next_back() {
                Some(last) if page.more => from = Bound::Excluded(last.clustering),
                _ => return Ok(rows),
            }
        }
    }

    /// Writes rows, durable on return; not atomic across partitions.
    pub async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.backend.write(writes).await
    }

    /// Creates a row that must not be there yet, together with `projections`.
    pub async fn insert_if_absent<T: Table>(
        &self,
        partition: impl IntoKey,
        clustering: impl IntoKey,
        row: &T::Row,
        projections: Vec<Write>,
    ) -> Result<Outcome, StoreError> {
        let clustering = clustering.to_key();
        self.backend
            .claim(Claim {
                table: T::DEF,
                partition: partition.to_key(),
                conditions: vec![(clustering.clone(), Expect::Absent)],
                writes: vec![(clustering, Some(encode(row)))],
                projections,
            })
            .await
    }
}

/// A put of a typed row.
pub fn put<T: Table>(partition: impl IntoKey, clustering: impl IntoKey, row: &T::Row, stamp: Stamp) -> Write {
    put_for::<T>(partition, clustering, row, stamp, None)
}

/// A put of a typed row with a life of its own.
pub fn put_for<T: Table>(
    partition: impl IntoKey,
    clustering: impl IntoKey,
    row: &T::Row,
    stamp: Stamp,
    ttl: Option<Duration>,
) -> Write {
    let (partition, clustering) = (partition.to_key(), clustering.to_key());
    Write::Put { table: T::DEF, partition, clustering, value: encode(row), stamp, ttl: ttl.or(T::DEF.ttl) }
}

/// A delete of a typed row.
pub fn delete<T: Table>(partition: impl IntoKey, clustering: impl IntoKey, stamp: Stamp) -> Write {
    Write::Delete { table: T::DEF, partition: partition.to_key(), clustering: clustering.to_key(), stamp }
}

/// A delete of every row whose clustering key starts with `prefix`; `()` empties the partition.
pub fn delete_all<T: Table>(partition: impl IntoKey, prefix: impl IntoKey, stamp: Stamp) -> Write {
    let prefix = prefix.to_key();
    let edge = if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix) };
    Write::DeleteRange { table: T::DEF, partition: partition.to_key(), from: edge.clone(), to: edge, stamp }
}

/// The stored form of a row.
///
/// # Panics
/// Never: rows hold only what JSON can say.
pub fn encode<R: serde::Serialize>(row: &R) -> Bytes {
    Bytes::from(serde_json::to_vec(row).expect("rows are made of what JSON can say"))
}

/// The row of a stored form.
pub fn decode<T: Table>(value: &[u8]) -> Result<T::Row, StoreError> {
    serde_json::from_slice(value).map_err(|error| StoreError::corrupt(T::DEF.name, error))
}

fn typed<T: Table>(clustering: &Key, value: &[u8]) -> Result<(T::Clustering, T::Row), StoreError> {
    let key = T::Clustering::from_key(clustering)
        .ok_or_else(|| StoreError::corrupt(T::DEF.name, format!("key {clustering:?}")))?;
    Ok((key, decode::<T>(value)?))
}
