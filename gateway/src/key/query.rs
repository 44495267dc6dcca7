//! `/_matrix/key/v2/query`

pub mod get;
pub mod post;

use ruma::CanonicalJsonObject;
use serde::Serialize;

/// What a notary answers.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// A document for each server that something is known of, signed by it and by us.
    pub server_keys: Vec<CanonicalJsonObject>,
}
