//! `PUT /_matrix/federation/v1/send/{txnId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid>

use playhouse_actors::inbound::{IncomingTransaction, TransactionError, take};
use ruma::api::federation::transactions::send_transaction_message::v1::Request;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::RawJson};

/// The most bytes of a transaction: fifty of the largest events, and as much of EDUs.
pub const MOST_BODY_BYTES: usize = 12 << 20;

/// What of a transaction is read. Who sent it is known from the proof.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    pdus: Vec<Box<RawValue>>,
    #[serde(default)]
    edus: Vec<Box<RawValue>>,
}

/// Takes a transaction of another server in.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<RawJson, ApiError> {
    let (id,): (String,) = request.path()?;
    let Body { pdus, edus } = cx.request.body_as()?;
    let transaction = IncomingTransaction { origin: cx.caller.0.clone(), id, pdus, edus };
    match take(cx.node(), transaction).await {
        Ok(answer) => Ok(RawJson::from(&*answer)),
        Err(error @ TransactionError::TooMany) => Err(ApiError::bad_json(error.to_string())),
        Err(TransactionError::Room(error)) => Err(error.into()),
    }
}
