//! A room as the directory shows it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms>

use ruma::{OwnedRoomId, events::room::history_visibility::HistoryVisibility};
use serde::{Deserialize, Serialize};

use crate::room::RoomView;

/// A listed room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The room.
    pub room_id: OwnedRoomId,
    /// How many have joined.
    #[serde(rename = "num_joined_members")]
    pub members: usize,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Its main alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_alias: Option<String>,
    /// Its avatar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// Who may join.
    pub join_rule: String,
    /// Whether guests may join.
    pub guest_can_join: bool,
    /// Whether it can be read from outside.
    pub world_readable: bool,
    /// Its type, such as `m.space`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_type: Option<String>,
}

impl Entry {
    /// The entry of a room as it is.
    pub(super) fn of(view: &RoomView) -> Self {
        #[derive(Deserialize)]
        struct GuestAccess {
            guest_access: String,
        }
        let state = &view.state;
        let guests =
            state.get("m.room.guest_access", "").and_then(|pdu| pdu.content_as::<GuestAccess>().ok());
        Self {
            room_id: view.room_id.clone(),
            members: state.joined_count(),
            name: state.name().map(ToOwned::to_owned),
            topic: state.topic().map(ToOwned::to_owned),
            canonical_alias: state.canonical_alias().map(ToOwned::to_owned),
            avatar_url: state.avatar().map(ToOwned::to_owned),
            join_rule: state.join_rule().as_str().to_owned(),
            guest_can_join: guests.is_some_and(|content| content.guest_access == "can_join"),
            world_readable: *state.history_visibility() == HistoryVisibility::WorldReadable,
            room_type: state
                .create_view()
                .and_then(|create| create.room_type.as_deref())
                .map(ToOwned::to_owned),
        }
    }
}

/// What somebody looks for in the directory.
#[derive(Debug, Clone, Default)]
pub struct Search {
    term: Option<String>,
    room_types: Option<Vec<Option<String>>>,
}

impl Search {
    /// Rooms whose name, topic or alias holds `term`, of one of these types; `None` among them is "of no type".
    pub fn new(term: Option<&str>, room_types: Option<Vec<Option<String>>>) -> Self {
        let term = term.map(str::trim).filter(|term| !term.is_empty()).map(str::to_lowercase);
        Self { term, room_types }
    }

    /// Whether a room is among them.
    pub(super) fn finds(&self, entry: &Entry) -> bool {
        let texts = [&entry.name, &entry.topic, &entry.canonical_alias];
        let holds =
            |term: &String| texts.into_iter().flatten().any(|text| text.to_lowercase().contains(term));
        self.term.as_ref().is_none_or(holds)
            && self.room_types.as_ref().is_none_or(|types| types.contains(&entry.room_type))
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_room_id;

    use super::*;

    fn entry() -> Entry {
        Entry {
            room_id: owned_room_id!("!r:x"),
            members: 1,
            name: Some("Große Oper".into()),
            topic: Some("What is PLAYED".into()),
            canonical_alias: Some("#stage:x".into()),
            avatar_url: None,
            join_rule: "public".into(),
            guest_can_join: false,
            world_readable: false,
            room_type: None,
        }
    }

    fn finds(term: &str) -> bool {
        Search::new(Some(term), None).finds(&entry())
    }

    #[test]
    fn a_term_is_found_in_name_topic_and_alias_whatever_its_case() {
        for term in ["oper", "GROßE", "played", "#STAGE", "", "  "] {
            assert!(finds(term), "{term}");
        }
        assert!(!finds("cellar"));
        assert!(!finds("!r:x"));
    }

    #[test]
    fn no_type_is_a_type_to_look_for() {
        let space = Entry { room_type: Some("m.space".into()), ..entry() };
        let of = |types: &[Option<&str>]| {
            Search::new(None, Some(types.iter().map(|kind| kind.map(str::to_owned)).collect()))
        };

        assert!(of(&[None]).finds(&entry()) && !of(&[None]).finds(&space));
        assert!(of(&[Some("m.space")]).finds(&space) && !of(&[Some("m.space")]).finds(&entry()));
        assert!(of(&[None, Some("m.space")]).finds(&space));
        assert!(!of(&[]).finds(&entry()));
        assert!(Search::default().finds(&space) && Search::default().finds(&entry()));
    }
}
