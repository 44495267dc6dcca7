//! The content of an event in canonical JSON, and what redaction leaves of it.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, EventId, OwnedEventId, canonical_json::redact_content_in_place,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::BuildError;
use crate::RoomVersion;

/// A content in both forms that are signed.
pub(super) struct Content {
    /// As it is sent.
    pub(super) full: String,
    /// As it is after redaction.
    pub(super) redacted: String,
}

/// The target that a client names in the content of a redaction.
///
/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#redactions>
pub(super) fn target(content: &RawValue) -> Option<OwnedEventId> {
    #[derive(Deserialize)]
    struct Redaction {
        redacts: OwnedEventId,
    }
    serde_json::from_str(content.get()).ok().map(|redaction: Redaction| redaction.redacts)
}

/// Encodes `content`, with `redacts` put into it if given.
pub(super) fn canonical(
    version: &RoomVersion,
    kind: &str,
    content: &RawValue,
    redacts: Option<&EventId>,
) -> Result<Content, BuildError> {
    let mut object: CanonicalJsonObject = serde_json::from_str(content.get()).map_err(|error| bad(&error))?;
    if let Some(redacts) = redacts {
        object.insert("redacts".to_owned(), CanonicalJsonValue::String(redacts.to_string()));
    }
    let full = serde_json::to_string(&object).map_err(|error| bad(&error))?;
    redact_content_in_place(&mut object, &version.rules().redaction, kind);
    let redacted = if object.is_empty() {
        "{}".to_owned()
    } else {
        serde_json::to_string(&object).map_err(|error| bad(&error))?
    };
    Ok(Content { full, redacted })
}

fn bad(error: &serde_json::Error) -> BuildError {
    BuildError::BadContent { reason: error.to_string() }
}
