//! Ranges of a partition: their shape, by which statements are prepared, and their values.

use std::{cmp::Ordering, fmt::Write as _, ops::Bound};

use super::bind::Value;
use crate::{key::Key, table::TableDef};

/// How a range is bounded, apart from the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RangeShape {
    from: Edge,
    to: Edge,
}

/// One end: by how many columns, and whether with what starts so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Edge {
    Open,
    With(usize),
    Without(usize),
}

impl From<&Bound<Key>> for Edge {
    fn from(bound: &Bound<Key>) -> Self {
        match bound {
            Bound::Included(key) if !key.is_empty() => Self::With(key.len()),
            Bound::Excluded(key) => Self::Without(key.len()),
            _ => Self::Open,
        }
    }
}

impl RangeShape {
    /// The shape of a range.
    pub fn of(from: &Bound<Key>, to: &Bound<Key>) -> Self {
        Self { from: from.into(), to: to.into() }
    }

    /// Conditions for a `WHERE`, each with its `AND` in front.
    pub fn conditions(self, table: &TableDef) -> String {
        let mut cql = String::new();
        for (edge, with, without) in [(self.from, ">=", ">"), (self.to, "<=", "<")] {
            let (columns, operator) = match edge {
                Edge::Open => continue,
                Edge::With(columns) => (columns, with),
                Edge::Without(columns) => (columns, without),
            };
            let names: Vec<String> =
                table.clustering[..columns].iter().map(|column| format!("\"{}\"", column.name)).collect();
            let marks = vec!["?"; columns].join(", ");
            // Writing to a string does not fail.
            let _ = write!(cql, " AND ({}) {operator} ({marks})", names.join(", "));
        }
        cql
    }
}

/// The values that the conditions bind, in order.
pub(super) fn values<'a>(from: &'a Bound<Key>, to: &'a Bound<Key>) -> impl Iterator<Item = Value<'a>> {
    [from, to].into_iter().flat_map(|bound| match bound {
        Bound::Included(key) | Bound::Excluded(key) => key.iter().map(Value::from).collect(),
        Bound::Unbounded => Vec::new(),
    })
}

/// Whether no key can lie in the range. What a server says to a range that is upside down depends on the server.
pub(super) fn is_empty(from: &Bound<Key>, to: &Bound<Key>) -> bool {
    // A cut between keys: before all that start with the prefix, or behind them.
    let from = match from {
        Bound::Unbounded => return matches!(to, Bound::Excluded(key) if key.is_empty()),
        Bound::Included(key) => (key, Ordering::Less),
        Bound::Excluded(key) => (key, Ordering::Greater),
    };
    let to = match to {
        Bound::Unbounded => return from.0.is_empty() && from.1.is_gt(),
        Bound::Included(key) => (key, Ordering::Greater),
        Bound::Excluded(key) => (key, Ordering::Less),
    };
    let common = from.0.len().min(to.0.len());
    let cuts = from.0[..common].cmp(&to.0[..common]).then_with(|| match from.0.len().cmp(&to.0.len()) {
        Ordering::Less => from.1,
        Ordering::Equal => from.1.cmp(&to.1),
        Ordering::Greater => to.1.reverse(),
    });
    cuts.is_ge()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;
    use crate::{IntoKey as _, Table as _, tables::StateHistory};

    #[test]
    fn a_range_is_written_as_tuples() {
        let shape = RangeShape::of(&Included(("k",).to_key()), &Excluded(("k", 5).to_key()));
        assert_eq!(
            shape.conditions(StateHistory::DEF),
            r#" AND ("state_key") >= (?) AND ("state_key", "since") < (?, ?)"#
        );
        assert_eq!(RangeShape::of(&Unbounded, &Unbounded).conditions(StateHistory::DEF), "");
        assert_eq!(RangeShape::of(&Included(vec![]), &Unbounded).conditions(StateHistory::DEF), "");
    }

    #[test]
    fn a_range_is_empty_where_its_lower_cut_is_not_below_its_upper() {
        let (a, ab, ac, b) = (("a",).to_key(), ("a", 1).to_key(), ("a", 2).to_key(), ("b",).to_key());
        let full = [
            (Unbounded, Unbounded),
            (Included(a.clone()), Included(a.clone())),
            (Included(a.clone()), Excluded(ab.clone())),
            (Included(ab.clone()), Included(a.clone())),
            (Excluded(ab.clone()), Included(a.clone())),
            (Excluded(a.clone()), Excluded(b.clone())),
            (Included(vec![]), Included(vec![])),
        ];
        let empty = [
            (Included(b.clone()), Included(a.clone())),
            (Included(a.clone()), Excluded(a.clone())),
            (Excluded(a.clone()), Included(a.clone())),
            (Included(ab.clone()), Excluded(a.clone())),
            (Excluded(a.clone()), Included(ab.clone())),
            (Included(ac), Included(ab.clone())),
            (Excluded(ab.clone()), Excluded(ab)),
            (Excluded(vec![]), Unbounded),
            (Unbounded, Excluded(vec![])),
        ];
        for (from, to) in full {
            assert!(!is_empty(&from, &to), "{from:?} {to:?}");
        }
        for (from, to) in empty {
            assert!(is_empty(&from, &to), "{from:?} {to:?}");
        }
    }
}
