//! The deleted ranges of a partition: they keep out late puts with a lower stamp, as single tombstones do for rows.
//!
//! The rows themselves are removed. A partition remembers its newest [`MAX_RANGES`] range deletions for the time of
//! grace; one that covers another, as a to-device queue's do, takes its place.

use fjall::Slice;

use super::codec::KeyRange;
use crate::Stamp;

/// The most range deletions that a partition remembers.
const MAX_RANGES: usize = 64;

/// A deleted range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deleted {
    pub stamp: Stamp,
    pub expires_ms: u64,
    pub range: KeyRange,
}

/// Adds `new`, drops what is over or covered by it.
pub(super) fn add(deleted: &mut Vec<Deleted>, new: Deleted, now_ms: u64) {
    deleted
        .retain(|old| old.expires_ms > now_ms && !(old.stamp <= new.stamp && new.range.covers(&old.range)));
    deleted.push(new);
    if deleted.len() > MAX_RANGES
        && let Some(oldest) = (0..deleted.len()).min_by_key(|index| deleted[*index].stamp)
    {
        deleted.swap_remove(oldest);
    }
}

/// The highest stamp at which `key` was deleted.
pub(super) fn stamp_of(deleted: &[Deleted], key: &[u8], now_ms: u64) -> Option<Stamp> {
    let holds = |one: &&Deleted| one.expires_ms > now_ms && one.range.contains(key);
    deleted.iter().filter(holds).map(|one| one.stamp).max()
}

pub(super) fn encode(deleted: &[Deleted]) -> Slice {
    let mut bytes = Vec::new();
    for one in deleted {
        bytes.extend_from_slice(&one.stamp.to_be_bytes());
        bytes.extend_from_slice(&one.expires_ms.to_be_bytes());
        for edge in [&one.range.start, &one.range.end] {
            bytes.extend_from_slice(&(edge.len() as u32).to_be_bytes());
            bytes.extend_from_slice(edge);
        }
    }
    Slice::from(bytes)
}

pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Deleted>> {
    let mut deleted = Vec::new();
    while !bytes.is_empty() {
        let (stamp, rest) = bytes.split_first_chunk::<8>()?;
        let (expires, rest) = rest.split_first_chunk::<8>()?;
        let (start, rest) = edge(rest)?;
        let (end, rest) = edge(rest)?;
        deleted.push(Deleted {
            stamp: Stamp::from_be_bytes(*stamp),
            expires_ms: u64::from_be_bytes(*expires),
            range: KeyRange { start, end },
        });
        bytes = rest;
    }
    Some(deleted)
}

fn edge(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (edge, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    Some((edge.to_vec(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deleted(start: u8, end: u8, stamp: Stamp) -> Deleted {
        Deleted { stamp, expires_ms: 100, range: KeyRange { start: vec![start], end: vec![end] } }
    }

    #[test]
    fn a_wider_newer_deletion_takes_the_place_of_the_ones_it_covers() {
        let mut all = Vec::new();
        add(&mut all, deleted(1, 5, 10), 0);
        add(&mut all, deleted(1, 9, 20), 0);
        add(&mut all, deleted(2, 3, 15), 0);
        assert_eq!(all, [deleted(1, 9, 20), deleted(2, 3, 15)]);
        assert_eq!(stamp_of(&all, &[2], 0), Some(20));
        assert_eq!(stamp_of(&all, &[9], 0), None);
        assert_eq!(stamp_of(&all, &[2], 100), None);
    }

    #[test]
    fn the_list_is_bounded_and_forgets_the_oldest() {
        let mut all = Vec::new();
        for n in 0..=MAX_RANGES as u8 {
            add(&mut all, deleted(n, n + 1, Stamp::from(n)), 0);
        }
        assert_eq!(all.len(), MAX_RANGES);
        assert_eq!(stamp_of(&all, &[0], 0), None);
        assert_eq!(decode(&encode(&all)), Some(all));
    }
}
