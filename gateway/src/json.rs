//! What JSON the server takes: UTF-8, an object, no deeper than [`MAX_DEPTH`], each key once, no lone surrogates.
//!
//! Checked once over the whole body, before an endpoint sees it, so that a `RawValue` passed on needs no second look.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::ApiError;

/// How deep arrays and objects may nest. Clients stay below 20; serde_json itself gives up at 128.
pub const MAX_DEPTH: usize = 64;

/// Refuses a body that is not a JSON object as above.
///
/// # Errors
/// `M_NOT_JSON` for what is no JSON, `M_BAD_JSON` for JSON of a shape that no endpoint takes.
pub fn check_object(body: &[u8]) -> Result<(), ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::not_json("The body is not UTF-8"))?;
    let mut json = serde_json::Deserializer::from_str(text);
    Checked { depth: 0 }.deserialize(&mut json).map_err(to_api_error)?;
    json.end().map_err(to_api_error)?;
    if text.trim_start().starts_with('{') {
        return Ok(());
    }
    Err(ApiError::bad_json("The body must be a JSON object"))
}

fn to_api_error(error: serde_json::Error) -> ApiError {
    if error.is_data() {
        ApiError::bad_json(error.to_string())
    } else {
        ApiError::not_json("The body is not JSON")
    }
}

/// Walks a value and keeps nothing of it.
struct Checked {
    depth: usize,
}

impl Checked {
    fn inner<E: Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.inner()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = entries.next_key_seed(KeyText)? {
            keys.push(key);
            entries.next_value_seed(self.inner()?)?;
        }
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(_) => Err(A::Error::custom("the same key twice in one object")),
            None => Ok(()),
        }
    }
}

/// A key, borrowed from the body unless it holds escapes.
struct KeyText;

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(body: &[u8]) -> String {
        match check_object(body) {
            Ok(()) => "fine".to_owned(),
            Err(error) => error.errcode().map_or_else(String::new, ToString::to_string),
        }
    }

    #[test]
    fn each_kind_of_bad_body_has_its_code() {
        let cases: [(&[u8], &str); 13] = [
            (br#"{"a":[1,{"b":null}]}"#, "fine"),
            (b"", "M_NOT_JSON"),
            (b"{", "M_NOT_JSON"),
            (b"{} {}", "M_NOT_JSON"),
            (br#"{"a":NaN}"#, "M_NOT_JSON"),
            (b"{\"a\":\"\x81\"}", "M_NOT_JSON"),
            (br#"{"a":"\ud800"}"#, "M_NOT_JSON"),
            (br#"{"\udc00":1}"#, "M_NOT_JSON"),
            (br#"{"a":"\ud83d\ude00"}"#, "fine"),
            (b"[]", "M_BAD_JSON"),
            (b"\"text\"", "M_BAD_JSON"),
            (br#"{"a":1,"\u0061":2}"#, "M_BAD_JSON"),
            (br#"{"a":{"b":1,"b":1}}"#, "M_BAD_JSON"),
        ];
        for (body, expected) in cases {
            assert_eq!(verdict(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn depth_is_bounded_exactly() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));

        assert_eq!(verdict(nested(MAX_DEPTH).as_bytes()), "fine");
        assert_eq!(verdict(nested(MAX_DEPTH + 1).as_bytes()), "M_BAD_JSON");
        assert_eq!(verdict("[".repeat(1 << 20).as_bytes()), "M_BAD_JSON");
    }

    proptest! {
        #[test]
        fn bytes_never_panic_it(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check_object(&body);
        }

        #[test]
        fn what_serde_renders_is_fine(map in prop::collection::btree_map(".*", ".*", 0..20)) {
            prop_assert!(check_object(&serde_json::to_vec(&map).unwrap()).is_ok());
        }
    }
}
