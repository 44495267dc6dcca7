//! Long looks at a whole store, for `playhouse store check`, `dump` and `copy`.
//!
//! Only a copy writes, to its target. A walk takes the store as it is at each page, so run it on a store that nobody
//! writes to.
//!
//! - [`check`]: every row of every table decodes, and every room's tables agree with its log.
//! - [`dump`]: rows as lines that a person can read.
//! - [`copy`]: a whole server, from a store of any kind to another; [`compare`] holds it to that.

mod check;
mod compare;
mod copy;
mod dump;
mod export;
mod history;
mod kinds;
mod patience;
mod room;
mod walk;

pub use self::{
    check::{Finding, Progress, Summary, Watch, check},
    compare::{Compared, compare},
    copy::{Copied, CopyError, copy, finish, is_half_copied},
    dump::{DumpError, Filter, dump},
    kinds::{KINDS, Kind},
    walk::{Walk, Walked},
};

use crate::{
    key::{Key, KeyValue},
    table::{Column, TableDef},
};

/// A key with the names of its columns: `room="!a:b" bucket=0`.
pub fn named(columns: &[Column], key: &[KeyValue]) -> String {
    let pairs = columns.iter().zip(key).map(|(column, value)| format!("{}={value}", column.name));
    pairs.collect::<Vec<_>>().join(" ")
}

/// The key of a row with the names of its columns.
pub fn named_row(table: &TableDef, partition: &Key, clustering: &Key) -> String {
    let (partition, clustering) = (named(table.partition, partition), named(table.clustering, clustering));
    if clustering.is_empty() { partition } else { format!("{partition} {clustering}") }
}
