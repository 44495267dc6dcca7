//! A worker acts for a user until the server is gone.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Curtain;
use super::ledger::{Ledger, Message, Ping};
use super::theater::{Book, Theater};
use crate::{Reply, Unanswered, User, Value, json, segment};

/// One stream of requests of one user. The `first` worker of a user alone writes what must have a single writer.
#[derive(Debug)]
pub struct Worker {
    user: User,
    index: usize,
    first: bool,
    name: String,
    others: Vec<User>,
    room: String,
    book: Book,
    rng: StdRng,
    last_event: Option<String>,
    count: u64,
    /// Whether "unavailable" is a good answer.
    patient: bool,
}

/// The server is gone, or unavailable.
#[derive(Debug)]
struct Gone;

impl Worker {
    /// The worker `number` of user `index` in a round.
    pub fn new(theater: &Theater, seed: u64, round: u64, index: usize, number: u64) -> Self {
        let own_seed = seed ^ (round << 24) ^ ((index as u64) << 8) ^ number;
        Self {
            user: theater.users[index].clone(),
            index,
            first: number == 0,
            name: format!("{round}.{index}.{number}"),
            others: theater.users.clone(),
            room: theater.room.clone(),
            book: theater.book.clone(),
            rng: StdRng::seed_from_u64(own_seed),
            last_event: None,
            count: 0,
            patient: false,
        }
    }

    /// Acts until a request goes unanswered.
    pub async fn works(mut self) {
        while self.acts().await.is_ok() {}
    }

