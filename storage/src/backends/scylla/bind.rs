//! Values bound to statements.

use bytes::Bytes;
use scylla::{
    cluster::metadata::ColumnType,
    serialize::{
        SerializationError,
        value::SerializeValue,
        writers::{CellWriter, WrittenCellProof},
    },
    value::CqlValue,
};

use crate::{
    StoreError,
    key::{Key, KeyValue},
    table::TableDef,
};

/// A bound value.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    /// A `bigint`.
    Int(i64),
    /// An `int`: limits and lives.
    Small(i32),
    /// A `text`.
    Text(&'a str),
    /// No value.
    Null,
    /// A list of clustering keys.
    Keys(CqlValue),
}

impl SerializeValue for Value<'_> {
    fn serialize<'b>(
        &self,
        typ: &ColumnType<'_>,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match self {
            Self::Int(value) => value.serialize(typ, writer),
            Self::Small(value) => value.serialize(typ, writer),
            Self::Text(value) => value.serialize(typ, writer),
            Self::Null => Ok(writer.set_null()),
            Self::Keys(value) => value.serialize(typ, writer),
        }
    }
}

impl<'a> From<&'a KeyValue> for Value<'a> {
    fn from(value: &'a KeyValue) -> Self {
        match value {
            KeyValue::Int(n) => Self::Int(*n),
            KeyValue::Text(text) => Self::Text(text),
        }
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

/// The columns of keys, in order.
pub(super) fn keys<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Vec<Value<'a>> {
    keys.into_iter().flatten().map(Value::from).collect()
}

/// A row's value.
pub(super) fn text<'a>(table: &TableDef, value: &'a Bytes) -> Result<Value<'a>, StoreError> {
    std::str::from_utf8(value)
        .map(Value::Text)
        .map_err(|error| StoreError::Misuse { table: table.name, reason: format!("the value: {error}") })
}

/// Clustering keys as one list, of tuples where they have several columns.
pub(super) fn list<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Value<'a> {
    let column = |value: &KeyValue| match value {
        KeyValue::Int(n) => CqlValue::BigInt(*n),
        KeyValue::Text(text) => CqlValue::Text(text.clone()),
    };
    let key = |key: &Key| match &key[..] {
        [single] => column(single),
        several => CqlValue::Tuple(several.iter().map(|value| Some(column(value))).collect()),
    };
    Value::Keys(CqlValue::List(keys.into_iter().map(key).collect()))
}

/// A count as CQL's `int`.
pub(super) fn small(count: u64) -> Value<'static> {
    Value::Small(i32::try_from(count).unwrap_or(i32::MAX))
}
