//! Receipts that came before their events: news passes events that have to wait for what they follow.

use std::collections::VecDeque;

use parking_lot::Mutex;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use tokio::time::{Duration, Instant};

use crate::{
    Node,
    receipts::{ReceiptError, ReceiptKind, Thread, set_receipt},
};

/// The most receipts that wait; of more the oldest are forgotten.
const MOST: usize = 1_000;
/// How long one waits.
const PATIENCE: Duration = Duration::from_mins(2);

/// A receipt of a user of another server, who is in the room.
#[derive(Debug, Clone)]
pub(super) struct RemoteReceipt {
    pub room_id: OwnedRoomId,
    pub user: OwnedUserId,
    pub event_id: OwnedEventId,
    pub thread: Thread,
}

/// Receipts that wait for their events.
#[derive(Debug, Default)]
pub(crate) struct EarlyReceipts(Mutex<VecDeque<(Instant, RemoteReceipt)>>);

impl EarlyReceipts {
    fn wait(&self, until: Instant, receipt: RemoteReceipt) {
        let mut waiting = self.0.lock();
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back((until, receipt));
    }
}

/// Shows a receipt, at once or when its event is here.
pub(super) async fn show(node: &Node, receipt: RemoteReceipt) {
    show_until(node, Instant::now() + PATIENCE, receipt).await;
}

/// Tries those that wait again.
pub(crate) async fn try_again(node: &Node) {
    let waiting = std::mem::take(&mut *node.early_receipts().0.lock());
    for (until, receipt) in waiting {
        show_until(node, until, receipt).await;
    }
}

async fn show_until(node: &Node, until: Instant, receipt: RemoteReceipt) {
    let RemoteReceipt { room_id, user, event_id, thread } = &receipt;
    match set_receipt(node, user, room_id, ReceiptKind::Public, event_id, thread).await {
        Err(ReceiptError::UnknownEvent) if Instant::now() < until => {
            node.early_receipts().wait(until, receipt);
        }
        Err(error) => tracing::debug!(%room_id, %error, "a receipt is not shown"),
        Ok(()) => {}
    }
}
