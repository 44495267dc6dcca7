//! The writes of one group on top of the database: what the committer checks later requests of the group against,
//! and what it commits at the end. A key that the group writes many times, a room's guard for one, is committed once.

use std::{collections::BTreeMap, iter::Peekable, ops::Bound};

use fjall::{OwnedWriteBatch, Slice};

use super::{codec::KeyRange, trees::Trees};
use crate::table::Family;

/// Keys with their new value; `None` where removed.
type Pending = BTreeMap<Vec<u8>, Option<Slice>>;

/// What a key held in the group before it was set.
struct Before {
    family: Family,
    key: Vec<u8>,
    value: Held,
}

enum Held {
    Nothing,
    Pending(Option<Slice>),
}

pub(super) struct Overlay<'a> {
    trees: &'a Trees,
    pending: [Pending; Family::ALL.len()],
    undo: Vec<Before>,
    bytes: usize,
}

impl<'a> Overlay<'a> {
    pub fn new(trees: &'a Trees) -> Self {
        Self { trees, pending: Default::default(), undo: Vec::new(), bytes: 0 }
    }

    pub fn get(&self, family: Family, key: &[u8]) -> fjall::Result<Option<Slice>> {
        match self.pending[family as usize].get(key) {
            Some(pending) => Ok(pending.clone()),
            None => self.trees.get(family, key),
        }
    }

    pub fn set(&mut self, family: Family, key: Vec<u8>, value: Option<Slice>) {
        self.bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
        let before = self.pending[family as usize].insert(key.clone(), value);
        self.undo.push(Before { family, key, value: before.map_or(Held::Nothing, Held::Pending) });
    }

    /// What the next [`undo`](Self::undo) goes back to.
    pub fn mark(&mut self) {
        self.undo.clear();
    }

    /// Takes back everything since the last mark.
    pub fn undo(&mut self) {
        for Before { family, key, value } in self.undo.drain(..).rev() {
            let pending = &mut self.pending[family as usize];
            match value {
                Held::Pending(before) => pending.insert(key, before),
                Held::Nothing => pending.remove(&key),
            };
        }
    }

    /// The rows of a range in order.
    pub fn range(
        &self,
        family: Family,
        range: &KeyRange,
    ) -> impl Iterator<Item = fjall::Result<(Vec<u8>, Slice)>> {
        let bounds = (Bound::Included(range.start.clone()), Bound::Excluded(range.end.clone()));
        let pending = if range.is_empty() { None } else { Some(self.pending[family as usize].range(bounds)) };
        Merged {
            stored: self.trees.range(family, range.clone()).map(fjall::Guard::into_inner).peekable(),
            pending: pending.into_iter().flatten().peekable(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pending.iter().all(BTreeMap::is_empty)
    }

    /// The bytes written to it so far, a measure for metrics.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn into_batch(self) -> OwnedWriteBatch {
        let count = self.pending.iter().map(BTreeMap::len).sum();
        let mut batch = OwnedWriteBatch::with_capacity(self.trees.db().clone(), count);
        for (family, pending) in Family::ALL.into_iter().zip(self.pending) {
            let tree = self.trees.of(family);
            for (key, value) in pending {
                match value {
                    Some(value) => batch.insert(tree, key, value),
                    None => batch.remove(tree, key),
                }
            }
        }
        batch
    }
}

/// Two ordered runs as one; the pending one wins.
struct Merged<S: Iterator, P: Iterator> {
    stored: Peekable<S>,
    pending: Peekable<P>,
}

impl<'p, S, P> Iterator for Merged<S, P>
where
    S: Iterator<Item = fjall::Result<fjall::KvPair>>,
    P: Iterator<Item = (&'p Vec<u8>, &'p Option<Slice>)>,
{
    type Item = fjall::Result<(Vec<u8>, Slice)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let pending = self.pending.peek().map(|(key, _)| key.as_slice());
            match (self.stored.peek(), pending) {
                (Some(Err(_)), _) => return self.stored.next().map(|item| item.map(own)),
                (Some(Ok((stored, _))), pending) if pending.is_none_or(|pending| **stored < *pending) => {
                    return self.stored.next().map(|item| item.map(own));
                }
                (stored, Some(pending)) => {
                    if matches!(stored, Some(Ok((stored, _))) if **stored == *pending) {
                        self.stored.next();
                    }
                    if let Some((key, Some(value))) = self.pending.next() {
                        return Some(Ok((key.clone(), value.clone())));
                    }
                }
                _ => return None,
            }
        }
    }
}

fn own((key, value): fjall::KvPair) -> (Vec<u8>, Slice) {
    (key.to_vec(), value)
}
