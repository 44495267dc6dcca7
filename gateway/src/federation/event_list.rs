//! Events in the form of a transaction, which some answers have.

use ruma::OwnedServerName;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Context, Origin};

/// Such an answer.
#[derive(Debug, Serialize)]
pub struct EventList {
    origin: OwnedServerName,
    origin_server_ts: u64,
    pdus: Vec<Box<RawValue>>,
}

impl EventList {
    /// These events, sent now.
    pub fn now(cx: &Context<Origin>, pdus: Vec<Box<RawValue>>) -> Self {
        let node = cx.node();
        Self { origin: node.server_name().to_owned(), origin_server_ts: node.clocks().now_ms(), pdus }
    }
}
