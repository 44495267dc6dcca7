//! What a destination has not been sent yet.

use std::collections::{BTreeMap, HashMap, VecDeque};

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId};

use crate::inbound::{MOST_EDUS, MOST_PDUS};

/// The most events of one room that wait for a destination: of more the newest, by which it finds the others.
const MOST_OF_ROOM: usize = 50;
/// The most typing notices, and the most receipts, that wait for a destination.
const MOST_NEWS: usize = 500;

/// An event that waits, in the order in which they are sent.
pub(super) type EventKey = (i64, OwnedRoomId);

/// Whose receipt, in which room and thread.
pub(super) type ReceiptOf = (OwnedRoomId, OwnedUserId, Option<String>);

/// How far somebody has read, and since when, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadUpTo {
    pub event_id: OwnedEventId,
    pub ts: u64,
}

/// The backlog of one destination.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Rows in logs of rooms, by position.
    events: BTreeMap<EventKey, i64>,
    /// The positions in each room.
    of_room: HashMap<OwnedRoomId, VecDeque<i64>>,
    typing: BTreeMap<(OwnedRoomId, OwnedUserId), bool>,
    receipts: BTreeMap<ReceiptOf, ReadUpTo>,
    /// Whether there is news in the store.
    pub has_durable: bool,
}

/// What goes into one transaction.
#[derive(Debug, Default, Clone)]
pub(super) struct Taken {
    /// Events: their keys, and their rows.
    pub events: Vec<(EventKey, i64)>,
    pub typing: Vec<((OwnedRoomId, OwnedUserId), bool)>,
    pub receipts: Vec<(ReceiptOf, ReadUpTo)>,
    pub has_durable: bool,
}

impl Backlog {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.typing.is_empty() && self.receipts.is_empty() && !self.has_durable
    }

    pub fn note_event(&mut self, room_id: &RoomId, seq: i64, pos: i64) {
        if self.events.insert((pos, room_id.to_owned()), seq).is_some() {
            return;
        }
        let of_room = self.of_room.entry(room_id.to_owned()).or_default();
        of_room.push_back(pos);
        if of_room.len() > MOST_OF_ROOM
            && let Some(oldest) = of_room.pop_front()
        {
            self.events.remove(&(oldest, room_id.to_owned()));
        }
    }

    pub fn note_typing(&mut self, room_id: &RoomId, user: OwnedUserId, is_typing: bool) {
        if self.typing.len() < MOST_NEWS {
            self.typing.insert((room_id.to_owned(), user), is_typing);
        }
    }

    pub fn note_receipt(&mut self, of: ReceiptOf, read: ReadUpTo) {
        if self.receipts.len() < MOST_NEWS || self.receipts.contains_key(&of) {
            self.receipts.insert(of, read);
        }
    }

    /// A destination that fails is not told who typed once it is back, and of each room only the newest event.
    pub fn shrink(&mut self) {
        self.typing.clear();
        for (room_id, positions) in &mut self.of_room {
            while positions.len() > 1 {
                if let Some(oldest) = positions.pop_front() {
                    self.events.remove(&(oldest, room_id.clone()));
                }
            }
        }
    }

    /// The position of the oldest event that waits.
    pub fn oldest(&self) -> Option<i64> {
        self.events.first_key_value().map(|((pos, _), _)| *pos)
    }

    /// The newest event of each room.
    pub fn newest(&self) -> impl Iterator<Item = (&OwnedRoomId, i64, i64)> {
        self.of_room.iter().filter_map(|(room_id, positions)| {
            let pos = *positions.back()?;
            Some((room_id, *self.events.get(&(pos, room_id.clone()))?, pos))
        })
    }

    /// What goes into the next transaction; it stays here until it was [sent](Self::sent).
    pub fn next(&self) -> Option<Taken> {
        if self.is_empty() {
            return None;
        }
        let events = self.events.iter().take(MOST_PDUS).map(|(key, seq)| (key.clone(), *seq));
        // Half of the news, so that the other half of the transaction is for what must not be lost.
        let typing = self.typing.iter().take(MOST_EDUS / 2).map(|(key, typing)| (key.clone(), *typing));
        let receipts = self.receipts.iter().take(MOST_NEWS).map(|(key, read)| (key.clone(), read.clone()));
        Some(Taken {
            events: events.collect(),
            typing: typing.collect(),
            receipts: receipts.collect(),
            has_durable: self.has_durable,
        })
    }

    /// Forgets what was sent, unless something newer has taken its place.
    pub fn sent(&mut self, taken: &Taken) {
        for (key, _) in &taken.events {
            self.events.remove(key);
            let (pos, room_id) = key;
            let is_empty = self.of_room.get_mut(room_id).is_some_and(|positions| {
                positions.retain(|other| other != pos);
                positions.is_empty()
            });
            if is_empty {
                self.of_room.remove(room_id);
            }
        }
        for (key, typing) in &taken.typing {
            if self.typing.get(key) == Some(typing) {
                self.typing.remove(key);
            }
        }
        for (key, read) in &taken.receipts {
            if self.receipts.get(key) == Some(read) {
                self.receipts.remove(key);
            }
        }
    }

    /// Whether events of a room wait.
    pub fn has_room(&self, room_id: &RoomId) -> bool {
        self.of_room.contains_key(room_id)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{event_id, owned_user_id, room_id};

    use super::*;

    fn with_events(positions: std::ops::Range<i64>) -> Backlog {
        let mut backlog = Backlog::default();
        for pos in positions {
            backlog.note_event(room_id!("!a:b"), pos * 10, pos);
        }
        backlog
    }

    fn positions(taken: &Taken) -> Vec<i64> {
        taken.events.iter().map(|((pos, _), _)| *pos).collect()
    }

    #[test]
    fn events_go_in_the_order_of_their_positions_whatever_their_rooms() {
        let mut backlog = with_events(0..3);
        backlog.note_event(room_id!("!c:d"), 7, 1);

        let taken = backlog.next().unwrap();

        assert_eq!(taken.events.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), [0, 10, 7, 20]);
        backlog.sent(&taken);
        assert!(backlog.is_empty() && backlog.next().is_none());
    }

    #[test]
    fn of_a_room_that_runs_on_the_newest_events_stay() {
        let mut backlog = with_events(0..1_000);
        assert_eq!(positions(&backlog.next().unwrap()), (950..1_000).collect::<Vec<_>>());

        backlog.shrink();

        assert_eq!(positions(&backlog.next().unwrap()), [999]);
        assert_eq!(backlog.newest().map(|(_, seq, pos)| (seq, pos)).collect::<Vec<_>>(), [(9_990, 999)]);
    }

    #[test]
    fn what_came_while_a_transaction_was_under_way_waits_for_the_next() {
        let mut backlog = with_events(0..2);
        let user = owned_user_id!("@a:b");
        let of = (room_id!("!a:b").to_owned(), user.clone(), None);
        let read = |event: &ruma::EventId, ts| ReadUpTo { event_id: event.to_owned(), ts };
        backlog.note_typing(room_id!("!a:b"), user.clone(), true);
        backlog.note_receipt(of.clone(), read(event_id!("$1"), 1));
        let taken = backlog.next().unwrap();
        backlog.note_event(room_id!("!a:b"), 20, 2);
        backlog.note_typing(room_id!("!a:b"), user, false);
        backlog.note_receipt(of, read(event_id!("$2"), 2));

        backlog.sent(&taken);

        let rest = backlog.next().unwrap();
        assert_eq!(positions(&rest), [2]);
        assert!(!rest.typing[0].1 && rest.receipts[0].1.ts == 2);
    }
}
