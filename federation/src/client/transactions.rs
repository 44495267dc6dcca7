//! Sending events and passing news.

use std::collections::BTreeMap;

use ruma::{OwnedEventId, ServerName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, RequestError, escaped, parsed};

/// The most bytes of what answers a transaction.
const MOST_ANSWER_BYTES: usize = 1 << 20;

/// A transaction as it is sent.
#[derive(Debug, Serialize)]
pub struct Transaction<'a> {
    /// This server.
    pub origin: &'a ServerName,
    /// Now, in milliseconds since 1970.
    pub origin_server_ts: u64,
    /// Events, at most 50.
    pub pdus: &'a [Box<RawValue>],
    /// Passing news, at most 100.
    pub edus: &'a [Box<RawValue>],
}

/// What the other server says of an event.
#[derive(Debug, Deserialize)]
pub struct PduOutcome {
    /// Why it did not take it.
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    pdus: BTreeMap<OwnedEventId, PduOutcome>,
}

impl Client {
    /// Sends a transaction: what the server says of each event that it names.
    ///
    /// # Errors
    /// [`RequestError`]: it may have been taken or not.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid>
    pub async fn send_transaction(
        &self,
        server: &ServerName,
        id: &str,
        transaction: &Transaction<'_>,
    ) -> Result<BTreeMap<OwnedEventId, PduOutcome>, RequestError> {
        // Whoever sends transactions knows when the server is to be tried again.
        self.pauses.ends(server);
        let target = format!("/_matrix/federation/v1/send/{}", escaped(id));
        let body = self.put(server, &target, transaction, self.patient(MOST_ANSWER_BYTES)).await?;
        Ok(parsed::<Answer>(&body)?.pdus)
    }
}
