//! Keys as bytes whose order is the order of the columns.
//!
//! A row's key is the table's id, the partition's columns, the clustering columns. An integer is eight bytes, big end
//! first, sign bit flipped. Text is its UTF-8 with `00` written `00 01`, ended by `00 00`: no column is a prefix of
//! another, and a shorter text sorts first. So the rows of a partition, and of any prefix of a clustering key, are
//! exactly the keys that start with its bytes. The bare partition key holds the partition's guard, or, in a table
//! without clustering columns, its one row.
//!
//! Table id 0 is the back end's own; see [`Own`].

use std::ops::Bound;

use crate::{
    key::{Key, KeyValue},
    table::{Column, ColumnKind, TableDef},
};

/// A half-open range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyRange {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
}

impl KeyRange {
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        *self.start <= *key && *key < *self.end
    }

    pub fn covers(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// The back end's own rows, in each family's tree under table id 0.
#[derive(Debug, Clone, Copy)]
pub(super) enum Own {
    /// The version of the format on disk.
    Format = 0,
    /// When rows expire: eight bytes of milliseconds, then the key of the row; no value.
    Expiry = 1,
    /// The deleted ranges of a partition, under its key.
    Ranges = 2,
}

impl Own {
    pub fn key(self, rest: &[&[u8]]) -> Vec<u8> {
        let mut key = vec![0, self as u8];
        for part in rest {
            key.extend_from_slice(part);
        }
        key
    }
}

pub(super) fn partition_key(table: &TableDef, partition: &[KeyValue]) -> Vec<u8> {
    let mut key = Vec::with_capacity(96);
    key.push(table.id);
    push(&mut key, partition);
    key
}

pub(super) fn row_key(table: &TableDef, partition: &[KeyValue], clustering: &[KeyValue]) -> Vec<u8> {
    let mut key = partition_key(table, partition);
    push(&mut key, clustering);
    key
}

/// The rows of a partition between two bounds; its guard is not among them.
pub(super) fn range(
    table: &TableDef,
    partition: &[KeyValue],
    from: &Bound<Key>,
    to: &Bound<Key>,
) -> KeyRange {
    let base = partition_key(table, partition);
    let at = |columns: &Key| {
        let mut key = base.clone();
        push(&mut key, columns);
        key
    };
    let start = match from {
        Bound::Unbounded => base.clone(),
        Bound::Included(columns) => at(columns),
        Bound::Excluded(columns) => successor(&at(columns)),
    };
    let end = match to {
        Bound::Unbounded => successor(&base),
        Bound::Included(columns) => successor(&at(columns)),
        Bound::Excluded(columns) => at(columns),
    };
    let start = if table.is_guarded() && start == base { [&base[..], &[0]].concat() } else { start };
    KeyRange { start, end }
}

/// The smallest key above every key that starts with `prefix`. Keys start with a table id below 255, so there is one.
pub(super) fn successor(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX).map_or(0, |last| last + 1);
    let mut key = prefix[..kept].to_vec();
    if let Some(last) = key.last_mut() {
        *last += 1;
    }
    key
}

/// Reads `columns` off the front of `bytes`; the rest is what follows them.
pub(super) fn read<'a>(columns: &[Column], mut bytes: &'a [u8]) -> Option<(Key, &'a [u8])> {
    let mut key = Key::with_capacity(columns.len());
    for column in columns {
        let (value, rest) = match column.kind {
            ColumnKind::Int => read_int(bytes)?,
            ColumnKind::Text => read_text(bytes)?,
        };
        key.push(value);
        bytes = rest;
    }
    Some((key, bytes))
}

/// Reads the clustering key that ends `bytes`.
pub(super) fn read_clustering(table: &TableDef, bytes: &[u8]) -> Option<Key> {
    let (key, rest) = read(table.clustering, bytes)?;
    rest.is_empty().then_some(key)
}

fn push(out: &mut Vec<u8>, columns: &[KeyValue]) {
    for column in columns {
        match column {
            KeyValue::Int(number) => out.extend_from_slice(&(number ^ i64::MIN).to_be_bytes()),
            KeyValue::Text(text) => push_text(out, text.as_bytes()),
        }
    }
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    for (part, piece) in text.split(|byte| *byte == 0).enumerate() {
        if part > 0 {
            out.extend_from_slice(&[0, 1]);
        }
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&[0, 0]);
}

fn read_int(bytes: &[u8]) -> Option<(KeyValue, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((KeyValue::Int(i64::from_be_bytes(*number) ^ i64::MIN), rest))
}

fn read_text(mut bytes: &[u8]) -> Option<(KeyValue, &[u8])> {
    let mut text = Vec::new();
    loop {
        let zero = bytes.iter().position(|byte| *byte == 0)?;
        text.extend_from_slice(&bytes[..zero]);
        let mark = bytes.get(zero + 1)?;
        bytes = &bytes[zero + 2..];
        match mark {
            0 => return Some((KeyValue::Text(String::from_utf8(text).ok()?), bytes)),
            1 => text.push(0),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    fn text(text: &str) -> Key {
        vec![KeyValue::Text(text.to_owned())]
    }

    #[test]
    fn keys_sort_as_their_columns_do() {
        let mut keys: Vec<Key> = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "ab", "é", "\u{10ffff}"]
            .into_iter()
            .flat_map(|name| {
                [i64::MIN, -256, -1, 0, 1, 255, i64::MAX]
                    .map(|number| vec![KeyValue::Text(name.to_owned()), KeyValue::Int(number)])
            })
            .collect();
        keys.sort();

        let encoded: Vec<Vec<u8>> = keys
            .iter()
            .map(|key| {
                let mut out = Vec::new();
                push(&mut out, key);
                out
            })
            .collect();

        assert!(encoded.is_sorted_by(|a, b| a < b));
        for (key, bytes) in keys.iter().zip(&encoded) {
            let columns = [crate::table::text("t"), crate::table::int("i")];
            assert_eq!(read(&columns, bytes), Some((key.clone(), &[][..])));
        }
    }

    #[test]
    fn no_text_is_a_prefix_of_another() {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        push(&mut short, &text("a"));
        push(&mut long, &text("a\0"));
        assert!(!long.starts_with(&short));
    }

    #[test]
    fn successor_skips_the_bytes_that_cannot_grow() {
        assert_eq!(successor(&[1, 2]), [1, 3]);
        assert_eq!(successor(&[1, 255, 255]), [2]);
    }

    #[test]
    fn table_ids_are_unique_and_leave_the_edges_free() {
        let mut ids: Vec<u8> = tables::ALL.iter().map(|table| table.id).collect();
        ids.sort_unstable();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(!ids.contains(&0) && !ids.contains(&u8::MAX));
    }
}
