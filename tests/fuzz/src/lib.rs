//! Fuzz targets for what strangers send: PDUs, tokens, filters, push rules.
//!
//! Each target takes bytes and must neither panic nor take long. `corpus/` holds a file for each kind of malice that we
//! thought of or met; the test feeds every file, then mutations of them, seeded. A file that broke something stays.

use playhouse_actors::{
    timeline::page::Gap,
    token::{SyncToken, TokenCodec},
    user::filters,
};
use playhouse_rules::{Pdu, RoomVersion, push::PushRules};
use ruma::user_id;
use serde_json::value::RawValue;

/// Something that takes bytes from outside.
pub type Target = fn(&[u8]);

/// The targets, by the folder of their corpus.
pub const TARGETS: [(&str, Target); 4] =
    [("pdus", pdu), ("tokens", token), ("filters", filter), ("push_rules", push_rules)];

/// A PDU in every room version: what is taken must be what is kept.
fn pdu(bytes: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(bytes) else { return };
    for version in RoomVersion::SUPPORTED {
        if let Ok(pdu) = Pdu::parse(version, raw.clone(), None) {
            let again =
                Pdu::parse(version, pdu.json().to_owned(), None).expect("what was taken once is taken again");
            assert_eq!(pdu.event_id(), again.event_id());
            let _ = (pdu.client_json(), pdu.stripped(), pdu.membership());
        }
    }
}

/// A sync token or a paging token: nothing that we did not issue is believed.
fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let codec = TokenCodec::new([9; 32]);
    if let Ok(token) = codec.decode(text) {
        assert_eq!(token, SyncToken::default(), "a token was forged: {text}");
    }
    if let Some(gap) = Gap::decode(text) {
        assert_eq!(Gap::decode(&gap.encode()), Some(gap));
    }
}

fn filter(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = filters::parse(text);
    }
}

/// Stored rules of any shape: what is loaded can be stored, loaded and compiled again.
fn push_rules(bytes: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(bytes) else { return };
    let user = user_id!("@fuzz:fuzz.example");
    let rules = PushRules::load(user, &raw);
    let again = PushRules::load(user, &rules.content());
    assert_eq!(rules.compile().hash(), again.compile().hash());
}
