//! Asking for keys.

use async_trait::async_trait;
use ruma::ServerName;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Client, RequestError, Signature, escaped, parsed};
use crate::keys::{KeySource, MOST_DOCUMENT_BYTES, Source};

/// The most documents of a notary's answer that are looked at.
const MOST_DOCUMENTS: usize = 8;

#[derive(Deserialize)]
struct NotaryAnswer {
    server_keys: Vec<Box<RawValue>>,
}

#[async_trait]
impl KeySource for Client {
    async fn fetch(&self, server: &ServerName, from: &Source) -> Result<Vec<Box<RawValue>>, RequestError> {
        match from {
            Source::Itself => {
                let target = "/_matrix/key/v2/server";
                let body = self.get(server, target, Signature::None, MOST_DOCUMENT_BYTES).await?;
                Ok(vec![parsed(&body)?])
            }
            Source::Notary(notary) => {
                let target = format!("/_matrix/key/v2/query/{}", escaped(server.as_str()));
                let most_bytes = MOST_DOCUMENTS * MOST_DOCUMENT_BYTES;
                let body = self.get(notary, &target, Signature::None, most_bytes).await?;
                let mut answer: NotaryAnswer = parsed(&body)?;
                answer.server_keys.truncate(MOST_DOCUMENTS);
                Ok(answer.server_keys)
            }
        }
    }
}
