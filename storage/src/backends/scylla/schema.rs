//! The keyspace's tables, as they are made.

use std::fmt::Write as _;

use super::{options::Replication, statement::names};
use crate::table::{ColumnKind, TableDef, WrittenBy};

/// The table of what the keyspace itself is; beside the logical ones.
pub(super) const SCHEMA_TABLE: &str = "schema_version";

/// The table of who serves from the keyspace; beside the logical ones too.
pub(super) const LEASE_TABLE: &str = "lease";

/// Makes the keyspace.
pub(super) fn create_keyspace(keyspace: &str, replication: &Replication, tablets: Tablets) -> String {
    let mut replicas = String::from("'class': 'NetworkTopologyStrategy'");
    // Writing to a string does not fail.
    match replication {
        Replication::Factor(factor) => drop(write!(replicas, ", 'replication_factor': {factor}")),
        Replication::Datacenters(datacenters) => {
            for (datacenter, factor) in datacenters {
                let _ = write!(replicas, ", '{}': {factor}", datacenter.replace('\'', "''"));
            }
        }
    }
    let tablets = match tablets {
        Tablets::Unknown => "",
        Tablets::Off => " AND tablets = {'enabled': false}",
    };
    format!("CREATE KEYSPACE IF NOT EXISTS \"{keyspace}\" WITH replication = {{{replicas}}}{tablets}")
}

/// What to say of tablets: ScyllaDB's conditional writes may need them off, other servers do not know the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tablets {
    Unknown,
    Off,
}

/// Makes the table of the schema's version.
pub(super) fn create_schema_table(keyspace: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS \"{keyspace}\".\"{SCHEMA_TABLE}\" \
         (\"name\" text PRIMARY KEY, \"version\" int)"
    )
}

/// Makes the table of the lease.
pub(super) fn create_lease_table(keyspace: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS \"{keyspace}\".\"{LEASE_TABLE}\" \
         (\"name\" text PRIMARY KEY, \"owner\" text, \"host\" text, \"pid\" bigint, \"since\" timestamp, \
         \"until\" timestamp, \"renewals\" bigint, \"place\" text, \"started\" text)"
    )
}

/// Makes a logical table.
pub(super) fn create_table(keyspace: &str, table: &TableDef) -> String {
    let mut columns = String::new();
    for column in table.partition.iter().chain(table.clustering) {
        let kind = match column.kind {
            ColumnKind::Text => "text",
            ColumnKind::Int => "bigint",
        };
        let _ = write!(columns, "\"{}\" {kind}, ", column.name);
    }
    columns.push_str(match table.written_by {
        WrittenBy::Write => "\"value\" text, ",
        WrittenBy::Claim => "\"value\" text, \"never\" boolean, ",
        WrittenBy::Append => {
            "\"fence\" bigint static, \"head_seq\" bigint static, \"head\" text static, \"mark\" bigint static, \
             \"value\" text, "
        }
    });
    let mut key = format!("({})", names(table.partition));
    if !table.clustering.is_empty() {
        let _ = write!(key, ", {}", names(table.clustering));
    }
    format!(
        "CREATE TABLE IF NOT EXISTS \"{keyspace}\".\"{}\" ({columns}PRIMARY KEY ({key})) WITH {}",
        table.name,
        options(table)
    )
}

/// How a table is kept. Rows that all end lie together by the time of their writing, so that whole files end with them.
fn options(table: &TableDef) -> String {
    // Of the words for compression this one is understood by Cassandra and ScyllaDB alike.
    let mut options = String::from("compression = {'class': 'LZ4Compressor'}");
    if let Some(life) = table.ttl {
        /// A life in so many windows: as many files are open to reads.
        const WINDOWS: u64 = 24;
        let minutes = (life.as_secs() / 60 / WINDOWS).max(10);
        let (unit, size) = match minutes {
            0..60 => ("MINUTES", minutes),
            60..1_440 => ("HOURS", minutes / 60),
            _ => ("DAYS", minutes / 1_440),
        };
        let _ = write!(
            options,
            " AND compaction = {{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': '{unit}', \
             'compaction_window_size': {size}}} AND default_time_to_live = {}",
            life.as_secs()
        );
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Table as _,
        tables::{DeviceChange, LoginToken, OneTimeKey, RoomLog, TransactionAnswer},
    };

    #[test]
    fn key_columns_are_typed_and_named() {
        assert_eq!(
            create_table("p", RoomLog::DEF),
            "CREATE TABLE IF NOT EXISTS \"p\".\"room_log\" (\"room\" text, \"bucket\" bigint, \"seq\" bigint, \
             \"fence\" bigint static, \"head_seq\" bigint static, \"head\" text static, \"mark\" bigint static, \
             \"value\" text, PRIMARY KEY ((\"room\", \"bucket\"), \"seq\")) \
             WITH compression = {'class': 'LZ4Compressor'}"
        );
        assert!(create_table("p", OneTimeKey::DEF).contains("\"algorithm\", \"order\", \"key_id\")"));
    }

    #[test]
    fn rows_that_end_lie_in_windows_of_time() {
        for (table, expected) in [
            (DeviceChange::DEF, "'DAYS', 'compaction_window_size': 3}"),
            (TransactionAnswer::DEF, "'HOURS', 'compaction_window_size': 1}"),
            (LoginToken::DEF, "'MINUTES', 'compaction_window_size': 10}"),
        ] {
            let table = create_table("p", table);
            assert!(table.contains(expected), "{table}");
        }
    }

    #[test]
    fn a_keyspace_is_replicated_as_it_is_told() {
        let three = create_keyspace("p", &Replication::Factor(3), Tablets::Unknown);
        assert!(three.ends_with("{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"), "{three}");
        let two = Replication::Datacenters([("a'b".to_owned(), 2), ("c".to_owned(), 3)].into());
        let two = create_keyspace("p", &two, Tablets::Off);
        assert!(two.ends_with("'a''b': 2, 'c': 3} AND tablets = {'enabled': false}"), "{two}");
    }
}
