//! The guard of a partition, and taking it over.

use scylla::value::CqlValue;

use super::{
    bind::{self, Value},
    cluster::{Cluster, is_applied, rows_of},
    error::unavailable,
    patience::Patience,
    read::value,
    statement::Shape,
};
use crate::{Guard, StoreError, key::Key, table::TableDef};

/// The static columns of a partition as they stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub fence: Option<i64>,
    pub head_seq: Option<i64>,
    pub head: bytes::Bytes,
    /// The mark of the newest append.
    pub mark: Option<i64>,
}

impl Standing {
    fn guard(self) -> Option<Guard> {
        self.fence.map(|fence| Guard { fence, head_seq: self.head_seq, head: self.head })
    }
}

impl Cluster {
    pub async fn guard(
        &self,
        table: &'static TableDef,
        partition: &Key,
    ) -> Result<Option<Guard>, StoreError> {
        let mut patience = Patience::new(self);
        loop {
            match self.standing(table, partition).await {
                Ok(standing) => return Ok(standing.guard()),
                Err(error) => patience.retry(error).await?,
            }
        }
    }

    /// Raises the fence from what a serial read saw. An outcome that is unknown or refused is read again: only a
    /// fence that surely is ours is given out, so that no two holders have one number.
    pub async fn fence(&self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError> {
        let _lane = self.lanes.enter(table, partition).await;
        let mut patience = Patience::new(self);
        loop {
            let raised = match self.standing(table, partition).await {
                Ok(standing) => self.raise(table, partition, standing).await,
                Err(error) => Err(error),
            };
            match raised {
                Ok(Some(guard)) => return Ok(guard),
                Ok(None) => patience.retry(unavailable("the partition is fought over")).await?,
                Err(error) => patience.retry(error).await?,
            }
        }
    }

    async fn raise(
        &self,
        table: &'static TableDef,
        partition: &Key,
        seen: Standing,
    ) -> Result<Option<Guard>, StoreError> {
        let fence = seen.fence.unwrap_or(0) + 1;
        let mut values = vec![Value::Int(fence)];
        values.extend(bind::keys([partition]));
        values.extend([seen.fence.into(), seen.head_seq.into(), seen.mark.into()]);
        let result = self.run(table, Shape::Fence, &values, &self.metrics.fence_requests).await?;
        let guard = Guard { fence, head_seq: seen.head_seq, head: seen.head };
        Ok(is_applied(result)?.then_some(guard))
    }

    /// A serial read of the static columns: settles what was under way in the partition.
    pub(super) async fn standing(
        &self,
        table: &'static TableDef,
        partition: &Key,
    ) -> Result<Standing, StoreError> {
        let values = bind::keys([partition]);
        let result = self.run(table, Shape::Guard, &values, &self.metrics.read_requests).await?;
        let Some(row) = rows_of(result)?.into_iter().next() else { return Ok(Standing::default()) };
        let mut columns = row.columns.into_iter();
        let fence = int(columns.next().flatten());
        let head_seq = int(columns.next().flatten());
        let head = value(columns.next().flatten()).unwrap_or_default();
        Ok(Standing { fence, head_seq, head, mark: int(columns.next().flatten()) })
    }
}

fn int(column: Option<CqlValue>) -> Option<i64> {
    match column? {
        CqlValue::BigInt(n) => Some(n),
        _ => None,
    }
}
