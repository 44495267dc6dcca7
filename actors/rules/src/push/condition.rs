//! The conditions of rules, in a form that is quick to ask.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#conditions-1>

use std::ops::RangeBounds;

use ruma::{
    UInt, UserId,
    push::{PushCondition, RoomMemberCountIs, ScalarJsonValue},
};
use serde_json::Value;

use super::{
    evaluate::RoomContext,
    facts::{EventFacts, Property},
    path::Path,
};
use crate::glob::Glob;

/// A condition that is the same for every user of the room.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// `event_match`
    Matches { path: Path, glob: Glob },
    /// `event_match` of `content.body`, which goes by words.
    BodyMatches(Glob),
    /// `event_property_is`
    Is { path: Path, value: ScalarJsonValue },
    /// `event_property_contains`
    Contains { path: Path, value: ScalarJsonValue },
    /// `room_member_count`
    MemberCount(RoomMemberCountIs),
    /// `sender_notification_permission`
    SenderMayNotify(String),
    /// One that we do not know, which matches nothing.
    Never,
}

/// A condition that names the user.
#[derive(Debug, Clone)]
pub(super) enum PersonalCondition {
    /// The text there is the user's id.
    IsMe(Path),
    /// The array there has the user's id.
    ContainsMe(Path),
    /// The body has the user's display name as a word.
    BodyHasDisplayName,
}

/// A condition of either kind.
pub(super) enum Compiled {
    Shared(Condition),
    Personal(PersonalCondition),
}

impl Compiled {
    /// Compiles a condition of a rule of `user`. The default rules name their user, and a rule set that differs from
    /// another only in that is the same rule set.
    pub(super) fn new(condition: &PushCondition, user: &UserId) -> Self {
        #[expect(deprecated, reason = "the condition is, but clients may still have rules with it")]
        let display_name = matches!(condition, PushCondition::ContainsDisplayName);
        if display_name {
            return Self::Personal(PersonalCondition::BodyHasDisplayName);
        }
        Self::Shared(match condition {
            PushCondition::EventMatch(data) => {
                let path = Path::parse(&data.key);
                if path != Path::Body && data.pattern == user.as_str() {
                    return Self::Personal(PersonalCondition::IsMe(path));
                }
                match Glob::new(&data.pattern) {
                    None => Condition::Never,
                    Some(glob) if path == Path::Body => Condition::BodyMatches(glob),
                    Some(glob) => Condition::Matches { path, glob },
                }
            }
            PushCondition::EventPropertyContains(data) => {
                let path = Path::parse(&data.key);
                if data.value.as_str() == Some(user.as_str()) {
                    return Self::Personal(PersonalCondition::ContainsMe(path));
                }
                Condition::Contains { path, value: data.value.clone() }
            }
            PushCondition::EventPropertyIs(data) => {
                Condition::Is { path: Path::parse(&data.key), value: data.value.clone() }
            }
            PushCondition::RoomMemberCount(data) => Condition::MemberCount(data.is),
            PushCondition::SenderNotificationPermission(data) => {
                Condition::SenderMayNotify(data.key.to_string())
            }
            _ => Condition::Never,
        })
    }
}

impl Condition {
    pub(super) fn holds(&self, facts: &EventFacts, room: &RoomContext<'_>) -> bool {
        match self {
            Self::Matches { path, glob } => facts.lower_text(path).is_some_and(|text| glob.matches(&text)),
            Self::BodyMatches(glob) => facts.lower_body().is_some_and(|body| glob.matches_words(body)),
            Self::Is { path, value } => facts.property(path).is_some_and(|found| is(&found, value)),
            Self::Contains { path, value } => {
                array_at(facts, path).is_some_and(|found| found.iter().any(|item| value_is(item, value)))
            }
            Self::MemberCount(is) => UInt::try_from(room.member_count).is_ok_and(|count| is.contains(&count)),
            Self::SenderMayNotify(key) => room
                .power_levels
                .notification(key)
                .is_some_and(|needed| room.power_levels.user_level(facts.pdu().sender()) >= needed),
            Self::Never => false,
        }
    }
}

impl PersonalCondition {
    /// Whether the condition could hold for anybody: if not, nobody need be asked.
    pub(super) fn could_hold(&self, facts: &EventFacts) -> bool {
        match self {
            Self::IsMe(path) => facts.property(path).is_some(),
            Self::ContainsMe(path) => array_at(facts, path).is_some_and(|found| !found.is_empty()),
            Self::BodyHasDisplayName => facts.lower_body().is_some(),
        }
    }

    /// Whether it holds for this user. `is_named` says whether the body has the user's display name.
    pub(super) fn holds(&self, facts: &EventFacts, user: &UserId, is_named: impl FnOnce() -> bool) -> bool {
        match self {
            Self::IsMe(path) => {
                facts.lower_text(path).is_some_and(|text| *text == *user.as_str().to_lowercase())
            }
            Self::ContainsMe(path) => array_at(facts, path)
                .is_some_and(|found| found.iter().any(|item| item.as_str() == Some(user.as_str()))),
            Self::BodyHasDisplayName => is_named(),
        }
    }
}

fn array_at<'a>(facts: &'a EventFacts, path: &Path) -> Option<&'a [Value]> {
    match facts.property(path)? {
        Property::Value(value) => value.as_array().map(Vec::as_slice),
        Property::Text(_) | Property::Number(_) => None,
    }
}

fn is(found: &Property<'_>, expected: &ScalarJsonValue) -> bool {
    match found {
        Property::Text(text) => expected.as_str() == Some(text),
        Property::Number(number) => {
            expected.as_integer().is_some_and(|expected| i64::from(expected) == *number)
        }
        Property::Value(value) => value_is(value, expected),
    }
}

fn value_is(found: &Value, expected: &ScalarJsonValue) -> bool {
    match expected {
        ScalarJsonValue::Null => found.is_null(),
        ScalarJsonValue::Bool(expected) => found.as_bool() == Some(*expected),
        ScalarJsonValue::Integer(expected) => found.as_i64() == Some(i64::from(*expected)),
        ScalarJsonValue::String(expected) => found.as_str() == Some(expected),
    }
}
