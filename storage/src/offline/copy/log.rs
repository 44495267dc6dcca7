//! The copy of a guarded partition: rows that were appended.

use std::ops::Bound;

use bytes::Bytes;

use super::{
    CopyError,
    partition::{Ends, Partition, unknown},
};
use crate::{
    Append, Guard, Order, Outcome, Slice,
    key::Key,
    offline::{export::Export, named},
};

/// The most bytes of rows in one append; more go into several. Far below what a CQL server refuses.
const APPEND_BYTES: usize = 900 * 1024;

/// The head of a guarded partition whose rows are not all there yet.
const HALF_COPIED: &[u8] = br#"{"half_copied":true}"#;

/// A log: appended in order under a fence of its own. Its head says until the last append that it is not whole.
impl Partition<'_> {
    pub async fn log(&self) -> Result<u64, CopyError> {
        let Ends { source, target } = self.ends;
        let Some(wanted) = source.guard(self.table, self.key).await.map_err(CopyError::Source)? else {
            return Err(self.unsound("has rows and no guard"));
        };
        let held = target.guard(self.table, self.key).await.map_err(CopyError::Target)?;
        if held.is_some_and(|held| held.head_seq == wanted.head_seq && held.head == wanted.head) {
            return Ok(0);
        }
        let held = target.fence(self.table, self.key).await.map_err(CopyError::Target)?;
        if held.head_seq.is_some() && held.head != HALF_COPIED {
            return Err(self.contended());
        }
        let copied = held.head_seq.map_or(0, |seq| seq.wrapping_sub(i64::MIN));
        let mut log = Log { partition: self, wanted, held, copied };
        let (mut export, mut chunk, mut bytes) = (self.after_the_last().await?, Vec::new(), 0);
        let mut count = 0;
        while let Some(next) = export.peek().await.map_err(CopyError::Source)? {
            if bytes + next.row.value.len() > APPEND_BYTES && !chunk.is_empty() {
                log.append(std::mem::take(&mut chunk), false).await?;
                bytes = 0;
            }
            let Some(next) = export.take() else { break };
            bytes += next.row.value.len();
            chunk.push((next.row.clustering, next.row.value));
            count += 1;
        }
        if log.wanted.head_seq.is_some() {
            log.append(chunk, true).await?;
        } else if !chunk.is_empty() {
            return Err(self.unsound("has rows and a guard without a head"));
        }
        Ok(count)
    }

    /// The rows of the source beyond the last that the target has: appends are in order and whole.
    async fn after_the_last(&self) -> Result<Export<'_>, CopyError> {
        let Ends { source, target } = self.ends;
        let last = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Backward, limit: 1 };
        let page = target.slice(self.table, self.key, last).await.map_err(CopyError::Target)?;
        let from =
            page.rows.into_iter().next().map_or(Bound::Unbounded, |row| Bound::Excluded(row.clustering));
        Ok(Export::from(*source, self.table, self.key, from))
    }

    fn unsound(&self, what: &'static str) -> CopyError {
        let partition = named(self.table.partition, self.key);
        CopyError::Unsound { table: self.table.name, partition, what }
    }
}

/// A log on its way into the target.
struct Log<'a> {
    partition: &'a Partition<'a>,
    wanted: Guard,
    held: Guard,
    /// Rows in the target.
    copied: i64,
}

impl Log<'_> {
    async fn append(&mut self, rows: Vec<(Key, Bytes)>, last: bool) -> Result<(), CopyError> {
        self.copied += rows.len() as i64;
        // Until the last, a sequence number that no log has: a store tells by it what became of an append.
        let half = (i64::MIN + self.copied, Bytes::from_static(HALF_COPIED));
        let (new_head_seq, head) = match self.wanted.head_seq {
            Some(seq) if last => (seq, self.wanted.head.clone()),
            _ => half,
        };
        let &Partition { ends, table, key } = self.partition;
        let append = Append {
            table,
            partition: key.clone(),
            fence: self.held.fence,
            expected_head_seq: self.held.head_seq,
            new_head_seq,
            head,
            rows,
            projections: Vec::new(),
        };
        match ends.target.append(append).await.map_err(CopyError::Target)? {
            Outcome::Applied => {
                self.held.head_seq = Some(new_head_seq);
                Ok(())
            }
            Outcome::Refused => Err(self.partition.contended()),
            // Begun again, the fence settles it.
            Outcome::Unknown => Err(unknown("an append")),
        }
    }
}
