//! A backed-up room key.

use ruma::{RoomId, UInt};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::user::UserError;

/// The most bytes of a backed-up key.
pub const MOST_KEY_BYTES: usize = 64 << 10;
/// The most bytes of a session's id.
const MOST_SESSION_ID_BYTES: usize = 255;

/// A key that was checked.
#[derive(Debug, Clone)]
pub struct BackedUpKey {
    /// The room that it is for.
    pub room: String,
    /// The session.
    pub session: String,
    /// What it is worth.
    pub merit: Merit,
    /// The key as uploaded.
    pub data: Box<RawValue>,
}

/// What a key is worth, as far as the server can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Merit {
    /// Whether its device was verified.
    pub is_verified: bool,
    /// From which message on it decrypts.
    pub first_message_index: UInt,
    /// How often it was passed on.
    pub forwarded_count: UInt,
}

impl Merit {
    /// Whether a key of this merit replaces one of `other`.
    ///
    /// <https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups>: a verified key, then the lower
    /// index, then the lower count; of equals the one that is there stays.
    pub fn beats(&self, other: &Self) -> bool {
        let rank = |merit: &Self| (!merit.is_verified, merit.first_message_index, merit.forwarded_count);
        rank(self) < rank(other)
    }

    /// Reads the merit of a key.
    ///
    /// # Errors
    /// [`UserError::Malformed`] unless it has all that a key must have.
    pub fn of(data: &RawValue) -> Result<Self, UserError> {
        #[derive(Deserialize)]
        struct KeyData<'a> {
            #[serde(borrow)]
            session_data: &'a RawValue,
        }
        let malformed = |error| UserError::Malformed(format!("this is no backed-up key: {error}"));
        let KeyData { session_data } = serde_json::from_str(data.get()).map_err(malformed)?;
        if !session_data.get().starts_with('{') {
            return Err(UserError::Malformed("session_data must be an object".into()));
        }
        serde_json::from_str(data.get()).map_err(malformed)
    }
}

impl BackedUpKey {
    /// Checks a key.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::TooLarge`].
    pub fn check(room: &RoomId, session: String, data: Box<RawValue>) -> Result<Self, UserError> {
        if session.is_empty() || session.len() > MOST_SESSION_ID_BYTES {
            return Err(UserError::Invalid("a session id has between 1 and 255 bytes".into()));
        }
        if data.get().len() > MOST_KEY_BYTES {
            return Err(UserError::TooLarge("a backed-up key may have 64 KiB".into()));
        }
        Ok(Self { room: room.to_string(), session, merit: Merit::of(&data)?, data })
    }
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, uint};
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;

    fn merit(is_verified: bool, first_message_index: u32, forwarded_count: u32) -> Merit {
        Merit {
            is_verified,
            first_message_index: first_message_index.into(),
            forwarded_count: forwarded_count.into(),
        }
    }

    #[test]
    fn the_better_key_is_verified_then_older_then_less_forwarded() {
        let old = merit(false, 10, 5);
        let verified = merit(true, 10, 5);
        for (new, old, wins) in [
            (merit(true, 11, 6), old, true),
            (merit(true, 10, 5), old, true),
            (merit(false, 9, 6), old, true),
            (merit(false, 10, 4), old, true),
            (merit(false, 10, 5), old, false),
            (merit(false, 11, 0), old, false),
            (merit(false, 10, 6), old, false),
            (merit(false, 0, 0), verified, false),
            (merit(true, 9, 9), verified, true),
            (merit(true, 10, 4), verified, true),
            (merit(true, 11, 5), verified, false),
            (merit(true, 10, 6), verified, false),
        ] {
            assert_eq!(new.beats(&old), wins, "{new:?} against {old:?}");
        }
    }

    fn check(data: &Value) -> Result<BackedUpKey, UserError> {
        BackedUpKey::check(room_id!("!room:test"), "session".into(), to_raw_value(data).unwrap())
    }

    #[test]
    fn each_field_of_a_key_must_be_there_and_of_its_type() {
        let good = json!({
            "first_message_index": 10, "forwarded_count": 5, "is_verified": false, "session_data": { "a": "b" },
        });
        assert_eq!(check(&good).unwrap().merit.first_message_index, uint!(10));

        for field in ["first_message_index", "forwarded_count", "is_verified", "session_data"] {
            for wrong in [json!("x"), json!(-1), json!(1.5), json!(null), json!([])] {
                let mut key = good.clone();
                key[field] = wrong;
                assert!(matches!(check(&key), Err(UserError::Malformed(_))), "{key}");
            }
            let mut key = good.clone();
            key.as_object_mut().unwrap().remove(field);
            assert!(matches!(check(&key), Err(UserError::Malformed(_))), "{key}");
        }
    }

    #[test]
    fn a_key_and_its_session_id_are_bounded() {
        let key = json!({
            "first_message_index": 0, "forwarded_count": 0, "is_verified": false,
            "session_data": { "a": "x".repeat(MOST_KEY_BYTES) },
        });
        assert!(matches!(check(&key), Err(UserError::TooLarge(_))));
        for session in [String::new(), "x".repeat(256)] {
            let data = to_raw_value(&json!({})).unwrap();
            let refusal = BackedUpKey::check(room_id!("!room:test"), session, data);
            assert!(matches!(refusal, Err(UserError::Invalid(_))));
        }
    }
}
