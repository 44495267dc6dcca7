//! The stage of a run: one server, its users in one room, and the ledger.

use std::sync::{Arc, Mutex, MutexGuard};

use super::ledger::{Account, Ledger};
use super::reader::Reader;
use crate::{Setup, User, World, json};

/// The ledger, shared by all who write into it.
#[derive(Clone, Debug, Default)]
pub struct Book(Arc<Mutex<Ledger>>);

impl Book {
    /// The book, for a moment: never across an await.
    pub fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().expect("nobody panics with the book open")
    }
}

/// Everything of a run.
#[derive(Debug)]
pub struct Theater {
    /// The server.
    pub world: World,
    /// The room that all are in.
    pub room: String,
    /// Who acts.
    pub users: Vec<User>,
    /// Who listens: one for each user.
    pub readers: Vec<Reader>,
    /// What was asked and acknowledged.
    pub(super) book: Book,
    /// The room's log since the readers began, oldest first, as verified so far.
    pub log: Vec<String>,
}

impl Theater {
    /// Starts a server and lets the users in.
    pub async fn opens(count: usize, setup: Setup) -> Self {
        let world = World::with(setup).await;
        let mut users = Vec::new();
        for n in 0..count {
            users.push(world.user(&format!("user{n}")).await);
        }
        let levels = json!({ "state_default": 0 });
        let options = json!({ "preset": "public_chat", "power_level_content_override": levels });
        let room = users[0].creates_room(options).await;
        for user in &users[1..] {
            user.joins(&room).await;
        }
        let anchor = users[0].sends(&room, "the play begins").await;
        let mut readers = Vec::new();
        for user in &users {
            readers.push(Reader::starts(user.clone(), &room).await);
        }
        let book = Book::default();
        book.open().accounts = vec![Account::default(); count];
        Self { world, room, users, readers, book, log: vec![anchor] }
    }

    /// How many requests were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.book.open().requests_acknowledged
    }

    /// How many messages were acknowledged so far.
    pub fn messages_acknowledged(&self) -> usize {
        self.book.open().messages.values().filter(|message| message.event_id.is_some()).count()
    }

    /// How often the server said, in the proper way, that it is unavailable.
    pub fn unavailable(&self) -> u64 {
        self.book.open().unavailable
    }

    /// The last such answer, and to what.
    pub fn last_unavailable(&self) -> String {
        self.book.open().last_unavailable.clone()
    }

    /// What was wrong since this was asked last.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.book.open().faults)
    }
}
