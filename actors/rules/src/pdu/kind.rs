//! The text of an event type. Common types cost no allocation, since a room of 100,000 members holds one per member.

use std::{borrow::Cow, ops::Deref};

/// The types that fill most rooms' states and timelines.
const COMMON: &[&str] = &[
    "m.reaction",
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.room.create",
    "m.room.encrypted",
    "m.room.encryption",
    "m.room.guest_access",
    "m.room.history_visibility",
    "m.room.join_rules",
    "m.room.member",
    "m.room.message",
    "m.room.name",
    "m.room.pinned_events",
    "m.room.power_levels",
    "m.room.redaction",
    "m.room.server_acl",
    "m.room.third_party_invite",
    "m.room.tombstone",
    "m.room.topic",
    "m.space.child",
    "m.space.parent",
    "m.sticker",
];

/// An event type as text.
#[derive(Debug, Clone)]
pub(crate) struct KindText(Cow<'static, str>);

impl KindText {
    pub(crate) fn new(text: &str) -> Self {
        match COMMON.binary_search(&text) {
            Ok(index) => Self(Cow::Borrowed(COMMON[index])),
            Err(_) => Self(Cow::Owned(text.to_owned())),
        }
    }
}

impl Deref for KindText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_types_are_sorted_so_that_each_is_found() {
        assert!(COMMON.is_sorted());
        for kind in COMMON {
            assert!(matches!(KindText::new(kind).0, Cow::Borrowed(text) if text == *kind));
        }
    }

    #[test]
    fn any_other_type_is_kept_as_it_is() {
        for kind in ["", "org.example.thing", "M.ROOM.MEMBER", "m.room.membe"] {
            assert_eq!(&*KindText::new(kind), kind);
        }
    }
}
