//! How much waits in a device's inbox, and of whom: an inbox is a queue, so it has bounds.
//!
//! A sender who has as much in an inbox as one may is told to wait, as long as the device comes now and then. A device
//! that has not been seen for a month, and an inbox that is full by many senders, cost nobody a refusal: what does not fit is
//! left out and counted, and the device has to ask for those keys again.

use std::{
    collections::{HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

use playhouse_storage::{
    IntoKey as _, Order, Slice, Store, StoreError,
    tables::{Device, ToDevice, device::DeviceRow},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Messages, UserError};
use crate::user::actor::UserActorState;

/// The most bytes that wait in one inbox.
const MOST_BYTES: u64 = 24 << 20;
/// The most of them by one sender.
const MOST_OF_SENDER: u64 = 2 << 20;
/// What a message counts at least, which bounds their number.
const LEAST_OF_MESSAGE: u64 = 1 << 10;
/// How long after it was last seen a device is still expected to read its messages.
const EXPECTED_FOR: Duration = Duration::from_hours(30 * 24);
/// Rows of an inbox that are read at a time.
const PAGE: usize = 100;

/// What waits in one inbox. Kept from the first delivery to an inbox that is not empty until all of it is read.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<Waiting>,
    by_sender: HashMap<Arc<str>, u64>,
    bytes: u64,
}

#[derive(Debug)]
struct Waiting {
    pos: i64,
    bytes: u64,
    sender: Arc<str>,
}

/// Whether one more message fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    /// Its sender has as much there as one may.
    SenderIsFull,
    Full,
}

impl Backlog {
    /// Reads what waits, page by page.
    async fn load(store: &Store, inbox: (&str, &str)) -> Result<Self, StoreError> {
        let mut backlog = Self::default();
        let mut from = Bound::Included((0,).to_key());
        loop {
            let slice = Slice { from, to: Bound::Unbounded, order: Order::Forward, limit: PAGE };
            let (rows, more) = store.slice::<ToDevice>(inbox, slice).await?;
            let last = rows.last().map(|((pos,), _)| *pos);
            for ((pos,), row) in rows {
                if let Some(message) = row.message {
                    backlog.add(pos, &message);
                }
            }
            let Some(last) = last.filter(|_| more) else { return Ok(backlog) };
            from = Bound::Excluded((last,).to_key());
        }
    }

    fn room_for(&self, message: &RawValue) -> Room {
        let bytes = bytes_of(message);
        let of_sender = self.by_sender.get(&*sender_of(message)).copied().unwrap_or_default();
        if of_sender + bytes > MOST_OF_SENDER {
            Room::SenderIsFull
        } else if self.bytes + bytes > MOST_BYTES {
            Room::Full
        } else {
            Room::Enough
        }
    }

    /// Counts a message that waits at `pos`, after all others.
    pub(super) fn add(&mut self, pos: i64, message: &RawValue) {
        let (sender, bytes) = (sender_of(message), bytes_of(message));
        self.bytes += bytes;
        *self.by_sender.entry(Arc::clone(&sender)).or_default() += bytes;
        self.waiting.push_back(Waiting { pos, bytes, sender });
    }

    /// What is at or below `pos` waits no more.
    pub(super) fn is_read_up_to(&mut self, pos: i64) {
        while let Some(read) = self.waiting.pop_front_if(|message| message.pos <= pos) {
            self.bytes -= read.bytes;
            if let Some(left) = self.by_sender.get_mut(&read.sender) {
                *left -= read.bytes;
                if *left == 0 {
                    self.by_sender.remove(&read.sender);
                }
            }
        }
    }
}

fn bytes_of(message: &RawValue) -> u64 {
    (message.get().len() as u64).max(LEAST_OF_MESSAGE)
}

/// Who sent a message, as [`to_device_message`](crate::user::message::to_device_message) wrote it.
fn sender_of(message: &RawValue) -> Arc<str> {
    #[derive(Deserialize)]
    struct Head {
        sender: Arc<str>,
    }
    serde_json::from_str(message.get()).map_or_else(|_| Arc::from(""), |head: Head| head.sender)
}

/// Messages that may be delivered, and whether a sender has to wait with others.
pub(super) struct Admitted {
    pub messages: Messages,
    pub refused: bool,
}

impl UserActorState {
    /// Takes out what does not fit into the inboxes.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn admitted(&mut self, addressed: Messages) -> Result<Admitted, UserError> {
        let mut admitted = Admitted { messages: Vec::new(), refused: false };
        for (device, message) in addressed {
            match self.backlog(&device).await?.room_for(&message) {
                Room::Enough => admitted.messages.push((device, message)),
                Room::SenderIsFull if self.is_expected(&device).await? => admitted.refused = true,
                Room::SenderIsFull | Room::Full => self.context.metrics.to_device_left_out.increment(1),
            }
        }
        Ok(admitted)
    }

    /// What waits for a device.
    async fn backlog(&mut self, device: &str) -> Result<&mut Backlog, UserError> {
        if !self.backlogs.contains_key(device) {
            let loaded = match self.data.to_device.get(device) {
                Some(_) => Backlog::load(&self.context.store, (self.user.as_str(), device)).await?,
                None => Backlog::default(),
            };
            self.backlogs.insert(device.to_owned(), loaded);
        }
        Ok(self.backlogs.entry(device.to_owned()).or_default())
    }

    async fn is_expected(&self, device: &str) -> Result<bool, UserError> {
        let row = self.context.store.get::<Device>((self.user.as_str(),), (device,)).await?;
        let seen = row.map_or(0, |row: DeviceRow| row.last_seen_ts.unwrap_or(row.created_ts));
        Ok(seen + EXPECTED_FOR.as_millis() as u64 > self.context.clocks.now_ms())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::user::testing::raw;

    fn message(sender: u64, bytes: usize) -> Box<RawValue> {
        raw(&json!({ "sender": format!("@{sender}:test"), "content": "x".repeat(bytes) }))
    }

    #[test]
    fn one_sender_fills_a_part_of_an_inbox_and_many_fill_it() {
        let mut backlog = Backlog::default();
        let mut pos = 0;
        let mut fill = |backlog: &mut Backlog, sender: u64| loop {
            let next = message(sender, 60_000);
            let room = backlog.room_for(&next);
            if room != Room::Enough {
                return room;
            }
            pos += 1;
            backlog.add(pos, &next);
        };

        assert_eq!(fill(&mut backlog, 1), Room::SenderIsFull);
        assert_eq!(backlog.room_for(&message(2, 60_000)), Room::Enough);
        let full = (2..100).map(|sender| fill(&mut backlog, sender)).find(|room| *room == Room::Full);
        assert_eq!(full, Some(Room::Full));
        assert!(backlog.bytes <= MOST_BYTES);

        backlog.is_read_up_to(pos);
        assert_eq!((backlog.bytes, backlog.by_sender.len()), (0, 0));
        assert_eq!(backlog.room_for(&message(1, 60_000)), Room::Enough);
    }

    #[test]
    fn small_messages_are_bounded_in_number() {
        let mut backlog = Backlog::default();
        let small = message(1, 1);
        let fit = (0..10_000).take_while(|pos| {
            let room = backlog.room_for(&small) == Room::Enough;
            backlog.add(*pos, &small);
            room
        });

        assert_eq!(fit.count() as u64, MOST_OF_SENDER / LEAST_OF_MESSAGE);
    }
}
