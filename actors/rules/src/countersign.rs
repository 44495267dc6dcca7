//! Our signature on an event that another server made: an invite of a user of ours, a join that a user of ours vouches for.

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue,
    canonical_json::{CanonicalJsonObjectExt as _, redact_in_place},
};
use serde_json::value::RawValue;

use crate::{EventSigner, Pdu, PduError, RoomVersion};

/// The event with our signature beside those that it has. Its id stays: signatures are no part of it.
///
/// # Errors
/// The event cannot be redacted or its `signatures` are no object of objects: it is not one that [`Pdu::parse`] accepts.
///
/// Specification: <https://spec.matrix.org/v1.19/server-server-api/#signing-events>
pub fn countersigned(version: &RoomVersion, pdu: &Pdu, signer: &dyn EventSigner) -> Result<Pdu, PduError> {
    let invalid = |field| PduError::Invalid { field, reason: "the event cannot be signed" };
    let mut object: CanonicalJsonObject = serde_json::from_str(pdu.json().get())?;
    let mut redacted = object.clone();
    redact_in_place(&mut redacted, &version.rules().redaction, None).map_err(|_| invalid("content"))?;
    redacted.remove("signatures");
    redacted.remove("unsigned");
    let signature = signer.sign(serde_json::to_string(&redacted)?.as_bytes());
    let signature = CanonicalJsonValue::String(BASE64_STANDARD_NO_PAD.encode(signature));
    object
        .get_as_object_or_insert_default("signatures", "signatures")
        .and_then(|all| all.get_as_object_or_insert_default(signer.server_name().as_str(), "signatures"))
        .map_err(|_| invalid("signatures"))?
        .insert(signer.key_id().to_owned(), signature);
    let json = RawValue::from_string(serde_json::to_string(&object)?)?;
    Ok(Pdu::parse(version, json, Some(pdu.event_id().to_owned()))?.with_rejected(pdu.is_rejected()))
}
