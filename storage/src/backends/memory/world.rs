//! What outlives a process: the partitions, and the conditional batches that are still under way in the store.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};

use super::partition::Partition;
use crate::{Append, Claim, Outcome, Write, key::Key, table::TableDef};

/// The chance, in one of so many, that a late batch settles at a step.
const SETTLES_ONE_IN: u32 = 8;

/// A conditional batch whose caller was told that its outcome is unknown.
#[derive(Debug)]
pub(super) enum Late {
    Append(Append),
    Claim(Claim),
}

pub(super) struct World {
    /// By table id and partition key. **Invariant**: no structure here has an order of its own choice, so that a
    /// seed replays.
    partitions: BTreeMap<(u8, Key), Partition>,
    late: Vec<Late>,
    pub rng: Xoshiro256PlusPlus,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { partitions: BTreeMap::new(), late: Vec::new(), rng }
    }

    pub fn rolls(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.random_range(0..1000) < per_mille
    }

    pub fn partition(&self, table: &TableDef, partition: &Key) -> Option<&Partition> {
        self.partitions.get(&(table.id, partition.clone()))
    }

    pub fn partition_mut(&mut self, table: &TableDef, partition: &Key) -> &mut Partition {
        self.partitions.entry((table.id, partition.clone())).or_default()
    }

    /// The partition keys of a table after `after` that hold something.
    pub fn keys(&self, table: &TableDef, after: Option<&Key>, now_ms: u64) -> impl Iterator<Item = &Key> {
        let (id, after) = (table.id, after.cloned());
        let start = (id, after.clone().unwrap_or_default());
        self.partitions
            .range(start..)
            .take_while(move |((table, _), _)| *table == id)
            .filter(move |((_, key), partition)| Some(key) != after.as_ref() && partition.is_visible(now_ms))
            .map(|((_, key), _)| key)
    }

    pub fn append(&mut self, append: &Append, now_ms: u64) -> Outcome {
        self.partition_mut(append.table, &append.partition).append(append, now_ms)
    }

    pub fn claim(&mut self, claim: &Claim, now_ms: u64) -> Outcome {
        self.partition_mut(claim.table, &claim.partition).claim(claim, now_ms)
    }

    pub fn write(&mut self, write: &Write, now_ms: u64) {
        let (table, partition) = write.place();
        self.partition_mut(table, partition).write(write, now_ms);
    }

    pub fn leave_late(&mut self, late: Late) {
        self.late.push(late);
    }

    /// Lets some of the late batches happen, or prove impossible.
    pub fn settle(&mut self, now_ms: u64) {
        let (mut settled, mut left) = (Vec::new(), Vec::new());
        for late in std::mem::take(&mut self.late) {
            if self.rng.random_range(0..SETTLES_ONE_IN) == 0 { settled.push(late) } else { left.push(late) }
        }
        self.late = left;
        for late in settled {
            // Nobody waits for the outcome any more.
            let _ = match late {
                Late::Append(append) => self.append(&append, now_ms),
                Late::Claim(claim) => self.claim(&claim, now_ms),
            };
        }
    }
}
