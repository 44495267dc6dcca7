//! A request on its way through the committer, with the place where its answer goes.

use std::collections::VecDeque;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::apply::{Pace, Progress, Transaction};
use crate::{
    Append, Claim, Guard, Outcome, StoreError, Write,
    key::Key,
    table::{Family, TableDef},
};

/// Something to do in the one place that writes.
pub(super) trait Work: Send + 'static {
    /// What the caller learns once it is durable.
    type Answer: Send + 'static;

    /// Does it, or a part of it; called again in a later group while it answers [`Progress::More`].
    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError>;

    /// The answer, once done.
    fn answer(self) -> Self::Answer;
}

/// A request whose kind the committer need not know.
pub(super) trait Task: Send {
    /// Bytes of keys and values, about.
    fn bytes(&self) -> usize;
    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError>;
    /// Answers the caller.
    fn settle(self: Box<Self>, result: Result<(), StoreError>);
}

/// Work, its answer's address and its share of the queue.
pub(super) struct Job<W: Work> {
    pub work: W,
    pub bytes: usize,
    pub reply: oneshot::Sender<Result<W::Answer, StoreError>>,
    pub permit: OwnedSemaphorePermit,
}

impl<W: Work> Task for Job<W> {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError> {
        self.work.apply(transaction)
    }

    fn settle(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { work, reply, permit, .. } = *self;
        drop(permit);
        // The caller may have gone; what was written stays written.
        let _ = reply.send(result.map(|()| work.answer()));
    }
}

/// The writes that are left of a request.
pub(super) struct Writes {
    left: VecDeque<Write>,
    pace: Pace,
}

impl Writes {
    pub fn new(writes: Vec<Write>) -> Self {
        Self { left: writes.into(), pace: Pace::Steps }
    }
}

impl Work for Writes {
    type Answer = ();

    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError> {
        while let Some(write) = self.left.front() {
            if transaction.write(write, self.pace)? == Progress::More {
                return Ok(Progress::More);
            }
            self.left.pop_front();
        }
        Ok(Progress::Done)
    }

    fn answer(self) {}
}

/// A conditional batch; its projections are in the same commit.
pub(super) struct Conditional<B> {
    batch: B,
    outcome: Option<Outcome>,
    projections: Writes,
}

/// What [`Conditional`] is about.
pub(super) trait Batch: Send + 'static {
    fn try_apply(&self, transaction: &mut Transaction<'_>) -> Result<Outcome, StoreError>;
    fn take_projections(&mut self) -> Vec<Write>;
}

impl<B: Batch> Conditional<B> {
    pub fn new(mut batch: B) -> Self {
        let projections = Writes { left: batch.take_projections().into(), pace: Pace::AtOnce };
        Self { batch, outcome: None, projections }
    }
}

impl<B: Batch> Work for Conditional<B> {
    type Answer = Outcome;

    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError> {
        if self.outcome.is_none() {
            self.outcome = Some(self.batch.try_apply(transaction)?);
        }
        match self.outcome {
            Some(Outcome::Applied) => self.projections.apply(transaction),
            _ => Ok(Progress::Done),
        }
    }

    fn answer(self) -> Outcome {
        self.outcome.unwrap_or(Outcome::Unknown)
    }
}

impl Batch for Append {
    fn try_apply(&self, transaction: &mut Transaction<'_>) -> Result<Outcome, StoreError> {
        transaction.append(self)
    }

    fn take_projections(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.projections)
    }
}

impl Batch for Claim {
    fn try_apply(&self, transaction: &mut Transaction<'_>) -> Result<Outcome, StoreError> {
        transaction.claim(self)
    }

    fn take_projections(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.projections)
    }
}

/// Raises the fence of a partition.
pub(super) struct Fence {
    pub table: &'static TableDef,
    pub partition: Key,
    pub guard: Option<Guard>,
}

impl Work for Fence {
    type Answer = Option<Guard>;

    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError> {
        self.guard = Some(transaction.fence(self.table, &self.partition)?);
        Ok(Progress::Done)
    }

    fn answer(self) -> Option<Guard> {
        self.guard
    }
}

/// Removes rows whose time is over.
pub(super) struct Sweep {
    pub family: Family,
    /// Keys of the index of expiries.
    pub due: Vec<Vec<u8>>,
}

impl Work for Sweep {
    type Answer = ();

    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Result<Progress, StoreError> {
        for index_key in std::mem::take(&mut self.due) {
            transaction.sweep(self.family, index_key)?;
        }
        Ok(Progress::Done)
    }

    fn answer(self) {}
}

/// Nothing: shows that the committer runs and the database takes writes.
pub(super) struct Probe;

impl Work for Probe {
    type Answer = ();

    fn apply(&mut self, _: &mut Transaction<'_>) -> Result<Progress, StoreError> {
        Ok(Progress::Done)
    }

    fn answer(self) {}
}

/// About how many bytes `writes` are, for the bounds of queue and group.
pub(super) fn bytes_of(writes: &[Write]) -> usize {
    const KEY_BYTES: usize = 128;
    let value = |write: &Write| if let Write::Put { value, .. } = write { value.len() } else { 0 };
    writes.iter().map(|write| KEY_BYTES + value(write)).sum()
}
