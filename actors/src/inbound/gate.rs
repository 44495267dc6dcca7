//! One transaction of a server at a time: what a server sends again while the first is still under way waits for its answer.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};
use serde_json::value::RawValue;

/// The transaction that a server sent last, and its answer.
#[derive(Debug, Default)]
pub(super) struct Last(pub Option<(String, Box<RawValue>)>);

/// The servers whose transactions are under way or were not long ago.
#[derive(Debug, Default)]
pub struct Gates(Mutex<HashMap<OwnedServerName, Arc<tokio::sync::Mutex<Last>>>>);

/// Gates kept open before those that nobody waits at are closed.
const MOST_IDLE: usize = 4_096;

impl Gates {
    /// The gate of a server.
    pub(super) fn of(&self, server: &ServerName) -> Arc<tokio::sync::Mutex<Last>> {
        let mut gates = self.0.lock();
        if gates.len() >= MOST_IDLE && !gates.contains_key(server) {
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        Arc::clone(gates.entry(server.to_owned()).or_default())
    }
}