    /// Acts until the curtain falls. The server may say that it is unavailable, in the proper way.
    pub async fn works_until(mut self, curtain: Curtain) {
        const PAUSE: Duration = Duration::from_millis(200);
        self.patient = true;
        while !curtain.has_fallen() {
            if self.acts().await.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn acts(&mut self) -> Result<(), Gone> {
        self.count += 1;
        match self.rng.random_range(0..12) {
            6..8 => self.pings().await,
            8 => self.claims().await,
            9 if self.first => self.uploads_keys().await,
            10 if self.first => self.counts().await,
            11 if self.first => self.marks().await,
            _ => self.sends().await,
        }
    }

    async fn sends(&mut self) -> Result<(), Gone> {
        let text = format!("message {} {}", self.name, self.count);
        let transaction = format!("m.{}.{}", self.name, self.count);
        let message = Message { user: self.index, transaction, event_id: None };
        self.book.open().messages.insert(text.clone(), message.clone());
        let event_id = sends_message(&self.user, &self.room, &text, &message).await;
        let event_id = self.acknowledged(event_id)?;
        if let Some(noted) = self.book.open().messages.get_mut(&text) {
            noted.event_id.clone_from(&event_id);
        }
        self.last_event = event_id;
        Ok(())
    }

    async fn pings(&mut self) -> Result<(), Gone> {
        let to = self.rng.random_range(0..self.others.len());
        let transaction = format!("p.{}.{}", self.name, self.count);
        let ping = Ping { from: self.index, to, transaction, acknowledged: false };
        let number = {
            let mut book = self.book.open();
            let number = book.pings.len() as u64;
            book.pings.insert(number, ping.clone());
            number
        };
        let sent = sends_ping(&self.user, &self.others[to], number, &ping).await;
        self.acknowledged(sent)?;
        if let Some(noted) = self.book.open().pings.get_mut(&number) {
            noted.acknowledged = true;
        }
        Ok(())
    }

    async fn claims(&mut self) -> Result<(), Gone> {
        let owner = self.rng.random_range(0..self.others.len());
        let target = &self.others[owner];
        let wish = json!({ "one_time_keys": { &target.id: { &target.device: "signed_curve25519" } } });
        let sent = send(&self.user, "POST", "/v3/keys/claim", wish).await;
        if sent.is_err() {
            self.book.open().accounts[owner].claims_lost += 1;
        }
        let answer = self.acknowledged(sent)?;
        let keys = answer["one_time_keys"][&target.id][&target.device].as_object().cloned();
        for key in keys.unwrap_or_default().keys() {
            self.book.open().claimed(owner, key);
        }
        Ok(())
    }

    async fn uploads_keys(&mut self) -> Result<(), Gone> {
        const BATCH: u64 = 5;
        let start = {
            let account = &mut self.book.open().accounts[self.index];
            account.keys_made += BATCH;
            account.keys_made - BATCH
        };
        let key = |n: u64| {
            (format!("signed_curve25519:K{n:06}"), json!({ "key": format!("{n:042}A"), "signatures": {} }))
        };
        let keys: serde_json::Map<_, _> = (start..start + BATCH).map(key).collect();
        let sent = send(&self.user, "POST", "/v3/keys/upload", json!({ "one_time_keys": keys })).await;
        self.acknowledged(sent)?;
        self.book.open().accounts[self.index].keys_acknowledged += BATCH;
        Ok(())
    }

    async fn counts(&mut self) -> Result<(), Gone> {
        let value = self.book.open().accounts[self.index].global_data.attempt();
        let sent = send(&self.user, "PUT", &account_data_path(&self.user), json!({ "value": value })).await;
        self.acknowledged(sent)?;
        self.book.open().accounts[self.index].global_data.acknowledged = value;
        let value = self.book.open().accounts[self.index].state.attempt();
        let path = state_path(&self.room, &self.user);
        let sent = send(&self.user, "PUT", &path, json!({ "value": value })).await;
        self.acknowledged(sent)?;
        self.book.open().accounts[self.index].state.acknowledged = value;
        Ok(())
    }

    async fn marks(&mut self) -> Result<(), Gone> {
        let Some(event) = self.last_event.take() else { return Ok(()) };
        let value = {
            let account = &mut self.book.open().accounts[self.index];
            account.marks.push(event.clone());
            account.receipts.attempt()
        };
        let path = format!("/v3/rooms/{}/receipt/m.read/{}", segment(&self.room), segment(&event));
        let sent = send(&self.user, "POST", &path, json!({})).await;
        self.acknowledged(sent)?;
        self.book.open().accounts[self.index].receipts.acknowledged = value;
        Ok(())
    }

    /// Counts an answer. A refusal is a fault of the server: all that the workers ask is allowed.
    fn acknowledged<T>(&self, sent: Result<T, Failure>) -> Result<T, Gone> {
        let mut book = self.book.open();
        match sent {
            Ok(answer) => {
                book.requests_acknowledged += 1;
                Ok(answer)
            }
            Err(Failure::Unanswered) => Err(Gone),
            Err(Failure::Unavailable(why)) if self.patient => {
                book.unavailable += 1;
                book.last_unavailable = why;
                Err(Gone)
            }
            Err(Failure::Refused(why) | Failure::Unavailable(why)) => {
                refused(&mut book, why);
                Err(Gone)
            }
        }
    }
}

fn refused(book: &mut Ledger, why: String) {
    const ENOUGH: usize = 20;
    if book.faults.len() < ENOUGH {
        book.faults.push(why);
    }
}

/// Why a request has no good answer.
#[derive(Debug)]
pub enum Failure {
    /// The connection ended, or nothing came in time.
    Unanswered,
    /// 503 with a Matrix error and a time to come back: nothing is said of what became of the request.
    Unavailable(String),
    /// Any other refusal.
    Refused(String),
}

/// A request below `/_matrix/client`.
pub async fn send(user: &User, method: &str, path: &str, body: Value) -> Result<Value, Failure> {
    let full = format!("/_matrix/client{path}");
    let reply: Result<Reply, Unanswered> =
        user.http().send(method, &full, Some(&user.token), Some(&body)).await;
    let reply = reply.map_err(|_| Failure::Unanswered)?;
    if reply.is_ok() {
        return Ok(reply.body);
    }
    let said: String = reply.body.to_string().chars().take(200).collect();
    let why = format!("{method} {path} was refused: {} {said}", reply.status);
    let comes_back = reply.status == 503
        && reply.body["errcode"].is_string()
        && reply.header("retry-after").parse::<u32>().is_ok();
    Err(if comes_back { Failure::Unavailable(why) } else { Failure::Refused(why) })
}

/// Sends a message, or sends it again: the transaction id is the same.
pub async fn sends_message(
    user: &User,
    room: &str,
    text: &str,
    message: &Message,
) -> Result<Option<String>, Failure> {
    let path = format!("/v3/rooms/{}/send/m.room.message/{}", segment(room), message.transaction);
    let answer = send(user, "PUT", &path, json!({ "msgtype": "m.text", "body": text })).await?;
    Ok(answer["event_id"].as_str().map(str::to_owned))
}

/// Sends a to-device message, or sends it again.
pub async fn sends_ping(from: &User, to: &User, number: u64, ping: &Ping) -> Result<(), Failure> {
    let path = format!("/v3/sendToDevice/org.example.ping/{}", ping.transaction);
    let messages = json!({ &to.id: { &to.device: { "n": number } } });
    send(from, "PUT", &path, json!({ "messages": messages })).await.map(drop)
}

/// Where the counter in a user's account data is.
pub fn account_data_path(user: &User) -> String {
    format!("/v3/user/{}/account_data/org.example.counter", segment(&user.id))
}

/// Where the counter in the room's state is.
pub fn state_path(room: &str, user: &User) -> String {
    format!("/v3/rooms/{}/state/org.example.counter/{}", segment(room), segment(&user.id))
}
