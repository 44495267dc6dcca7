//! Tags of rooms: one content of account data, changed tag by tag.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#room-tagging>

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{UserError, UserHandle, actor::UserActorState, data::UserData, message::UserRequest};

/// The type of the account data.
const KIND: &str = "m.tag";
/// The longest name of a tag.
const MOST_NAME_BYTES: usize = 255;
/// The most bytes of all tags of one room.
const MOST_TAGS_BYTES: usize = 65_536;

/// The content of `m.tag`: tags by name.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Tags {
    /// What each tag says, as the client wrote it.
    #[serde(default)]
    pub tags: BTreeMap<String, Box<RawValue>>,
}

impl Tags {
    /// The tags of a room. Account data of another shape, which clients may write too, holds none.
    pub fn of(data: &UserData, room_id: &RoomId) -> Self {
        let content = data.account_data(room_id.as_str(), KIND);
        content.and_then(|content| serde_json::from_str(content.get()).ok()).unwrap_or_default()
    }
}

impl UserHandle {
    /// Puts a tag on a room, or changes it; durable and visible on return.
    ///
    /// # Errors
    /// [`UserError::Invalid`] for a name that is too long or an order outside 0 to 1, [`UserError::Malformed`] for an
    /// order that is no number, [`UserError::Full`], [`UserError::Unavailable`].
    pub async fn put_tag(&self, room_id: &RoomId, name: &str, info: Box<RawValue>) -> Result<(), UserError> {
        check_name(name)?;
        check_info(&info)?;
        self.change_tag(room_id, name, Some(info)).await
    }

    /// Takes a tag off a room; one that is not there is no error.
    ///
    /// # Errors
    /// [`UserError::Unavailable`].
    pub async fn remove_tag(&self, room_id: &RoomId, name: &str) -> Result<(), UserError> {
        self.change_tag(room_id, name, None).await
    }

    async fn change_tag(
        &self,
        room_id: &RoomId,
        name: &str,
        info: Option<Box<RawValue>>,
    ) -> Result<(), UserError> {
        let (room, name) = (room_id.to_owned(), name.to_owned());
        self.ask(|reply| UserRequest::ChangeTag { room, name, info, reply }).await
    }
}

impl UserActorState {
    /// Sets or removes one tag among the others.
    ///
    /// # Errors
    /// [`UserError::Full`], [`UserError::Unavailable`]; nothing is visible then.
    pub(super) async fn change_tag(
        &mut self,
        room: OwnedRoomId,
        name: String,
        info: Option<Box<RawValue>>,
    ) -> Result<(), UserError> {
        let mut tags = Tags::of(&self.data, &room);
        match info {
            Some(info) => drop(tags.tags.insert(name, info)),
            None if tags.tags.remove(&name).is_none() => return Ok(()),
            None => {}
        }
        let content = to_raw_value(&tags).map_err(|error| UserError::Invalid(error.to_string()))?;
        if content.get().len() > MOST_TAGS_BYTES {
            return Err(UserError::Full("the tags of a room may hold 64 KiB".into()));
        }
        self.set_account_data(Some(room), KIND.to_owned(), content).await
    }
}

fn check_name(name: &str) -> Result<(), UserError> {
    if name.is_empty() || name.len() > MOST_NAME_BYTES {
        return Err(UserError::Invalid(format!("a tag's name has 1 to {MOST_NAME_BYTES} bytes")));
    }
    Ok(())
}

fn check_info(info: &RawValue) -> Result<(), UserError> {
    #[derive(Deserialize)]
    struct Info {
        order: Option<f64>,
    }
    let info: Info = serde_json::from_str(info.get())
        .map_err(|_| UserError::Malformed("a tag is an object whose order is a number".into()))?;
    if info.order.is_some_and(|order| !(0.0..=1.0).contains(&order)) {
        return Err(UserError::Invalid("a tag's order is between 0 and 1".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(info: &str) -> Result<(), UserError> {
        check_info(&RawValue::from_string(info.to_owned()).unwrap())
    }

    #[test]
    fn an_order_is_a_number_between_0_and_1() {
        for info in
            ["{}", r#"{"order":0}"#, r#"{"order":1.0,"other":[]}"#, r#"{"order":0.25}"#, r#"{"order":null}"#]
        {
            assert!(verdict(info).is_ok(), "{info}");
        }
        for info in [r#"{"order":-0.1}"#, r#"{"order":1.1}"#, r#"{"order":9007199254740993}"#] {
            assert!(matches!(verdict(info), Err(UserError::Invalid(_))), "{info}");
        }
        for info in [r#"{"order":"0.5"}"#, r#"{"order":[]}"#, "[]", "1", r#"{"order":1e999}"#] {
            assert!(matches!(verdict(info), Err(UserError::Malformed(_))), "{info}");
        }
    }

    #[test]
    fn a_name_has_at_most_255_bytes() {
        assert!(check_name(&"ä".repeat(127)).is_ok());
        assert!(check_name(&"ä".repeat(128)).is_err());
        assert!(check_name("").is_err());
    }
}
