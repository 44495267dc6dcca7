//! One transaction, from its proof to its answer.

use playhouse_storage::{
    store::put,
    tables::{RemoteTransaction, remote_transaction::RemoteTransactionRow},
};
use ruma::OwnedServerName;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{inbox, outside, sorting};
use crate::{Node, edus, room::RoomError};

/// The most events of a transaction.
pub const MOST_PDUS: usize = 50;
/// The most passing news of a transaction.
pub const MOST_EDUS: usize = 100;

/// A transaction that `origin` has proven to have sent.
#[derive(Debug)]
pub struct IncomingTransaction {
    /// Who sent it.
    pub origin: OwnedServerName,
    /// What names it among those of the origin.
    pub id: String,
    /// Events.
    pub pdus: Vec<Box<RawValue>>,
    /// Passing news.
    pub edus: Vec<Box<RawValue>>,
}

/// Why a transaction is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// It holds more than it may.
    #[error("a transaction holds at most {MOST_PDUS} PDUs and {MOST_EDUS} EDUs")]
    TooMany,
    /// It cannot be taken now: the origin sends it again.
    #[error(transparent)]
    Room(#[from] RoomError),
}

#[derive(Serialize)]
struct Answer {
    pdus: sorting::Results,
}

/// Takes a transaction in: its answer, the same for the same transaction.
///
/// # Errors
/// [`TransactionError`]; nothing of it was taken then, or all of it may come again without harm.
///
/// <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid>
pub async fn take(node: &Node, transaction: IncomingTransaction) -> Result<Box<RawValue>, TransactionError> {
    if transaction.pdus.len() > MOST_PDUS || transaction.edus.len() > MOST_EDUS {
        return Err(TransactionError::TooMany);
    }
    let IncomingTransaction { origin, id, pdus, edus } = transaction;
    let gate = node.inbound_gates().of(&origin);
    let mut last = gate.lock().await;
    if let Some((_, answer)) = last.0.as_ref().filter(|(last, _)| *last == id) {
        return Ok(answer.clone());
    }
    let key = (origin.as_str(), id.as_str());
    if let Some(row) = node.store().get::<RemoteTransaction>(key, ()).await.map_err(RoomError::from)? {
        return Ok(row.answer);
    }
    let sorted = sorting::sort(node, &origin, pdus).await?;
    let answer = to_raw_value(&Answer { pdus: sorted.results }).map_err(|_| RoomError::retry())?;
    outside::note(node, sorted.outside).await?;
    let staged = inbox::stage(node, &origin, sorted.taken);
    if !staged.is_empty() {
        let writes = staged.iter().map(inbox::Staged::write).collect();
        node.store().write(writes).await.map_err(RoomError::from)?;
    }
    inbox::hand_out(node, staged).await;
    edus::receive(node, &origin, edus).await?;
    let answered = RemoteTransactionRow { answer: answer.clone() };
    let answered = put::<RemoteTransaction>(key, (), &answered, node.clocks().stamp(origin.as_str()));
    node.store().write(vec![answered]).await.map_err(RoomError::from)?;
    last.0 = Some((id, answer.clone()));
    Ok(answer)
}
