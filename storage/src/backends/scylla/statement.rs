//! The statements, by shape: few for each table, so that each is prepared once.
//!
//! Every name is quoted: some of ours are words of CQL.

use super::range::RangeShape;
use crate::table::{Column, TableDef};

/// The static columns of a guarded partition: the fence, the head, and the mark of the newest append, by which the
/// outcome of one is told.
pub(super) const GUARD_COLUMNS: &str = "\"fence\", \"head_seq\", \"head\", \"mark\"";

/// What a statement does, apart from the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// Reads the value of one row.
    Get,
    /// Reads rows of one partition by a list of clustering keys.
    Among,
    /// Reads a range.
    Slice(RangeShape, Direction),
    /// Reads a range with stamps and lives.
    Export(RangeShape, Direction),
    /// Reads partition keys, from the first or past one.
    Partitions(Start),
    /// Reads the guard.
    Guard,
    /// Raises the fence if the guard is as it was read.
    Fence,
    /// Moves the head if the fence and the head are as expected.
    Advance,
    /// Adds a row to what [`Shape::Advance`] guards.
    Insert,
    /// Sets a row at a stamp.
    Put,
    /// Deletes a row at a stamp.
    Delete,
    /// Deletes a range at a stamp.
    DeleteRange(RangeShape),
    /// A part of a claim.
    Claim(Then, If),
    /// Reads one row serially, for what that settles.
    Settle,
}

/// In which direction rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// Where a walk over partitions starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Start {
    First,
    Past,
}

/// What a claim does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Then {
    Set,
    Delete,
    /// Nothing; but a condition needs a statement, which deletes what is never set.
    Keep,
}

/// What a claim asks of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum If {
    Whatever,
    Absent,
    Present,
    Value,
}

impl Shape {
    /// Whether it asks before it writes. Nothing that does is ever sent again unasked.
    pub const fn is_conditional(self) -> bool {
        matches!(self, Self::Fence | Self::Advance | Self::Claim(..))
    }

    /// The statement's text for a table of a keyspace.
    pub fn cql(self, keyspace: &str, table: &TableDef) -> String {
        let from = format!("\"{keyspace}\".\"{}\"", table.name);
        let partition = equal(table.partition);
        let row = equal_all(table);
        match self {
            Self::Get | Self::Settle => format!("SELECT \"value\" FROM {from} WHERE {row}"),
            Self::Among => {
                let keys = names(table.clustering);
                let among = if table.clustering.len() == 1 { keys.clone() } else { format!("({keys})") };
                format!("SELECT {keys}, \"value\" FROM {from} WHERE {partition} AND {among} IN ?")
            }
            Self::Slice(range, direction) => {
                let (range, order) = (range.conditions(table), order(table, direction));
                let columns = and(table.clustering, "\"value\"");
                format!("SELECT {columns} FROM {from} WHERE {partition}{range}{order} LIMIT ?")
            }
            Self::Export(range, direction) => {
                let (range, order) = (range.conditions(table), order(table, direction));
                let columns = and(table.clustering, "\"value\", WRITETIME(\"value\"), TTL(\"value\")");
                format!("SELECT {columns} FROM {from} WHERE {partition}{range}{order} LIMIT ?")
            }
            Self::Partitions(start) => {
                let (keys, marks) = (names(table.partition), marks(table.partition.len()));
                let past = match start {
                    Start::First => String::new(),
                    Start::Past => format!(" WHERE token({keys}) > token({marks})"),
                };
                format!("SELECT DISTINCT {keys} FROM {from}{past} LIMIT ?")
            }
            Self::Guard => format!("SELECT DISTINCT {GUARD_COLUMNS} FROM {from} WHERE {partition}"),
            Self::Fence => format!(
                "UPDATE {from} SET \"fence\" = ? WHERE {partition} \
                 IF \"fence\" = ? AND \"head_seq\" = ? AND \"mark\" = ?"
            ),
            Self::Advance => format!(
                "UPDATE {from} SET \"head_seq\" = ?, \"head\" = ?, \"mark\" = ? WHERE {partition} \
                 IF \"fence\" = ? AND \"head_seq\" = ?"
            ),
            Self::Insert => insert(&from, table),
            Self::Put => format!("{} USING TIMESTAMP ? AND TTL ?", insert(&from, table)),
            Self::Delete => format!("DELETE FROM {from} USING TIMESTAMP ? WHERE {row}"),
            Self::DeleteRange(range) => {
                format!("DELETE FROM {from} USING TIMESTAMP ? WHERE {partition}{}", range.conditions(table))
            }
            Self::Claim(then, condition) => {
                let condition = condition.cql();
                match then {
                    Then::Set => {
                        format!("UPDATE {from} USING TTL ? SET \"value\" = ? WHERE {row}{condition}")
                    }
                    Then::Delete => format!("DELETE FROM {from} WHERE {row}{condition}"),
                    Then::Keep => format!("DELETE \"never\" FROM {from} WHERE {row}{condition}"),
                }
            }
        }
    }
}

impl If {
    const fn cql(self) -> &'static str {
        match self {
            Self::Whatever => "",
            Self::Absent => " IF \"value\" = NULL",
            Self::Present => " IF \"value\" != NULL",
            Self::Value => " IF \"value\" = ?",
        }
    }
}

pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn and(columns: &[Column], more: &str) -> String {
    if columns.is_empty() { more.to_owned() } else { format!("{}, {more}", names(columns)) }
}

fn equal(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\" = ?", column.name)).collect::<Vec<_>>().join(" AND ")
}

fn equal_all(table: &TableDef) -> String {
    let columns: Vec<Column> = table.partition.iter().chain(table.clustering).copied().collect();
    equal(&columns)
}

fn insert(from: &str, table: &TableDef) -> String {
    let columns: Vec<Column> = table.partition.iter().chain(table.clustering).copied().collect();
    format!("INSERT INTO {from} ({}, \"value\") VALUES ({})", names(&columns), marks(columns.len() + 1))
}

fn order(table: &TableDef, direction: Direction) -> String {
    if direction == Direction::Forward || table.clustering.is_empty() {
        return String::new();
    }
    let columns: Vec<String> =
        table.clustering.iter().map(|column| format!("\"{}\" DESC", column.name)).collect();
    format!(" ORDER BY {}", columns.join(", "))
}
