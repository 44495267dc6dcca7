//! The copy of one partition that is written by conditional batches. It may be cut off anywhere and begun again.
//! Claimed rows are here; appended ones have a file of their own, [`log`](super::log).

use std::{ops::Bound, time::Duration};

use bytes::Bytes;

use super::CopyError;
use crate::{
    Backend, Claim, Expect, Exported, Outcome, StoreError,
    key::Key,
    offline::{export::Export, named, patience::ATTEMPTS},
    table::TableDef,
};

/// Between what a copy goes.
pub(super) struct Ends<'a> {
    pub source: &'a dyn Backend,
    pub target: &'a dyn Backend,
}

impl Ends<'_> {
    /// Copies a partition and says how many rows it has. Begins again where a store does not answer for a while.
    pub async fn copy(&self, table: &'static TableDef, key: &Key) -> Result<u64, CopyError> {
        let one = Partition { ends: self, table, key };
        let mut attempt = 1;
        loop {
            let done = if table.is_guarded() { one.log().await } else { one.claims().await };
            match done {
                Err(error) if attempt < ATTEMPTS => match error.retry_after() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                done => return done,
            }
            attempt += 1;
        }
    }
}

pub(super) struct Partition<'a> {
    pub ends: &'a Ends<'a>,
    pub table: &'static TableDef,
    pub key: &'a Key,
}

/// Rows that were claimed: claimed again, those that are not there yet.
impl Partition<'_> {
    async fn claims(&self) -> Result<u64, CopyError> {
        let mut export = Export::from(self.ends.source, self.table, self.key, Bound::Unbounded);
        let mut count = 0;
        loop {
            let page = export.next_page().await.map_err(CopyError::Source)?;
            if page.is_empty() {
                return Ok(count);
            }
            count += page.len() as u64;
            let missing = self.missing(page).await?;
            if !missing.is_empty() {
                self.claim(missing).await?;
            }
        }
    }

    /// The rows that the target does not have. One that it has is of this copy, before it was cut off.
    async fn missing(&self, page: Vec<Exported>) -> Result<Vec<(Key, Bytes)>, CopyError> {
        let keys: Vec<_> = page.iter().map(|row| (self.key.clone(), row.row.clustering.clone())).collect();
        let there = self.ends.target.multi_get(self.table, &keys).await.map_err(CopyError::Target)?;
        let mut missing = Vec::new();
        for (wanted, there) in page.into_iter().zip(there) {
            match there {
                None => missing.push((wanted.row.clustering, wanted.row.value)),
                Some(there) if there.value == wanted.row.value => {}
                Some(_) => return Err(self.contended()),
            }
        }
        Ok(missing)
    }

    async fn claim(&self, rows: Vec<(Key, Bytes)>) -> Result<(), CopyError> {
        let claim = Claim {
            table: self.table,
            partition: self.key.clone(),
            conditions: rows.iter().map(|(key, _)| (key.clone(), Expect::Absent)).collect(),
            writes: rows.into_iter().map(|(key, value)| (key, Some(value))).collect(),
            projections: Vec::new(),
        };
        match self.ends.target.claim(claim).await.map_err(CopyError::Target)? {
            Outcome::Applied => Ok(()),
            // What refuses it may be an earlier attempt of unknown outcome. Begun again, what is there is seen.
            Outcome::Refused | Outcome::Unknown => Err(unknown("a claim")),
        }
    }
}

impl Partition<'_> {
    /// Something is there that this copy did not write.
    pub fn contended(&self) -> CopyError {
        CopyError::Contended {
            what: format!("{} {}", self.table.name, named(self.table.partition, self.key)),
        }
    }
}

/// No answer to a conditional batch; the partition is begun again.
pub(super) fn unknown(what: &str) -> CopyError {
    let reason = format!("it is not known whether {what} was applied");
    CopyError::Target(StoreError::Unavailable { reason, retry_after: Duration::ZERO })
}
