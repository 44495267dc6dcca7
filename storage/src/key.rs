//! Typed key columns: readable in CQL, order-preserving bytes in an ordered key-value store.

use std::fmt;

/// The value of one key column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    /// A signed integer (CQL `bigint`), ordered numerically.
    Int(i64),
    /// Text (CQL `text`), ordered by its UTF-8 bytes.
    Text(String),
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Text(s) => write!(f, "{s:?}"),
        }
    }
}

/// A whole partition or clustering key, or a prefix of one: a value for each column, in order.
pub type Key = Vec<KeyValue>;

/// Something that one key column holds.
pub trait IntoKeyValue {
    /// The column's value.
    fn to_key_value(&self) -> KeyValue;
}

impl IntoKeyValue for i64 {
    fn to_key_value(&self) -> KeyValue {
        KeyValue::Int(*self)
    }
}

impl IntoKeyValue for str {
    fn to_key_value(&self) -> KeyValue {
        KeyValue::Text(self.to_owned())
    }
}

impl IntoKeyValue for String {
    fn to_key_value(&self) -> KeyValue {
        KeyValue::Text(self.clone())
    }
}

impl<T: IntoKeyValue + ?Sized> IntoKeyValue for &T {
    fn to_key_value(&self) -> KeyValue {
        (**self).to_key_value()
    }
}

/// A tuple of column values, `(user, device)` for instance; `()` is the empty key.
pub trait IntoKey {
    /// The key's column values, in order.
    fn to_key(&self) -> Key;
}

/// The inverse of [`IntoKey`], into owned values.
pub trait FromKey: Sized {
    /// Reads the columns; `None` when their number or kinds do not fit.
    fn from_key(key: &[KeyValue]) -> Option<Self>;
}

/// The inverse of [`IntoKeyValue`].
pub trait FromKeyValue: Sized {
    /// Reads one column; `None` when its kind does not fit.
    fn from_key_value(value: &KeyValue) -> Option<Self>;
}

impl FromKeyValue for i64 {
    fn from_key_value(value: &KeyValue) -> Option<Self> {
        match value {
            KeyValue::Int(n) => Some(*n),
            KeyValue::Text(_) => None,
        }
    }
}

impl FromKeyValue for String {
    fn from_key_value(value: &KeyValue) -> Option<Self> {
        match value {
            KeyValue::Text(s) => Some(s.clone()),
            KeyValue::Int(_) => None,
        }
    }
}

impl IntoKey for () {
    fn to_key(&self) -> Key {
        Vec::new()
    }
}

impl FromKey for () {
    fn from_key(key: &[KeyValue]) -> Option<Self> {
        key.is_empty().then_some(())
    }
}

macro_rules! tuple_keys {
    ($($name:ident $index:tt),+) => {
        impl<$($name: IntoKeyValue),+> IntoKey for ($($name,)+) {
            fn to_key(&self) -> Key {
                vec![$(self.$index.to_key_value()),+]
            }
        }

        impl<$($name: FromKeyValue),+> FromKey for ($($name,)+) {
            fn from_key(key: &[KeyValue]) -> Option<Self> {
                const COLUMNS: usize = [$($index),+].len();
                (key.len() == COLUMNS).then_some(())?;
                Some(($($name::from_key_value(&key[$index])?,)+))
            }
        }
    };
}

tuple_keys!(A 0);
tuple_keys!(A 0, B 1);
tuple_keys!(A 0, B 1, C 2);
tuple_keys!(A 0, B 1, C 2, D 3);
