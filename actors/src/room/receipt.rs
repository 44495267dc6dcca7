//! Receipts: the newest of each user, kind and thread.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#receipts>

use playhouse_storage::tables::receipt::ReceiptRow;

use super::{machine::Room, view::ReceiptKey};

impl Room {
    /// Sets a receipt, unless a newer one stands: receipts never go backwards. Answers whether it was set.
    pub fn set_receipt(&mut self, key: ReceiptKey, mut receipt: ReceiptRow) -> bool {
        if self.view.receipts.get(&key).is_some_and(|standing| standing.seq >= receipt.seq) {
            return false;
        }
        let position = self.workshop.clocks.begin(self.view.room_id.as_str(), 1);
        receipt.pos = position.first();
        self.view.set_receipt(key.clone(), receipt.clone());
        let draft = self.draft();
        draft.receipts.push((key, receipt));
        draft.positions.push(position);
        true
    }
}
