//! The guarded append: one conditional batch in one partition.

use super::{
    bind::{self, Value},
    cluster::{Cluster, Part, is_applied},
    error::{Failure, unavailable},
    guard::Standing,
    patience::Patience,
    statement::Shape,
};
use crate::{Append, Outcome, StoreError};

impl Cluster {
    /// Appends, then writes the projections. Where those cannot be written, the outcome is unknown to the caller, who
    /// reads the log again and replays them.
    pub async fn append(&self, append: &Append) -> Result<Outcome, StoreError> {
        let outcome = {
            let _lane = self.lanes.enter(append.table, &append.partition).await;
            self.advance(append).await?
        };
        self.project(outcome, &append.projections).await
    }

    /// The batch alone. An outcome that is unknown is settled by a serial read: the mark tells this append from every
    /// other, and while it has not happened its condition lets it happen once at most, however often it is sent.
    async fn advance(&self, append: &Append) -> Result<Outcome, StoreError> {
        let mark = rand::random();
        let mut patience = Patience::new(self);
        let mut doubted = false;
        loop {
            let refused = match self.try_append(append, mark).await {
                Ok(true) => return Ok(Outcome::Applied),
                Ok(false) if !doubted => return Ok(Outcome::Refused),
                // Perhaps because an earlier attempt was applied.
                Ok(false) => true,
                Err(failure) if !doubted && failure.is_harmless() => {
                    patience.retry_elsewhere(failure).await?;
                    continue;
                }
                Err(failure) => {
                    self.metrics.append_doubts.increment(1);
                    tracing::debug!(%failure, "an append is of unknown outcome");
                    false
                }
            };
            doubted = true;
            let Ok(standing) = self.settled(append, &mut patience).await else {
                return Ok(Outcome::Unknown);
            };
            if standing.mark == Some(mark) {
                return Ok(Outcome::Applied);
            }
            if refused && standing.head_seq == append.expected_head_seq {
                // The head has not moved, so nothing of ours happened.
                return Ok(Outcome::Refused);
            }
            if standing.fence != Some(append.fence) || standing.head_seq != append.expected_head_seq {
                // Others went on from here: whether after us, nobody can tell any more.
                return Ok(Outcome::Unknown);
            }
            if patience.retry(unavailable("an append does not come through")).await.is_err() {
                return Ok(Outcome::Unknown);
            }
        }
    }

    /// The guard when nothing is under way any more, with as many looks as that takes.
    async fn settled(&self, append: &Append, patience: &mut Patience<'_>) -> Result<Standing, StoreError> {
        loop {
            match self.standing(append.table, &append.partition).await {
                Ok(standing) => return Ok(standing),
                Err(error) => patience.retry(error).await?,
            }
        }
    }

    async fn try_append(&self, append: &Append, mark: i64) -> Result<bool, Failure> {
        let Append { table, partition, .. } = append;
        let mut guard = vec![
            Value::Int(append.new_head_seq),
            bind::text(table, &append.head).map_err(Failure::Unsent)?,
            Value::Int(mark),
        ];
        guard.extend(bind::keys([partition]));
        guard.extend([Value::Int(append.fence), append.expected_head_seq.into()]);
        let mut parts: Vec<Part<'_>> = vec![(Shape::Advance, guard)];
        for (clustering, value) in &append.rows {
            let mut row = bind::keys([partition, clustering]);
            row.push(bind::text(table, value).map_err(Failure::Unsent)?);
            parts.push((Shape::Insert, row));
        }
        is_applied(self.batch(table, parts, &self.metrics.append_requests).await?)
    }
}
