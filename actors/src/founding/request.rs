//! What a client may ask of a new room.

use ruma::{OwnedUserId, RoomVersionId};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::Preset;

/// A new room as a client wants it.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// The room version; the server's default if none is named.
    pub version: Option<RoomVersionId>,
    /// Whether it goes into the public directory.
    pub listed: bool,
    /// What it starts with.
    pub preset: Preset,
    /// The local part of its main alias.
    pub alias_localpart: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// Who is invited.
    pub invite: Vec<OwnedUserId>,
    /// Members of the create event's content.
    pub creation_content: Map<String, Value>,
    /// State that takes the place of the preset's.
    pub initial_state: Vec<InitialState>,
    /// Whether the invites say that it is a direct chat.
    pub is_direct: bool,
    /// Members of the power levels' content, on top of the defaults.
    pub power_levels: Map<String, Value>,
}

impl NewRoom {
    /// A private room with nothing special.
    pub fn new(preset: Preset) -> Self {
        Self {
            version: None,
            listed: false,
            preset,
            alias_localpart: None,
            name: None,
            topic: None,
            invite: Vec::new(),
            creation_content: Map::new(),
            initial_state: Vec::new(),
            is_direct: false,
            power_levels: Map::new(),
        }
    }
}

/// A state event to start with.
#[derive(Debug, Clone, Deserialize)]
pub struct InitialState {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its state key.
    #[serde(default)]
    pub state_key: String,
    /// Its content.
    pub content: Box<RawValue>,
}

impl InitialState {
    /// Whether it is the state of this type with an empty key.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind == kind && self.state_key.is_empty()
    }
}
