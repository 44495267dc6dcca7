//! The room versions that we support.
//!
//! What a version changes is data ([`RoomVersionRules`]), so code asks for a rule and never compares version numbers.
//!
//! Specification: <https://spec.matrix.org/v1.19/rooms/>

use ruma::{RoomVersionId, room_version_rules::RoomVersionRules};

/// A supported room version. There is one static instance of each.
#[derive(Debug)]
pub struct RoomVersion {
    id: RoomVersionId,
    rules: RoomVersionRules,
}

/// Versions 1 to 5 are absent because their events need not be canonical JSON, which `ruma-signatures` requires.
/// A canonicalizer of our own opens them: nothing else here depends on the number.
static VERSIONS: [RoomVersion; 7] = [
    RoomVersion { id: RoomVersionId::V6, rules: RoomVersionRules::V6 },
    RoomVersion { id: RoomVersionId::V7, rules: RoomVersionRules::V7 },
    RoomVersion { id: RoomVersionId::V8, rules: RoomVersionRules::V8 },
    RoomVersion { id: RoomVersionId::V9, rules: RoomVersionRules::V9 },
    RoomVersion { id: RoomVersionId::V10, rules: RoomVersionRules::V10 },
    RoomVersion { id: RoomVersionId::V11, rules: RoomVersionRules::V11 },
    RoomVersion { id: RoomVersionId::V12, rules: RoomVersionRules::V12 },
];

impl RoomVersion {
    /// Every supported version, oldest first.
    pub const SUPPORTED: &'static [RoomVersion] = &VERSIONS;

    /// The version with this id, or `None` if we do not support it.
    pub fn get(id: &RoomVersionId) -> Option<&'static RoomVersion> {
        VERSIONS.iter().find(|version| version.id == *id)
    }

    /// The id, as it stands in `m.room.create`.
    pub fn id(&self) -> &RoomVersionId {
        &self.id
    }

    /// What this version prescribes.
    pub fn rules(&self) -> &RoomVersionRules {
        &self.rules
    }

    /// Whether a room is named by the hash of its `m.room.create` event (version 12 on): such a room id has no
    /// domain, and the create event carries no `room_id` and is never cited in `auth_events`.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/rooms/v12/#room-ids>
    pub fn room_id_is_create_hash(&self) -> bool {
        self.rules.authorization.room_create_event_id_as_room_id
    }

    /// Whether `m.room.redaction` names its target in `content` (version 11 on) and not at the top level.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/rooms/v11/#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property>
    pub fn redacts_in_content(&self) -> bool {
        self.rules.redaction.content_field_redacts
    }
}

impl PartialEq for RoomVersion {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for RoomVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_six_to_twelve_are_supported_and_no_others() {
        for id in ["6", "7", "8", "9", "10", "11", "12"] {
            let id = RoomVersionId::try_from(id).unwrap();

            let version = RoomVersion::get(&id).unwrap();

            assert_eq!(version.id(), &id);
        }
        for id in ["1", "2", "3", "4", "5", "13", "org.example.custom"] {
            assert!(RoomVersion::get(&RoomVersionId::try_from(id).unwrap()).is_none(), "{id}");
        }
    }

    #[test]
    fn only_version_twelve_names_rooms_by_the_create_event() {
        let named: Vec<_> = RoomVersion::SUPPORTED
            .iter()
            .filter(|version| version.room_id_is_create_hash())
            .map(|version| version.id().as_str())
            .collect();

        assert_eq!(named, ["12"]);
    }

    #[test]
    fn redactions_name_their_target_in_content_from_version_eleven() {
        let in_content: Vec<_> = RoomVersion::SUPPORTED
            .iter()
            .filter(|version| version.redacts_in_content())
            .map(|version| version.id().as_str())
            .collect();

        assert_eq!(in_content, ["11", "12"]);
    }
}
