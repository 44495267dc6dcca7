//! Dot-separated property paths: `content.m\.relates_to.rel_type`.
//!
//! Specification: <https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths>

/// A property of an event, as far as a rule can name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// `type`
    Kind,
    /// `sender`
    Sender,
    /// `state_key`
    StateKey,
    /// `room_id`
    RoomId,
    /// `event_id`
    EventId,
    /// `origin_server_ts`
    OriginServerTs,
    /// `content.body`, which is matched by words.
    Body,
    /// A property of the content.
    Content(Box<[Box<str>]>),
    /// A property that no event has.
    Nowhere,
}

impl Path {
    pub(super) fn parse(text: &str) -> Self {
        let segments = segments(text);
        let names: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        match *names {
            ["type"] => Self::Kind,
            ["sender"] => Self::Sender,
            ["state_key"] => Self::StateKey,
            ["room_id"] => Self::RoomId,
            ["event_id"] => Self::EventId,
            ["origin_server_ts"] => Self::OriginServerTs,
            ["content", "body"] => Self::Body,
            ["content", _, ..] => Self::Content(segments.into_iter().skip(1).collect()),
            _ => Self::Nowhere,
        }
    }
}

/// Splits at each dot that is not escaped.
///
/// > Any literal dot or backslash found in a property name should be escaped with a backslash. […] Other escape sequences
/// > are left as-is.
fn segments(text: &str) -> Vec<Box<str>> {
    let mut segments = Vec::new();
    let mut segment = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => segment.push(chars.next_if(|next| matches!(next, '.' | '\\')).unwrap_or('\\')),
            '.' => segments.push(std::mem::take(&mut segment).into_boxed_str()),
            char => segment.push(char),
        }
    }
    segments.push(segment.into_boxed_str());
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        segments(text).into_iter().map(String::from).collect()
    }

    #[test]
    fn dots_separate_unless_they_are_escaped() {
        assert_eq!(split("content.body"), ["content", "body"]);
        assert_eq!(split(r"content.m\.relates_to.rel_type"), ["content", "m.relates_to", "rel_type"]);
        assert_eq!(split(r"content.m\\foo"), ["content", r"m\foo"]);
        assert_eq!(split(r"content.m\\.foo"), ["content", r"m\", "foo"]);
    }

    #[test]
    fn other_escapes_are_left_as_they_are() {
        assert_eq!(split(r"a\x.b"), [r"a\x", "b"]);
        assert_eq!(split(r"a\"), [r"a\"]);
        assert_eq!(split(""), [""]);
        assert_eq!(split("a..b."), ["a", "", "b", ""]);
    }

    #[test]
    fn a_path_that_no_event_has_leads_nowhere() {
        for text in ["", "content", "unsigned.age", "depth", "type.x", "CONTENT.body"] {
            assert_eq!(Path::parse(text), Path::Nowhere, "{text}");
        }
        assert_eq!(Path::parse("content.body"), Path::Body);
        assert_eq!(Path::parse("content."), Path::Content(Box::new([Box::from("")])));
    }
}
