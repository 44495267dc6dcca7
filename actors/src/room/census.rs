//! What the active rooms look like, as numbers: how forked and how large the worst of them is, never which one.

use metrics::gauge;

use super::RoomView;

/// Counts of forward extremities that belong together: up to this many, and what they are called.
const CLASSES: [(usize, &str); 3] = [(1, "1"), (10, "2 to 10"), (20, "11 to 20")];
/// What is beyond them: such a room costs a state resolution for most of its events.
const BEYOND: &str = "more than 20";

/// Numbers over the active rooms.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Census {
    by_extremities: [usize; CLASSES.len() + 1],
    most_extremities: usize,
    most_state_events: usize,
    most_log_events: i64,
}

impl Census {
    /// Takes a room in.
    pub fn count(&mut self, view: &RoomView) {
        let extremities = view.extremities.len();
        let class = CLASSES.iter().position(|(most, _)| extremities <= *most).unwrap_or(CLASSES.len());
        self.by_extremities[class] += 1;
        self.most_extremities = self.most_extremities.max(extremities);
        self.most_state_events = self.most_state_events.max(view.state.len());
        self.most_log_events = self.most_log_events.max(view.head_seq + 1);
    }

    /// Sets the gauges.
    pub fn publish(&self) {
        let names = CLASSES.iter().map(|(_, name)| *name).chain([BEYOND]);
        for (name, rooms) in names.zip(self.by_extremities) {
            gauge!("playhouse_rooms_by_extremities", "extremities" => name).set(rooms as f64);
        }
        gauge!("playhouse_room_extremities_max").set(self.most_extremities as f64);
        gauge!("playhouse_room_state_events_max").set(self.most_state_events as f64);
        gauge!("playhouse_room_log_events_max").set(self.most_log_events as f64);
    }
}

#[cfg(test)]
mod tests {
    use playhouse_rules::{
        forward_extremities::{Extremities, Extremity},
        room_version::RoomVersion,
    };
    use ruma::{RoomVersionId, owned_event_id, owned_room_id};

    use super::*;

    fn room_with(extremities: u64) -> RoomView {
        let version = RoomVersion::get(&RoomVersionId::V12).unwrap();
        let mut view = RoomView::unborn(owned_room_id!("!room:example.org"), version);
        let tip = |depth| Extremity { event_id: owned_event_id!("$event"), depth };
        view.extremities = (0..extremities).map(tip).collect::<Extremities>();
        view.head_seq = extremities as i64;
        view
    }

    #[test]
    fn the_most_forked_room_is_told_whatever_comes_after_it() {
        let mut census = Census::default();

        [1, 21, 20, 2].into_iter().for_each(|extremities| census.count(&room_with(extremities)));

        assert_eq!(census.by_extremities, [1, 1, 1, 1]);
        assert_eq!((census.most_extremities, census.most_log_events), (21, 22));
    }
}
