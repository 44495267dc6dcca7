//! Changing rows by compare and set, with answers that may be unknown.

use std::time::Duration;

use bytes::Bytes;
use playhouse_storage::{Claim, Expect, Key, Outcome, Store, StoreError, Table, store};

use super::AccountError;

/// How often a row is read again and its change tried again.
const MAX_ATTEMPTS: usize = 8;

/// When a client should try again after a row would not settle.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A row and the bytes that it was read from, against which its change is checked.
struct Read<T: Table> {
    row: Option<T::Row>,
    bytes: Option<Bytes>,
}

/// Changes a row by claim until it sticks. `change` sees the row as it is, or none, and gives the new one (`None`
/// deletes) and a result; its error leaves the row alone.
pub(super) async fn change<T: Table, R>(
    store: &Store,
    partition: Key,
    mut change: impl FnMut(Option<T::Row>) -> Result<(Option<T::Row>, R), AccountError>,
) -> Result<R, AccountError> {
    for _ in 0..MAX_ATTEMPTS {
        let read = read::<T>(store, &partition).await?;
        let (row, result) = change(read.row)?;
        let new = row.as_ref().map(store::encode);
        if new == read.bytes || set::<T>(store, &partition, read.bytes, new).await? {
            return Ok(result);
        }
    }
    Err(unsettled(T::DEF.name))
}

/// Creates a row if there is none; whether it is ours.
pub(super) async fn create<T: Table>(
    store: &Store,
    partition: Key,
    row: &T::Row,
) -> Result<bool, AccountError> {
    set::<T>(store, &partition, None, Some(store::encode(row))).await
}

async fn read<T: Table>(store: &Store, partition: &Key) -> Result<Read<T>, AccountError> {
    let bytes = store.backend().get(T::DEF, partition, &Key::new()).await?.map(|row| row.value);
    let row = bytes.as_deref().map(store::decode::<T>).transpose()?;
    Ok(Read { row, bytes })
}

/// Sets a row from `old` to `new`; `false` when it was not `old`. An unknown answer is asked again: the same claim
/// applies once at most, and a refusal of it is read back.
async fn set<T: Table>(
    store: &Store,
    partition: &Key,
    old: Option<Bytes>,
    new: Option<Bytes>,
) -> Result<bool, AccountError> {
    let claim = Claim {
        table: T::DEF,
        partition: partition.clone(),
        conditions: vec![(Key::new(), old.map_or(Expect::Absent, Expect::Value))],
        writes: vec![(Key::new(), new.clone())],
        projections: Vec::new(),
    };
    for attempt in 0..MAX_ATTEMPTS {
        match store.backend().claim(claim.clone()).await? {
            Outcome::Applied => return Ok(true),
            Outcome::Refused if attempt == 0 => return Ok(false),
            Outcome::Refused => return Ok(read::<T>(store, partition).await?.bytes == new),
            Outcome::Unknown => {}
        }
    }
    Err(unsettled(T::DEF.name))
}

fn unsettled(table: &str) -> AccountError {
    let reason = format!("a row of {table} does not settle");
    StoreError::Unavailable { reason, retry_after: RETRY_AFTER }.into()
}
