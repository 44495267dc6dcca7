//! `POST /_matrix/client/v3/keys/signatures/upload`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload>

use std::collections::BTreeMap;

use playhouse_actors::user::keys::{SignatureFailure, SignedKeys};
use ruma::{OwnedUserId, api::client::keys::upload_signatures::v3::Request};
use serde::Serialize;

use crate::{ApiError, context::Context, reply::Json};

/// The signatures that were not taken, by user and by device id or public key.
#[derive(Debug, Serialize)]
pub struct Answer {
    failures: BTreeMap<OwnedUserId, BTreeMap<String, Failure>>,
}

/// Why a signature was not taken.
#[derive(Debug, Serialize)]
struct Failure {
    errcode: &'static str,
    error: String,
}

impl From<SignatureFailure> for Failure {
    fn from(failure: SignatureFailure) -> Self {
        let errcode = match failure {
            SignatureFailure::UnknownKey => "M_NOT_FOUND",
            SignatureFailure::OtherObject => "M_INVALID_PARAM",
            SignatureFailure::InvalidSignature => "M_INVALID_SIGNATURE",
            SignatureFailure::Malformed => "M_BAD_JSON",
        };
        Self { errcode, error: failure.to_string() }
    }
}

/// Publishes signatures by the caller's keys.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Answer>, ApiError> {
    let signed: SignedKeys = request
        .signed_keys
        .iter()
        .map(|(user, keys)| {
            (user.clone(), keys.iter().map(|(key, object)| (key.to_owned(), object.to_owned())).collect())
        })
        .collect();
    let failures = cx.node().users().handle(cx.user_id()).upload_signatures(signed).await?;
    let failures = failures.into_iter().map(|(user, of_user)| {
        (user, of_user.into_iter().map(|(key, failure)| (key, failure.into())).collect())
    });
    Ok(Json(Answer { failures: failures.collect() }))
}
