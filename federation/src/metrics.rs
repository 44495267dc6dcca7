//! The metrics of federation. Labels come from closed sets: never a server's name.

use metrics::{counter, describe_counter};

use crate::{
    client::RequestError,
    egress::EgressError,
    federation::AuthError,
    keys::{KeyError, Source},
};

const REQUESTS: &str = "playhouse_federation_requests_total";
const KEY_FETCHES: &str = "playhouse_federation_key_fetches_total";
const REFUSED: &str = "playhouse_federation_unproven_requests_total";

/// Says what each metric is.
pub fn describe() {
    describe_counter!(REQUESTS, "Requests to other servers, by how they ended.");
    describe_counter!(KEY_FETCHES, "Servers asked for keys, by whom was asked and whether there were any.");
    describe_counter!(REFUSED, "Requests of other servers whose origin was not proven, by why.");
}

/// A request of ours has ended.
pub(crate) fn requested<T>(answer: &Result<T, RequestError>) {
    let outcome = match answer {
        Ok(_) => "done",
        Err(RequestError::Denied) => "denied",
        Err(RequestError::Paused) => "paused",
        Err(RequestError::Egress(EgressError::Busy)) => "busy",
        Err(RequestError::Egress(EgressError::Forbidden(_))) => "forbidden",
        Err(RequestError::Egress(_)) => "unreachable",
        Err(RequestError::Refused { .. }) => "refused",
        Err(RequestError::Malformed(_) | RequestError::NotSignable(_)) => "malformed",
    };
    counter!(REQUESTS, "outcome" => outcome).increment(1);
}

/// Somebody was asked for keys.
pub(crate) fn keys_fetched(source: &Source, is_done: bool) {
    let source = match source {
        Source::Itself => "server",
        Source::Notary(_) => "notary",
    };
    let outcome = if is_done { "done" } else { "failed" };
    counter!(KEY_FETCHES, "source" => source, "outcome" => outcome).increment(1);
}

/// A request of another server was refused before it was looked at.
pub(crate) fn refused(error: &AuthError) {
    let reason = match error {
        AuthError::Claim(_) => "header",
        AuthError::Denied(_) => "denied",
        AuthError::Key(KeyError::Busy | KeyError::Memory(_)) => "busy",
        AuthError::Key(_) => "key",
        AuthError::Forged(_) => "signature",
    };
    counter!(REFUSED, "reason" => reason).increment(1);
}
