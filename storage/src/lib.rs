//! The storage contract, its tables and its back ends.
//!
//! A *partitioned ordered map with single-partition conditional batches*: the widest contract that an ordered
//! key-value store and ScyllaDB both honor well. Nothing here knows Matrix rules; rows are plain data.
//!
//! - [`contract`]: what every back end promises, and what it does not.
//! - [`key`], [`table`]: typed key columns and the definition of a table.
//! - [`tables`]: one file a table.
//! - [`store`]: the typed front that the rest of the server uses.
//! - [`offline`]: checks and dumps of a whole store.
//! - [`backends`]: `memory` (adversarial, for tests) and `fjall` (embedded, the default).

pub mod backends;
pub mod clock;
pub mod contract;
pub mod error;
pub mod key;
pub mod metrics;
pub mod offline;
pub mod store;
pub mod table;
pub mod tables;

pub use contract::{
    Append, Backend, Claim, Expect, ExportPage, Exported, Guard, Order, Outcome, Page, Row, Slice, Stamp,
    Write,
};
pub use error::StoreError;
pub use key::{FromKey, IntoKey, Key, KeyValue};
pub use store::Store;
pub use table::{Column, ColumnKind, Family, Table, TableDef, WrittenBy};
