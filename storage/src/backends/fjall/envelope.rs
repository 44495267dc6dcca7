//! What a stored value looks like: a kind, a stamp, an expiry, the bytes.

use std::time::Duration;

use bytes::Bytes;
use fjall::Slice;

use crate::{Guard, Stamp};

/// The bytes in front of a row's value.
const HEADER_BYTES: usize = 1 + 8 + 8;

const ROW: u8 = 0;
const TOMBSTONE: u8 = 1;
const GUARD: u8 = 2;

/// A row or the memory of a deleted one, which keeps late writes with a lower stamp out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    /// Whether the row is deleted.
    pub tombstone: bool,
    /// The stamp of the write.
    pub stamp: Stamp,
    /// When it goes, in milliseconds since the epoch; 0 for never.
    pub expires_ms: u64,
    /// The row's value.
    pub value: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (stamp, rest) = rest.split_first_chunk::<8>()?;
        let (expires, value) = rest.split_first_chunk::<8>()?;
        let tombstone = match *kind {
            ROW => false,
            TOMBSTONE => true,
            _ => return None,
        };
        Some(Self {
            tombstone,
            stamp: Stamp::from_be_bytes(*stamp),
            expires_ms: u64::from_be_bytes(*expires),
            value,
        })
    }

    pub fn encode(&self) -> Slice {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.value.len());
        bytes.push(if self.tombstone { TOMBSTONE } else { ROW });
        bytes.extend_from_slice(&self.stamp.to_be_bytes());
        bytes.extend_from_slice(&self.expires_ms.to_be_bytes());
        bytes.extend_from_slice(self.value);
        Slice::from(bytes)
    }

    /// Whether its time is over; the sweeper may remove it.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.expires_ms != 0 && self.expires_ms <= now_ms
    }

    /// Whether readers see it.
    pub fn is_visible(&self, now_ms: u64) -> bool {
        !self.tombstone && !self.is_over(now_ms)
    }

    /// What is left of its life, if it expires.
    pub fn life(&self, now_ms: u64) -> Option<Duration> {
        (self.expires_ms != 0).then(|| Duration::from_millis(self.expires_ms.saturating_sub(now_ms)))
    }

    /// Whether this write replaces `stored`. **Invariant**: the answer does not depend on which came first, so at
    /// equal stamps a delete wins over a put and the larger value over the smaller, as in CQL.
    pub fn replaces(&self, stored: &Self) -> bool {
        let rank = |e: &Self| (e.stamp, e.tombstone);
        (rank(self), self.value) >= (rank(stored), stored.value)
    }
}

pub(super) fn encode_guard(guard: &Guard) -> Slice {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + 1 + guard.head.len());
    bytes.push(GUARD);
    bytes.extend_from_slice(&guard.fence.to_be_bytes());
    bytes.push(u8::from(guard.head_seq.is_some()));
    bytes.extend_from_slice(&guard.head_seq.unwrap_or_default().to_be_bytes());
    bytes.extend_from_slice(&guard.head);
    Slice::from(bytes)
}

pub(super) fn decode_guard(bytes: &[u8]) -> Option<Guard> {
    let (kind, rest) = bytes.split_first()?;
    let (fence, rest) = rest.split_first_chunk::<8>()?;
    let (has_head, rest) = rest.split_first()?;
    let (head_seq, head) = rest.split_first_chunk::<8>()?;
    (*kind == GUARD).then(|| Guard {
        fence: i64::from_be_bytes(*fence),
        head_seq: (*has_head == 1).then(|| i64::from_be_bytes(*head_seq)),
        head: Bytes::copy_from_slice(head),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stamp: Stamp, value: &[u8]) -> Envelope<'_> {
        Envelope { tombstone: false, stamp, expires_ms: 0, value }
    }

    #[test]
    fn two_writes_end_the_same_whichever_comes_first() {
        let tombstone = Envelope { tombstone: true, ..row(5, b"") };
        let writes = [row(5, b"a"), row(5, b"b"), row(6, b""), tombstone];
        for one in &writes {
            for two in &writes {
                let one_then_two = if two.replaces(one) { two } else { one };
                let two_then_one = if one.replaces(two) { one } else { two };
                assert_eq!(one_then_two, two_then_one);
            }
        }
    }

    #[test]
    fn guards_and_rows_are_not_mistaken_for_each_other() {
        let guard = Guard { fence: 3, head_seq: Some(-7), head: Bytes::from_static(b"{}") };
        assert_eq!(decode_guard(&encode_guard(&guard)), Some(guard.clone()));
        assert_eq!(Envelope::decode(&encode_guard(&guard)), None);
        assert_eq!(decode_guard(&row(1, b"0123456789").encode()), None);
    }
}
