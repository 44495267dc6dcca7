//! Words to write laws in.

use std::{ops::Bound, time::Duration};

use bytes::Bytes;
use playhouse_storage::{
    Append, Backend, Claim, Expect, Key, KeyValue, Order, Slice, Stamp, Table, TableDef, Write,
    tables::{AccountData, CrossSigningKey, RoomLog},
};

/// A table with two text clustering columns.
pub const PAIRS: &TableDef = AccountData::DEF;

/// A table that is written by claim, with one text clustering column.
pub const CLAIMS: &TableDef = CrossSigningKey::DEF;

/// The guarded table.
pub const LOG: &TableDef = RoomLog::DEF;

pub fn text(value: &str) -> KeyValue {
    KeyValue::Text(value.to_owned())
}

pub fn int(value: i64) -> KeyValue {
    KeyValue::Int(value)
}

/// A key of text columns.
pub fn key<const N: usize>(columns: [&str; N]) -> Key {
    columns.into_iter().map(text).collect()
}

pub fn bytes(value: &str) -> Bytes {
    Bytes::copy_from_slice(value.as_bytes())
}

pub fn put(table: &'static TableDef, partition: &Key, clustering: &Key, value: &str, stamp: Stamp) -> Write {
    let (partition, clustering, value) = (partition.clone(), clustering.clone(), bytes(value));
    Write::Put { table, partition, clustering, value, stamp, ttl: None }
}

pub fn put_for(partition: &Key, clustering: &Key, value: &str, stamp: Stamp, life: Duration) -> Write {
    let (partition, clustering, value) = (partition.clone(), clustering.clone(), bytes(value));
    Write::Put { table: PAIRS, partition, clustering, value, stamp, ttl: Some(life) }
}

pub fn delete(table: &'static TableDef, partition: &Key, clustering: &Key, stamp: Stamp) -> Write {
    Write::Delete { table, partition: partition.clone(), clustering: clustering.clone(), stamp }
}

pub fn delete_range(
    table: &'static TableDef,
    partition: &Key,
    from: Bound<Key>,
    to: Bound<Key>,
    stamp: Stamp,
) -> Write {
    Write::DeleteRange { table, partition: partition.clone(), from, to, stamp }
}

/// The value of a row, if it is there.
pub async fn value(
    store: &dyn Backend,
    table: &'static TableDef,
    partition: &Key,
    clustering: &Key,
) -> Option<String> {
    let row = store.get(table, partition, clustering).await.unwrap()?;
    assert_eq!(row.clustering, *clustering);
    Some(String::from_utf8(row.value.to_vec()).unwrap())
}

pub fn slice(from: Bound<Key>, to: Bound<Key>, order: Order, limit: usize) -> Slice {
    Slice { from, to, order, limit }
}

pub fn everything(order: Order) -> Slice {
    slice(Bound::Unbounded, Bound::Unbounded, order, 100_000)
}

/// The clustering keys of a slice, and whether there are more.
pub async fn keys(
    store: &dyn Backend,
    table: &'static TableDef,
    partition: &Key,
    slice: Slice,
) -> (Vec<Key>, bool) {
    let page = store.slice(table, partition, slice).await.unwrap();
    (page.rows.into_iter().map(|row| row.clustering).collect(), page.more)
}

/// The log of a room.
pub fn room(name: &str) -> Key {
    vec![text(name), int(0)]
}

/// An append of one event.
pub fn append(room: &Key, fence: i64, expected: Option<i64>, seq: i64) -> Append {
    Append {
        table: LOG,
        partition: room.clone(),
        fence,
        expected_head_seq: expected,
        new_head_seq: seq,
        head: bytes(&format!("head {seq}")),
        rows: vec![(vec![int(seq)], bytes(&format!("event {seq}")))],
        projections: Vec::new(),
    }
}

pub fn claim(partition: &Key, conditions: Vec<(Key, Expect)>, writes: Vec<(Key, Option<Bytes>)>) -> Claim {
    Claim { table: CLAIMS, partition: partition.clone(), conditions, writes, projections: Vec::new() }
}
