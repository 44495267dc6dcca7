//! The laws of parsing and rendering events. The oracle of the format is `ruma::state_res::check_pdu_format`.

use proptest::prelude::*;
use ruma::{CanonicalJsonObject, state_res::check_pdu_format};
use serde_json::{Value, json};

use super::*;
use crate::{
    RoomVersion,
    testing::{ALICE, BOB, TestRoom, any_json, cases, version},
};

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn parse(version_id: &str, json: &Value) -> Result<Pdu, PduError> {
    Pdu::parse(version(version_id), raw(&json.to_string()), None)
}

fn message() -> Value {
    json!({
        "type": "m.room.message", "sender": ALICE, "room_id": "!room:a.example",
        "content": { "body": "hi" }, "origin_server_ts": 1, "depth": 5,
        "prev_events": ["$prev"], "auth_events": ["$auth"],
        "hashes": { "sha256": "x" }, "signatures": { "a.example": { "ed25519:1": "x" } },
    })
}

#[test]
fn a_field_that_is_absent_or_of_the_wrong_type_is_refused_by_its_name() {
    for field in
        ["type", "sender", "room_id", "content", "origin_server_ts", "depth", "prev_events", "auth_events"]
    {
        let mut absent = message();
        absent.as_object_mut().unwrap().remove(field);
        assert!(parse("11", &absent).unwrap_err().to_string().contains(field), "absent {field}");
        for wrong in [json!(null), json!(true), json!(-1), json!("no"), json!([1]), json!({})] {
            let mut odd = message();
            odd[field] = wrong.clone();
            let fits = match field {
                "type" => wrong.is_string(),
                "content" => wrong.is_object(),
                _ => false,
            };
            match parse("11", &odd) {
                Ok(_) => assert!(fits, "{field}: {wrong}"),
                Err(error) => {
                    assert!(!fits && error.to_string().contains(field), "{field}: {wrong}: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_canonical_json_is_refused() {
    for content in [
        r#"{"a":1.5}"#,
        r#"{"a":1e2}"#,
        r#"{"a":9007199254740992}"#,
        r#"{"a":"\udc00"}"#,
        &format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200)),
    ] {
        let json = message().to_string().replace(r#"{"body":"hi"}"#, content);
        let Ok(json) = RawValue::from_string(json) else { continue };
        let refused = Pdu::parse(version("6"), json, None);
        assert!(matches!(refused, Err(PduError::NotCanonical(_))), "{content}: {refused:?}");
    }
}

#[test]
fn an_event_is_kept_in_canonical_json_whatever_form_it_came_in() {
    let canonical = parse("11", &message()).unwrap();
    let spaced = serde_json::to_string_pretty(&message()).unwrap();
    let doubled = message().to_string().replacen('{', r#"{"depth":99,"\u0074ype":"x","#, 1);

    for text in [spaced, doubled] {
        let pdu = Pdu::parse(version("11"), raw(&text), None).unwrap();
        assert_eq!(pdu.json().get(), canonical.json().get());
        assert_eq!(pdu.event_id(), canonical.event_id());
    }
}

#[test]
fn unsigned_data_is_no_part_of_the_event_but_counts_for_its_size() {
    let plain = parse("11", &message()).unwrap();
    let mut with_unsigned = message();
    with_unsigned["unsigned"] = json!({ "age": 1 });
    let pdu = parse("11", &with_unsigned).unwrap();
    with_unsigned["unsigned"] = json!({ "x": "x".repeat(MAX_PDU_BYTES) });

    assert_eq!(pdu.json().get(), plain.json().get());
    assert!(matches!(parse("11", &with_unsigned), Err(PduError::TooLarge { .. })));
}

#[test]
fn text_that_is_far_too_long_is_not_even_parsed() {
    let json = raw(&format!("[{}1]", "1,".repeat(MAX_PDU_TEXT_BYTES)));

    assert!(matches!(Pdu::parse(version("11"), json, None), Err(PduError::TooLarge { .. })));
}

#[test]
fn long_fields_and_long_lists_are_refused() {
    for field in ["type", "sender", "room_id", "state_key"] {
        let mut long = message();
        long[field] = "é".repeat(256).into();
        assert!(
            matches!(parse("11", &long), Err(PduError::FieldTooLong { field: found }) if found == field),
            "{field}"
        );
    }
    let mut old = message();
    old["state_key"] = "é".repeat(255).into();
    assert!(parse("11", &old).is_ok(), "characters count in events from elsewhere");
    for (field, max) in [("prev_events", MAX_PREV_EVENTS), ("auth_events", MAX_AUTH_EVENTS)] {
        let mut exact = message();
        exact[field] = (0..max).map(|number| format!("${number}")).collect();
        assert!(parse("11", &exact).is_ok());
        exact[field] = (0..=max).map(|number| format!("${number}")).collect();
        assert!(matches!(parse("11", &exact), Err(PduError::TooManyReferences { .. })));
        exact[field] = json!([format!("${}", "x".repeat(255))]);
        assert!(parse("11", &exact).is_err());
    }
}

#[test]
fn a_version_twelve_event_must_not_cite_the_create_event() {
    let mut event = message();
    event["room_id"] = "!create".into();
    assert!(parse("12", &event).is_ok());

    event["auth_events"] = json!(["$create"]);

    assert!(parse("12", &event).is_err());
    assert!(parse("11", &event).is_ok());
}

#[test]
fn a_field_that_only_redactions_have_may_be_anything_elsewhere() {
    let mut event = message();
    event["redacts"] = json!({ "odd": 1 });

    let pdu = parse("6", &event).unwrap();

    assert_eq!(pdu.redacts(), None);
}

#[test]
fn a_client_gets_the_fields_of_the_specification_and_no_others() {
    let mut room = TestRoom::new("11");
    let topic = room.sends(ALICE, "m.room.topic", Some(""), json!({ "topic": "a \"topic\"" }));
    let unsigned = raw(r#"{"age":5}"#);

    let with: Value = serde_json::from_str(topic.client_event(Some(&unsigned), true).get()).unwrap();
    let without: Value = serde_json::from_str(topic.client_event(None, false).get()).unwrap();

    let mut expected = json!({
        "type": "m.room.topic", "state_key": "", "sender": ALICE, "content": { "topic": "a \"topic\"" },
        "event_id": topic.event_id(), "origin_server_ts": topic.origin_server_ts(),
    });
    assert_eq!(without, expected);
    expected["room_id"] = topic.room_id().as_str().into();
    expected["unsigned"] = json!({ "age": 5 });
    assert_eq!(with, expected);
}

#[test]
fn a_rendered_message_is_kept_and_a_state_event_is_not() {
    let mut room = TestRoom::new("11");
    let message = room.says(ALICE, "hi");
    let topic = room.sends(ALICE, "m.room.topic", Some(""), json!({ "topic": "a" }));
    let sizes = |pdu: &Pdu| {
        let before = pdu.estimated_bytes();
        let first = pdu.client_event(None, true);
        assert_eq!(first.get(), pdu.client_event(None, true).get());
        pdu.estimated_bytes() - before
    };

    assert!(sizes(&message) > 0);
    assert_eq!(sizes(&topic), 0);
    let kept = format!("{}}}", topic.client_json());
    assert_eq!(topic.client_event(None, true).get(), kept);
}

#[test]
fn the_open_form_is_closed_by_a_brace() {
    let mut room = TestRoom::new("11");
    let message = room.says(ALICE, "hi");

    let closed: Value = serde_json::from_str(&format!("{}}}", message.client_json())).unwrap();

    assert_eq!(closed, serde_json::from_str::<Value>(message.client_event(None, true).get()).unwrap());
}

#[test]
fn clients_find_the_target_of_a_redaction_in_both_places_whatever_the_version() {
    for version in RoomVersion::SUPPORTED {
        for content in [r"{}", r#"{"reason":"spam"}"#, r#"{"redacts":"$target"}"#] {
            let room = TestRoom::new(version.id().as_str());
            let redaction = room.propose_builder(
                ALICE,
                crate::PduBuilder {
                    kind: "m.room.redaction".into(),
                    state_key: None,
                    content: raw(content),
                    redacts: Some(ruma::event_id!("$target").to_owned()),
                },
            );

            let event: Value = serde_json::from_str(redaction.client_event(None, true).get()).unwrap();

            assert_eq!(event["redacts"], "$target");
            assert_eq!(event["content"]["redacts"], "$target");
        }
    }
}

#[test]
fn stripped_state_has_four_fields_and_a_create_event_its_time() {
    let room = TestRoom::new("12");
    let keys = |pdu: &Pdu| {
        let stripped: Value = serde_json::from_str(pdu.stripped().get()).unwrap();
        stripped.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };

    let rules = room.state.get("m.room.join_rules", "").unwrap();
    assert_eq!(keys(rules), "content sender state_key type");
    assert_eq!(keys(room.state.create().unwrap()), "content origin_server_ts sender state_key type");
}

#[test]
fn only_member_events_of_users_have_a_membership() {
    let room = TestRoom::new("11");
    let membership = |kind: &str, key: Option<&str>, content: Value| {
        room.propose(ALICE, kind, key, content).membership().cloned()
    };

    assert_eq!(
        membership("m.room.member", Some(BOB), json!({ "membership": "join" })),
        Some(MembershipState::Join)
    );
    assert_eq!(membership("m.room.member", Some("bob"), json!({ "membership": "join" })), None);
    assert_eq!(membership("m.room.member", None, json!({ "membership": "join" })), None);
    assert_eq!(membership("m.room.member", Some(BOB), json!({ "membership": 5 })), None);
    assert_eq!(membership("org.example", Some(BOB), json!({ "membership": "join" })), None);
}

#[test]
fn a_rejected_event_is_the_same_event() {
    let mut room = TestRoom::new("11");
    let message = room.says(ALICE, "hi");

    let rejected = message.clone().with_rejected(true);

    assert_eq!(rejected, message);
    assert!(rejected.is_rejected() && !message.is_rejected());
}

/// An event with one field replaced by anything.
fn almost_an_event() -> impl Strategy<Value = Value> {
    let fields = vec![
        "type",
        "sender",
        "room_id",
        "state_key",
        "content",
        "origin_server_ts",
        "depth",
        "prev_events",
        "auth_events",
        "redacts",
        "hashes",
        "signatures",
        "unsigned",
        "other",
    ];
    prop::collection::vec((prop::sample::select(fields), any_json()), 0..4).prop_map(|changes| {
        let mut event = message();
        for (field, value) in changes {
            event[field] = value;
        }
        event
    })
}

proptest! {
    #![proptest_config(cases(500))]

    /// We are stricter only about what ruma does not look at here: the types of `content` and of the time, and the ids.
    #[test]
    fn nothing_that_ruma_refuses_is_a_pdu(event in almost_an_event(), twelve in any::<bool>()) {
        let version = version(if twelve { "12" } else { "6" });
        let object: CanonicalJsonObject = serde_json::from_value(event.clone()).unwrap();
        let ruma = check_pdu_format(&object, &version.rules().event_format);

        let ours = Pdu::parse(version, raw(&event.to_string()), None);

        if let Err(refused) = ruma {
            prop_assert!(ours.is_err(), "{refused}");
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in ".{0,200}", event in almost_an_event(), cut in 0_usize..400, junk in any::<char>()) {
        let mut bent: Vec<char> = event.to_string().chars().collect();
        let at = cut.min(bent.len());
        bent.insert(at, junk);
        let cut_off: String = event.to_string().chars().take(cut).collect();
        for text in [text, event.to_string(), bent.into_iter().collect(), cut_off] {
            let Ok(json) = RawValue::from_string(text) else { continue };
            for version in [version("6"), version("11"), version("12")] {
                for event_id in [None, Some(ruma::event_id!("$known").to_owned())] {
                    if let Ok(pdu) = Pdu::parse(version, json.clone(), event_id) {
                        let _ = (pdu.client_event(None, true), pdu.stripped(), pdu.estimated_bytes());
                        let _ = crate::redact::redacted(version, &pdu);
                    }
                }
            }
        }
    }

    /// Bytes that are not even text are refused where JSON is first read.
    #[test]
    fn no_bytes_make_parsing_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(json) = serde_json::from_slice::<Box<RawValue>>(&bytes) {
            let _ = Pdu::parse(version("11"), json, None);
        }
    }
}
