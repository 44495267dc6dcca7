//! From events in any order to their place in a gap, newest first.

use std::collections::{BTreeSet, HashMap};

use playhouse_rules::Pdu;
use ruma::{OwnedEventId, events::room::history_visibility::HistoryVisibility};
use serde::Deserialize;

/// A walk from events back to those that they follow.
pub(super) struct Walk {
    /// Events that are wanted next.
    pub open: BTreeSet<OwnedEventId>,
    /// Events that were told and not walked over yet.
    pub told: HashMap<OwnedEventId, Pdu>,
}

impl Walk {
    /// The next event: of those that are wanted and told the deepest. What it follows is wanted from then on, but for what
    /// `is_here` already.
    pub fn next(&mut self, is_here: impl Fn(&OwnedEventId) -> bool) -> Option<Pdu> {
        let told = self.open.iter().filter_map(|id| self.told.get(id));
        let deepest = told.max_by_key(|pdu| (pdu.depth(), pdu.origin_server_ts(), pdu.event_id()))?;
        let event_id = deepest.event_id().to_owned();
        let pdu = self.told.remove(&event_id)?;
        self.open.remove(&event_id);
        self.open.extend(pdu.prev_events().iter().filter(|prev| !is_here(prev)).cloned());
        Some(pdu)
    }
}

/// The visibility that a state event sets.
pub(super) fn visibility_set_by(pdu: &Pdu) -> Option<HistoryVisibility> {
    #[derive(Deserialize)]
    struct Content {
        history_visibility: HistoryVisibility,
    }
    if !pdu.is_state_of("m.room.history_visibility", "") {
        return None;
    }
    let content: Option<Content> = serde_json::from_str(pdu.content().get()).ok();
    content.map(|content| content.history_visibility)
}

#[cfg(test)]
mod tests {
    use playhouse_rules::room_version::RoomVersion;
    use ruma::RoomVersionId;
    use serde_json::{json, value::to_raw_value};

    use super::*;

    fn message(name: &str, depth: u64, prevs: &[&str]) -> Pdu {
        let event = json!({
            "type": "m.room.message", "room_id": "!a:b", "sender": "@a:b", "content": { "body": name },
            "depth": depth, "origin_server_ts": 1, "prev_events": prevs, "auth_events": [],
            "hashes": { "sha256": "" }, "signatures": {},
        });
        let id = OwnedEventId::try_from(format!("${name}")).unwrap();
        let version = RoomVersion::get(&RoomVersionId::V11).unwrap();
        Pdu::parse(version, to_raw_value(&event).unwrap(), Some(id)).unwrap()
    }

    #[test]
    fn a_walk_goes_from_the_deepest_back_and_leaves_open_what_was_not_told() {
        let events = [
            message("d", 9, &["$b", "$c"]),
            message("c", 8, &["$a"]),
            message("b", 5, &["$a", "$here"]),
            message("unasked", 7, &["$x"]),
        ];
        let told = events.map(|pdu| (pdu.event_id().to_owned(), pdu)).into_iter().collect();
        let mut walk = Walk { open: [OwnedEventId::try_from("$d").unwrap()].into(), told };

        let mut order = Vec::new();
        while let Some(pdu) = walk.next(|id| id == "$here") {
            order.push(pdu.event_id().to_string());
        }

        assert_eq!(order, ["$d", "$c", "$b"]);
        assert_eq!(walk.open, [OwnedEventId::try_from("$a").unwrap()].into());
    }
}
