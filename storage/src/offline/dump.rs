//! Rows as lines: the table, the key's columns by name, the row's JSON.

use std::io::Write;

use super::{
    named, named_row,
    walk::{Walk, Walked},
};
use crate::{
    Store, StoreError,
    key::{Key, KeyValue},
    table::{Column, ColumnKind, TableDef},
    tables,
};

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The tables, by name; all if empty.
    pub tables: Vec<String>,
    /// Key columns, by name, and the value that each must have. A table without such a column is left out.
    pub columns: Vec<(String, String)>,
    /// The most rows to show.
    pub limit: Option<u64>,
}

/// Why a dump ended early.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// There is no such table.
    #[error("there is no table {0:?}; the tables are: {names}", names = names())]
    UnknownTable(String),
    /// No table that is to be shown has such a column.
    #[error("no table here has a key column {0:?}")]
    UnknownColumn(String),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lines cannot be written.
    #[error("cannot write the dump: {0}")]
    Output(#[from] std::io::Error),
}

fn names() -> String {
    tables::ALL.iter().map(|table| table.name).collect::<Vec<_>>().join(", ")
}

/// Writes the rows that `filter` lets through to `out`, one a line, and says how many.
///
/// # Errors
/// See [`DumpError`]. A partition that cannot be read is a line of its own that starts with `!`.
pub async fn dump(store: &Store, filter: &Filter, out: &mut (dyn Write + Send)) -> Result<u64, DumpError> {
    let mut left = filter.limit.unwrap_or(u64::MAX);
    let before = left;
    for table in selected(filter)? {
        let mut walk = match whole_partition(table, filter) {
            Some(partition) => Walk::of_partition(store, table, partition),
            None => Walk::new(store, table),
        };
        let mut guarded = None;
        while left > 0
            && let Some(page) = walk.next().await?
        {
            let (partition, rows) = match page {
                Walked::Rows { partition, rows } => (partition, rows),
                Walked::Unreadable { partition, error } => {
                    writeln!(out, "! {} {}: {error}", table.name, named(table.partition, &partition))?;
                    continue;
                }
            };
            if !fits(table.partition, &partition, filter) {
                continue;
            }
            if table.is_guarded() && guarded.as_ref() != Some(&partition) {
                guard_line(store, table, &partition, out).await?;
                guarded = Some(partition.clone());
            }
            for row in rows.iter().filter(|row| fits(table.clustering, &row.clustering, filter)) {
                if left == 0 {
                    break;
                }
                left -= 1;
                write!(out, "{} {} ", table.name, named_row(table, &partition, &row.clustering))?;
                json_line(&row.value, out)?;
            }
        }
    }
    Ok(before - left)
}

fn selected(filter: &Filter) -> Result<Vec<&'static TableDef>, DumpError> {
    let known = |name: &String| tables::ALL.iter().any(|table| table.name == name);
    if let Some(unknown) = filter.tables.iter().find(|name| !known(name)) {
        return Err(DumpError::UnknownTable(unknown.clone()));
    }
    let wanted =
        |table: &TableDef| filter.tables.is_empty() || filter.tables.iter().any(|name| name == table.name);
    let has = |table: &TableDef, name: &String| {
        table.partition.iter().chain(table.clustering).any(|column| column.name == name)
    };
    let shown: Vec<_> = tables::ALL.iter().copied().filter(|table| wanted(table)).collect();
    if let Some((name, _)) =
        filter.columns.iter().find(|(name, _)| !shown.iter().any(|table| has(table, name)))
    {
        return Err(DumpError::UnknownColumn(name.clone()));
    }
    let all = |table: &&TableDef| filter.columns.iter().all(|(name, _)| has(table, name));
    Ok(shown.into_iter().filter(all).collect())
}

/// The partition, where the filter names it whole.
fn whole_partition(table: &TableDef, filter: &Filter) -> Option<Key> {
    let value = |column: &Column| {
        let (_, value) = filter.columns.iter().find(|(name, _)| name == column.name)?;
        match column.kind {
            ColumnKind::Text => Some(KeyValue::Text(value.clone())),
            ColumnKind::Int => value.parse().ok().map(KeyValue::Int),
        }
    };
    table.partition.iter().map(value).collect()
}

fn fits(columns: &[Column], key: &Key, filter: &Filter) -> bool {
    let same = |value: &KeyValue, wanted: &str| match value {
        KeyValue::Text(text) => text == wanted,
        KeyValue::Int(number) => number.to_string() == wanted,
    };
    columns.iter().zip(key).all(|(column, value)| {
        filter.columns.iter().all(|(name, wanted)| name != column.name || same(value, wanted))
    })
}

async fn guard_line(
    store: &Store,
    table: &'static TableDef,
    partition: &Key,
    out: &mut (dyn Write + Send),
) -> Result<(), DumpError> {
    let Some(guard) = store.backend().guard(table, partition).await? else { return Ok(()) };
    let head_seq = guard.head_seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    let key = named(table.partition, partition);
    write!(out, "{} {key} guard fence={} head_seq={head_seq} ", table.name, guard.fence)?;
    Ok(json_line(&guard.head, out)?)
}

/// A value as it is stored; rows are JSON without line breaks. What is not is shown escaped.
fn json_line(value: &[u8], out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(['\n', '\r']) => writeln!(out, "{text}"),
        _ => writeln!(out, "{}", value.escape_ascii()),
    }
}
