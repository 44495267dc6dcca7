//! The claim: a conditional batch on rows of one partition.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    bind,
    cluster::{Cluster, Part, is_applied},
    error::Failure,
    patience::Patience,
    statement::{If, Shape, Then},
    write::life,
};
use crate::{Claim, Expect, Outcome, StoreError, Write, key::Key};

/// What a claim says of one row.
#[derive(Default)]
struct Said<'a> {
    expect: Option<&'a Expect>,
    write: Option<&'a Option<Bytes>>,
}

impl Cluster {
    /// Claims, then writes the projections. An outcome that is unknown stays so: a row that is as we wanted it may be
    /// another's. But nothing of it comes in later, where the servers answer: the caller's next read is the truth.
    pub async fn claim(&self, claim: &Claim) -> Result<Outcome, StoreError> {
        let outcome = {
            let _lane = self.lanes.enter(claim.table, &claim.partition).await;
            self.decide(claim).await?
        };
        self.project(outcome, &claim.projections).await
    }

    /// The batch alone, sent until some node has it.
    async fn decide(&self, claim: &Claim) -> Result<Outcome, StoreError> {
        let mut patience = Patience::new(self);
        loop {
            match self.try_claim(claim).await {
                Ok(true) => return Ok(Outcome::Applied),
                Ok(false) => return Ok(Outcome::Refused),
                Err(failure) if failure.is_harmless() => patience.retry_elsewhere(failure).await?,
                Err(failure) => {
                    self.metrics.claim_doubts.increment(1);
                    tracing::debug!(%failure, "a claim is of unknown outcome");
                    self.settle(claim).await;
                    return Ok(Outcome::Unknown);
                }
            }
        }
    }

    async fn try_claim(&self, claim: &Claim) -> Result<bool, Failure> {
        let mut rows: BTreeMap<&Key, Vec<Said<'_>>> = BTreeMap::new();
        for (key, expect) in &claim.conditions {
            rows.entry(key).or_default().push(Said { expect: Some(expect), write: None });
        }
        for (key, write) in &claim.writes {
            let said = rows.entry(key).or_default();
            match said.first_mut() {
                Some(first) => first.write = Some(write),
                None => said.push(Said { expect: None, write: Some(write) }),
            }
        }
        let mut parts = Vec::new();
        for (key, said) in rows {
            for said in said {
                parts.push(part(claim, key, &said).map_err(Failure::Unsent)?);
            }
        }
        // The first statement has a condition, so that the servers take the batch for what it is at a glance.
        parts.sort_by_key(|(shape, _)| matches!(shape, Shape::Claim(_, If::Whatever)));
        is_applied(self.batch(claim.table, parts, &self.metrics.claim_requests).await?)
    }

    /// A serial read of the partition: completes what was accepted, and bars what was not.
    async fn settle(&self, claim: &Claim) {
        let Some((row, _)) = claim.conditions.first() else { return };
        let values = bind::keys([&claim.partition, row]);
        let mut patience = Patience::new(self);
        loop {
            let read = self.run(claim.table, Shape::Settle, &values, &self.metrics.read_requests).await;
            let Err(failure) = read else { return };
            if patience.retry(failure.into()).await.is_err() {
                return;
            }
        }
    }

    /// Writes what follows from a conditional batch that applied.
    pub(super) async fn project(
        &self,
        outcome: Outcome,
        projections: &[Write],
    ) -> Result<Outcome, StoreError> {
        if outcome != Outcome::Applied || projections.is_empty() {
            return Ok(outcome);
        }
        match self.write(projections).await {
            Ok(()) => Ok(Outcome::Applied),
            Err(error) => {
                tracing::debug!(%error, "what follows from a conditional write is missing");
                Ok(Outcome::Unknown)
            }
        }
    }
}

fn part<'a>(claim: &'a Claim, key: &'a Key, said: &Said<'a>) -> Result<Part<'a>, StoreError> {
    let mut values = Vec::new();
    let then = match said.write {
        Some(Some(value)) => {
            values.extend([life(claim.table, None), bind::text(claim.table, value)?]);
            Then::Set
        }
        Some(None) => Then::Delete,
        None => Then::Keep,
    };
    values.extend(bind::keys([&claim.partition, key]));
    let condition = match said.expect {
        None => If::Whatever,
        Some(Expect::Absent) => If::Absent,
        Some(Expect::Present) => If::Present,
        Some(Expect::Value(value)) => {
            values.push(bind::text(claim.table, value)?);
            If::Value
        }
    };
    Ok((Shape::Claim(then, condition), values))
}
