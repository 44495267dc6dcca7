//! Whether a request fits its table: the same checks, with the same words, in front of every back end.

use std::{collections::BTreeSet, ops::Bound};

use crate::{
    Append, Claim, Slice, StoreError, Write, WrittenBy,
    key::{Key, KeyValue},
    table::TableDef,
};

/// The most bytes of text in one row's keys, partition and clustering together.
pub const MAX_KEY_BYTES: usize = 16 * 1024;

/// The most bytes of one row's value. CQL servers refuse a mutation above half a commit log segment, 16 MB.
pub const MAX_VALUE_BYTES: usize = 8 * 1024 * 1024;

fn misuse(table: &TableDef, reason: impl Into<String>) -> StoreError {
    StoreError::Misuse { table: table.name, reason: reason.into() }
}

fn text_bytes(key: &Key) -> usize {
    key.iter().map(|value| if let KeyValue::Text(text) = value { text.len() } else { 0 }).sum()
}

/// A whole partition key.
pub fn partition(table: &TableDef, partition: &Key) -> Result<(), StoreError> {
    if !table.is_partition(partition) {
        return Err(misuse(table, format!("{partition:?} is not a partition key")));
    }
    if text_bytes(partition) > MAX_KEY_BYTES {
        return Err(misuse(table, format!("the partition key is longer than {MAX_KEY_BYTES} bytes")));
    }
    Ok(())
}

/// A whole row key.
pub fn row(table: &TableDef, partition_key: &Key, clustering: &Key) -> Result<(), StoreError> {
    partition(table, partition_key)?;
    if !table.is_clustering(clustering) {
        return Err(misuse(table, format!("{clustering:?} is not a clustering key")));
    }
    if text_bytes(partition_key) + text_bytes(clustering) > MAX_KEY_BYTES {
        return Err(misuse(table, format!("the key is longer than {MAX_KEY_BYTES} bytes")));
    }
    Ok(())
}

/// The bounds of a range of one partition.
pub fn range(
    table: &TableDef,
    partition_key: &Key,
    from: &Bound<Key>,
    to: &Bound<Key>,
) -> Result<(), StoreError> {
    partition(table, partition_key)?;
    for bound in [from, to] {
        if let Bound::Included(key) | Bound::Excluded(key) = bound
            && (!table.is_clustering_prefix(key) || text_bytes(key) > MAX_KEY_BYTES)
        {
            return Err(misuse(table, format!("{key:?} is not a prefix of a clustering key")));
        }
    }
    Ok(())
}

/// A range to read.
pub fn slice(table: &TableDef, partition_key: &Key, slice: &Slice) -> Result<(), StoreError> {
    if slice.limit == 0 {
        return Err(misuse(table, "a slice of no rows"));
    }
    range(table, partition_key, &slice.from, &slice.to)
}

/// A partition that carries a guard.
pub fn guarded(table: &TableDef, partition_key: &Key) -> Result<(), StoreError> {
    partition(table, partition_key)?;
    written(table, WrittenBy::Append, partition_key)
}

/// A table whose rows come about in this way, and a partition of it that may be written.
fn written(table: &TableDef, by: WrittenBy, partition: &Key) -> Result<(), StoreError> {
    if table.written_by != by {
        let (wrong, right) = (name(by), name(table.written_by));
        return Err(misuse(table, format!("its rows are written by {right}, not by {wrong}")));
    }
    if is_blank(partition) {
        return Err(misuse(table, "no row is written to a partition of an empty name"));
    }
    Ok(())
}

const fn name(by: WrittenBy) -> &'static str {
    match by {
        WrittenBy::Write => "write",
        WrittenBy::Append => "append",
        WrittenBy::Claim => "claim",
    }
}

/// Whether the partition key is one empty text, which no CQL server takes: such a partition is empty for ever.
pub fn is_blank(partition: &Key) -> bool {
    matches!(&partition[..], [KeyValue::Text(text)] if text.is_empty())
}

fn value(table: &TableDef, value: &[u8]) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(misuse(table, format!("the value is longer than {MAX_VALUE_BYTES} bytes")));
    }
    if std::str::from_utf8(value).is_err() {
        return Err(misuse(table, "the value is not UTF-8"));
    }
    Ok(())
}

fn each_once<'a>(table: &TableDef, keys: impl Iterator<Item = &'a Key>) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(misuse(table, format!("{key:?} is written twice at once")));
        }
    }
    Ok(())
}

/// An append and the writes that ride on it.
pub fn append(append: &Append) -> Result<(), StoreError> {
    guarded(append.table, &append.partition)?;
    value(append.table, &append.head)?;
    for (clustering, bytes) in &append.rows {
        row(append.table, &append.partition, clustering)?;
        value(append.table, bytes)?;
    }
    each_once(append.table, append.rows.iter().map(|(key, _)| key))?;
    writes(&append.projections)
}

/// A claim and the writes that ride on it.
pub fn claim(claim: &Claim) -> Result<(), StoreError> {
    partition(claim.table, &claim.partition)?;
    written(claim.table, WrittenBy::Claim, &claim.partition)?;
    if claim.conditions.is_empty() {
        return Err(misuse(claim.table, "a claim without a condition"));
    }
    for (clustering, _) in &claim.conditions {
        row(claim.table, &claim.partition, clustering)?;
    }
    for (clustering, bytes) in &claim.writes {
        row(claim.table, &claim.partition, clustering)?;
        value(claim.table, bytes.as_deref().unwrap_or_default())?;
    }
    each_once(claim.table, claim.writes.iter().map(|(key, _)| key))?;
    writes(&claim.projections)
}

/// Unconditional writes.
pub fn writes(writes: &[Write]) -> Result<(), StoreError> {
    for write in writes {
        let (table, partition_key) = write.place();
        partition(table, partition_key)?;
        written(table, WrittenBy::Write, partition_key)?;
        match write {
            Write::Put { table, partition, clustering, value: bytes, .. } => {
                row(table, partition, clustering)?;
                value(table, bytes)?;
            }
            Write::Delete { table, partition, clustering, .. } => row(table, partition, clustering)?,
            Write::DeleteRange { table, partition, from, to, .. } => range(table, partition, from, to)?,
        }
    }
    Ok(())
}
