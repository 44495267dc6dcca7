//! Up to where a user has read: the newest of public and private receipts, thread by thread.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#marking-notifications-as-read>

use ruma::UserId;

use crate::room::RoomView;

/// The kinds of receipt that clear notifications.
const KINDS: [&str; 2] = ["m.read", "m.read.private"];
/// The thread of a receipt for the main timeline.
const MAIN: &str = "main";
/// The thread of a receipt for the whole room.
const UNTHREADED: &str = "";
/// Before every event.
const NOTHING_READ: i64 = i64::MIN;

/// The receipts of a user in a room.
pub struct Marks<'a> {
    view: &'a RoomView,
    user: &'a UserId,
    unthreaded: i64,
    main: i64,
}

impl<'a> Marks<'a> {
    /// Reads the user's receipts.
    pub fn of(view: &'a RoomView, user: &'a UserId) -> Self {
        let unthreaded = receipt(view, user, UNTHREADED);
        let main = receipt(view, user, MAIN).max(unthreaded);
        Self { view, user, unthreaded, main }
    }

    /// The log row up to which a thread was read; `None` is the main timeline.
    pub fn of_thread(&self, thread: Option<&str>) -> i64 {
        match thread {
            None => self.main,
            Some(root) => receipt(self.view, self.user, root).max(self.unthreaded),
        }
    }

    /// The first log row in which something may be unread for somebody who joined by row `joined_seq`.
    ///
    /// Below what was read of the main timeline only threads can be unread, and they are looked for in the part of
    /// the log that is in memory: a client that reads the main timeline alone would have the whole log scanned else.
    pub fn first_unread(&self, joined_seq: i64, view: &RoomView) -> i64 {
        let main_or_memory = self.main.min(view.tail_start() - 1);
        joined_seq.max(self.unthreaded).max(main_or_memory) + 1
    }
}

fn receipt(view: &RoomView, user: &UserId, thread: &str) -> i64 {
    let of_kind = |kind: &str| {
        let key = (user.to_string(), kind.to_owned(), thread.to_owned());
        view.receipts.get(&key).map_or(NOTHING_READ, |receipt| receipt.seq)
    };
    KINDS.into_iter().map(of_kind).max().unwrap_or(NOTHING_READ)
}

/// Whether the user's receipts moved after a position.
pub fn moved_since(view: &RoomView, user: &UserId, pos: i64) -> bool {
    view.receipts_by_pos.range(pos + 1..).any(|(_, (owner, ..))| owner == user.as_str())
}
