//! The laws of building events. The oracle is ruma: it must hash, sign and accept what we built as we did.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ruma::{
    CanonicalJsonObject, event_id, room_id,
    signatures::{PublicKeyMap, PublicKeySet, Verified, content_hash, reference_hash, verify_event},
    state_res::check_pdu_format,
    user_id,
};
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::testing::{ALICE, SIGNER, TestRoom, any_json, cases, version};

fn builder(kind: &str, state_key: Option<&str>, content: &str) -> PduBuilder {
    PduBuilder {
        kind: kind.into(),
        state_key: state_key.map(str::to_owned),
        content: RawValue::from_string(content.to_owned()).unwrap(),
        redacts: None,
    }
}

fn frame(version: &'static RoomVersion) -> EventFrame<'static> {
    EventFrame {
        version,
        room_id: Some(room_id!("!room:a.example")),
        sender: user_id!("@alice:a.example"),
        prev_events: &[],
        auth_events: &[],
        depth: 7,
        origin_server_ts: MilliSecondsSinceUnixEpoch(1_700_000_000_u32.into()),
    }
}

fn keys() -> PublicKeyMap {
    let public = ruma::serde::Base64::new(SIGNER.verifying_key().as_bytes().to_vec());
    BTreeMap::from([("a.example".to_owned(), PublicKeySet::from([("ed25519:test".to_owned(), public)]))])
}

fn ruma_accepts(pdu: &Pdu, version: &RoomVersion) {
    let object: CanonicalJsonObject = serde_json::from_str(pdu.json().get()).unwrap();
    assert_eq!(serde_json::to_string(&object).unwrap(), pdu.json().get(), "canonical");
    check_pdu_format(&object, &version.rules().event_format).unwrap();
    let hashes = serde_json::to_value(&object["hashes"]).unwrap();
    assert_eq!(hashes["sha256"], content_hash(&object).unwrap().encode());
    assert_eq!(pdu.event_id().as_str(), format!("${}", reference_hash(&object, version.rules()).unwrap()));
    assert_eq!(verify_event(&keys(), &object, version.rules()).unwrap(), Verified::All);
}

/// What the log gives back is what was built.
fn survives_the_log(pdu: &Pdu, version: &RoomVersion) {
    for event_id in [None, Some(pdu.event_id().to_owned())] {
        let again = Pdu::parse(version, pdu.json().to_owned(), event_id).unwrap();
        assert_eq!(again.event_id(), pdu.event_id());
        assert_eq!(again.room_id(), pdu.room_id());
        assert_eq!(again.sender(), pdu.sender());
        assert_eq!(again.kind(), pdu.kind());
        assert_eq!(again.state_key(), pdu.state_key());
        assert_eq!(again.content().get(), pdu.content().get());
        assert_eq!(again.prev_events(), pdu.prev_events());
        assert_eq!(again.auth_events(), pdu.auth_events());
        assert_eq!(again.depth(), pdu.depth());
        assert_eq!(again.redacts(), pdu.redacts());
        assert_eq!(again.membership(), pdu.membership());
        assert_eq!(again.origin_server_ts(), pdu.origin_server_ts());
        assert_eq!(again.json().get(), pdu.json().get());
        assert_eq!(again.client_json(), pdu.client_json());
    }
}

#[test]
fn events_of_every_version_are_hashed_and_signed_as_ruma_does() {
    for version in RoomVersion::SUPPORTED {
        let mut room = TestRoom::new(version.id().as_str());
        room.says(ALICE, "hello \u{1F980} \"quoted\" \\ \u{7f} \n end");
        room.sends(
            ALICE,
            "org.example.\"odd\"",
            Some("a\\b\n"),
            json!({ "b": [1, { "z": null, "a": -5 }], "a": {} }),
        );
        room.sends(ALICE, "m.room.member", Some(ALICE), json!({ "membership": "join", "displayname": "A" }));

        for pdu in room.events.values() {
            ruma_accepts(pdu, version);
            survives_the_log(pdu, version);
        }
    }
}

#[test]
fn a_redaction_names_its_target_where_the_version_has_it() {
    for version in RoomVersion::SUPPORTED {
        let target = event_id!("$target").to_owned();
        let mut redaction = builder("m.room.redaction", None, r#"{"reason":"spam"}"#);
        redaction.redacts = Some(target.clone());

        let pdu = redaction.build(&frame(version), &*SIGNER).unwrap();

        let json: Value = serde_json::from_str(pdu.json().get()).unwrap();
        let place = if version.redacts_in_content() { "/content/redacts" } else { "/redacts" };
        assert_eq!(json.pointer(place), Some(&json!("$target")), "{}", version.id());
        assert_eq!(pdu.redacts(), Some(&*target));
        ruma_accepts(&pdu, version);
        survives_the_log(&pdu, version);
    }
}

#[test]
fn a_target_in_the_content_is_found_whatever_the_version() {
    for version in RoomVersion::SUPPORTED {
        let redaction = builder("m.room.redaction", None, r#"{"redacts":"$target"}"#);
        let message = builder("m.room.message", None, r#"{"redacts":"$target"}"#);

        let redaction = redaction.build(&frame(version), &*SIGNER).unwrap();
        let message = message.build(&frame(version), &*SIGNER).unwrap();

        assert_eq!(redaction.redacts().unwrap(), "$target");
        assert_eq!(message.redacts(), None);
        survives_the_log(&redaction, version);
    }
}

#[test]
fn a_version_twelve_create_event_names_the_room_by_its_own_hash() {
    let room = TestRoom::new("12");
    let create = room.state.create().unwrap();

    assert_eq!(create.room_id().as_str()[1..], create.event_id().as_str()[1..]);
    assert!(!create.json().get().contains("room_id"));
    assert!(room.events.values().all(|pdu| pdu.room_id() == create.room_id()));
    assert!(room.events.values().all(|pdu| !pdu.auth_events().contains(&create.event_id().to_owned())));
}

#[test]
fn a_room_id_is_given_exactly_where_one_is_needed() {
    let named_by_itself = version("12");
    let create = || builder("m.room.create", Some(""), r#"{"room_version":"12"}"#);
    let without = |version| EventFrame { room_id: None, ..frame(version) };

    assert!(create().build(&without(named_by_itself), &*SIGNER).is_ok());
    for (builder, frame) in [
        (create(), frame(named_by_itself)),
        (create(), without(version("11"))),
        (builder("m.room.message", None, "{}"), without(named_by_itself)),
    ] {
        assert!(matches!(builder.build(&frame, &*SIGNER), Err(BuildError::RoomId)));
    }
}

#[test]
fn an_event_may_have_65536_bytes_and_not_one_more() {
    let version = version("11");
    let of_body = |length: usize| {
        let content = format!(r#"{{"body":"{}"}}"#, "x".repeat(length));
        builder("m.room.message", None, &content).build(&frame(version), &*SIGNER)
    };
    let overhead = of_body(0).unwrap().json().get().len();

    let largest = of_body(65_536 - overhead).unwrap();
    let too_large = of_body(65_537 - overhead).unwrap_err();

    assert_eq!(largest.json().get().len(), 65_536);
    survives_the_log(&largest, version);
    assert!(matches!(too_large, BuildError::TooLarge { bytes: 65_537 }), "{too_large}");
}

#[test]
fn fields_are_limited_in_bytes_and_the_error_says_which() {
    let version = version("11");
    let long = "é".repeat(128);
    let cases = [("type", builder(&long, None, "{}")), ("state_key", builder("t", Some(&long), "{}"))];
    for (expected, builder) in cases {
        match builder.build(&frame(version), &*SIGNER) {
            Err(BuildError::FieldTooLong { field }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let exact = format!("{}x", "é".repeat(127));
    assert!(builder(&exact, Some(&exact), "{}").build(&frame(version), &*SIGNER).is_ok());
}

#[test]
fn content_that_canonical_json_forbids_is_refused() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for content in [
        "[]",
        "1",
        "null",
        "\"text\"",
        r#"{"a":1.5}"#,
        r#"{"a":1e3}"#,
        r#"{"a":9007199254740992}"#,
        r#"{"a":-9007199254740992}"#,
        r#"{"a":{"b":[0.1]}}"#,
        r#"{"a":"\ud800"}"#,
        &format!(r#"{{"a":{deep}}}"#),
    ] {
        let Ok(raw) = RawValue::from_string(content.to_owned()) else { continue };
        let builder = PduBuilder { content: raw, ..builder("m.room.message", None, "{}") };
        let refused = builder.build(&frame(version("6")), &*SIGNER);
        assert!(matches!(refused, Err(BuildError::BadContent { .. })), "{content}: {refused:?}");
    }
}

#[test]
fn the_greatest_integers_are_allowed() {
    let content = r#"{"least":-9007199254740991,"most":9007199254740991}"#;

    let pdu = builder("m.room.message", None, content).build(&frame(version("11")), &*SIGNER).unwrap();

    assert_eq!(pdu.content().get(), content);
}

#[test]
fn a_frame_that_cites_too_much_is_refused() {
    let ids: Vec<_> = (0..21).map(|number| EventId::parse(format!("${number}")).unwrap()).collect();
    let frame = frame(version("11"));

    let prev = builder("t", None, "{}").build(&EventFrame { prev_events: &ids, ..frame }, &*SIGNER);
    let auth = builder("t", None, "{}").build(&EventFrame { auth_events: &ids[..11], ..frame }, &*SIGNER);
    let most = EventFrame { prev_events: &ids[..20], auth_events: &ids[..10], ..frame };

    assert!(matches!(prev, Err(BuildError::TooManyReferences { field: "prev_events" })));
    assert!(matches!(auth, Err(BuildError::TooManyReferences { field: "auth_events" })));
    assert!(builder("t", None, "{}").build(&most, &*SIGNER).is_ok());
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn whatever_is_built_is_what_ruma_would_have_built(
        kind in prop_oneof!["m\\.room\\.[a-z_]{1,12}", ".{1,20}", Just("m.room.member".to_owned()), Just("m.room.redaction".to_owned())],
        state_key in prop::option::of(".{0,20}"),
        mut members in prop::collection::btree_map(".{0,8}", any_json(), 0..5),
        version_index in 0..RoomVersion::SUPPORTED.len(),
        depth in any::<u64>(),
    ) {
        let version = &RoomVersion::SUPPORTED[version_index];
        // Without one ruma cannot say whose signatures a member event needs.
        members.insert("membership".to_owned(), "leave".into());
        let builder = PduBuilder {
            kind: kind.as_str().into(),
            state_key,
            content: to_raw_value(&members).unwrap(),
            redacts: None,
        };

        let pdu = builder.build(&EventFrame { depth, ..frame(version) }, &*SIGNER).unwrap();

        ruma_accepts(&pdu, version);
        survives_the_log(&pdu, version);
    }

    #[test]
    fn no_content_makes_building_panic(content in any_json(), kind in ".{0,300}") {
        let builder = PduBuilder {
            kind: kind.as_str().into(),
            state_key: Some(String::new()),
            content: to_raw_value(&content).unwrap(),
            redacts: None,
        };
        let _ = builder.build(&frame(version("11")), &*SIGNER);
    }
}
