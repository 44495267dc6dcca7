//! A user with one device: says in sentences what a client would do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::{Http, Reply, Sync, Value, json, segment};

const UNTIL_DEADLINE: Duration = Duration::from_secs(20);
const LONG_POLL_MILLIS: u64 = 5_000;

/// One logged-in device of one account. Methods named as verbs panic when the server refuses; the plain
/// [`get`](User::get), [`put`](User::put), [`post`](User::post) and [`delete`](User::delete) hand back its answer.
#[derive(Clone, Debug)]
pub struct User {
    http: Http,
    /// `@name:server`.
    pub id: String,
    /// The device.
    pub device: String,
    /// The access token.
    pub token: String,
    /// What the account was registered with.
    pub password: String,
    since: Arc<Mutex<Option<String>>>,
    transactions: Arc<AtomicU64>,
}

impl User {
    /// Makes a new account; its password is `password of NAME`.
    pub async fn registers(http: &Http, name: &str) -> Self {
        let password = format!("password of {name}");
        let body = json!({ "username": name, "password": password, "auth": { "type": "m.login.dummy" } });
        let reply = http.send("POST", "/_matrix/client/v3/register", None, Some(&body)).await;
        Self::from_login(http, password, &reply.unwrap_or_else(|e| panic!("{e}")).ok())
    }

    /// A new device of the same account.
    pub async fn logs_in(&self) -> Self {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": self.id },
            "password": self.password,
        });
        let reply = self.http.send("POST", "/_matrix/client/v3/login", None, Some(&body)).await;
        Self::from_login(&self.http, self.password.clone(), &reply.unwrap_or_else(|e| panic!("{e}")).ok())
    }

    /// The device that an answer of `/login` or `/register` describes.
    pub fn from_login(http: &Http, password: String, answer: &Value) -> Self {
        let text =
            |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("no {key}: {answer}")).to_owned();
        Self {
            http: http.clone(),
            id: text("user_id"),
            device: text("device_id"),
            token: text("access_token"),
            password,
            since: Arc::default(),
            transactions: Arc::default(),
        }
    }

    /// A request with this device's access token.
    pub async fn request(&self, method: &str, path: &str, body: impl Into<Option<Value>>) -> Reply {
        let body = body.into();
        let sent = self.http.send(method, path, Some(&self.token), body.as_ref()).await;
        sent.unwrap_or_else(|e| panic!("{e}"))
    }

    /// GET of a path below `/_matrix/client`, such as `/v3/sync`.
    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", &format!("/_matrix/client{path}"), None).await
    }

    /// PUT to a path below `/_matrix/client`.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.request("PUT", &format!("/_matrix/client{path}"), body).await
    }

    /// POST to a path below `/_matrix/client`.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.request("POST", &format!("/_matrix/client{path}"), body).await
    }

    /// DELETE of a path below `/_matrix/client`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", &format!("/_matrix/client{path}"), None).await
    }

    /// The plain client that it acts through.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// A transaction id that this device has not used.
    pub fn next_transaction(&self) -> String {
        format!("t{}", self.transactions.fetch_add(1, Ordering::Relaxed))
    }

    /// What `/login` with a password wants for user-interactive authentication.
    pub fn password_auth(&self, session: &Value) -> Value {
        json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": self.id },
            "password": self.password,
            "session": session,
        })
    }
}

/// What it does in rooms.
impl User {
    /// Creates a room; the answer is its id.
    pub async fn creates_room(&self, options: Value) -> String {
        text(&self.post("/v3/createRoom", options).await.ok(), "room_id")
    }

    /// Joins a room by id or alias.
    pub async fn joins(&self, room: &str) {
        self.post(&format!("/v3/join/{}", segment(room)), json!({})).await.ok();
    }

    /// Leaves a room, or refuses an invite.
    pub async fn leaves(&self, room: &str) {
        self.acts_in(room, "leave", json!({})).await.ok();
    }

    /// Invites another user.
    pub async fn invites(&self, room: &str, other: &User) {
        self.acts_in(room, "invite", json!({ "user_id": other.id })).await.ok();
    }

    /// Kicks another user.
    pub async fn kicks(&self, room: &str, other: &User) {
        self.acts_in(room, "kick", json!({ "user_id": other.id })).await.ok();
    }

    /// Bans another user.
    pub async fn bans(&self, room: &str, other: &User) {
        self.acts_in(room, "ban", json!({ "user_id": other.id })).await.ok();
    }

    /// POST to `/rooms/{room}/{verb}`.
    pub async fn acts_in(&self, room: &str, verb: &str, body: Value) -> Reply {
        self.post(&format!("/v3/rooms/{}/{verb}", segment(room)), body).await
    }

    /// GET of `/rooms/{room}/{rest}`.
    pub async fn asks_in(&self, room: &str, rest: &str) -> Reply {
        self.get(&format!("/v3/rooms/{}/{rest}", segment(room))).await
    }

    /// Sends a text message; the answer is its event id.
    pub async fn sends(&self, room: &str, message: &str) -> String {
        let content = json!({ "msgtype": "m.text", "body": message });
        text(&self.sends_event(room, "m.room.message", content).await.ok(), "event_id")
    }

    /// Sends an event with a transaction id of its own.
    pub async fn sends_event(&self, room: &str, kind: &str, content: Value) -> Reply {
        self.sends_as(room, kind, &self.next_transaction(), content).await
    }

    /// Sends an event with a given transaction id.
    pub async fn sends_as(&self, room: &str, kind: &str, transaction: &str, content: Value) -> Reply {
        let path = format!("/v3/rooms/{}/send/{}/{}", segment(room), segment(kind), segment(transaction));
        self.put(&path, content).await
    }

    /// Sets a piece of state.
    pub async fn sets_state(&self, room: &str, kind: &str, key: &str, content: Value) -> Reply {
        self.put(&state_path(room, kind, key), content).await
    }

    /// Reads a piece of state.
    pub async fn reads_state(&self, room: &str, kind: &str, key: &str) -> Reply {
        self.get(&state_path(room, kind, key)).await
    }

    /// Redacts an event; the answer is the redaction's id.
    pub async fn redacts(&self, room: &str, event_id: &str) -> Reply {
        let transaction = self.next_transaction();
        let path = format!("/v3/rooms/{}/redact/{}/{transaction}", segment(room), segment(event_id));
        self.put(&path, json!({})).await
    }

    /// The texts of a room's messages, newest first, as `/messages` pages them from the end.
    pub async fn reads_messages(&self, room: &str) -> Vec<String> {
        let answer = self.asks_in(room, "messages?dir=b&limit=100").await.ok();
        let chunk = answer["chunk"].as_array().cloned().unwrap_or_default();
        chunk.iter().filter_map(|e| e["content"]["body"].as_str().map(str::to_owned)).collect()
    }

    /// Marks an event as read.
    pub async fn reads(&self, room: &str, event_id: &str) {
        self.acts_in(room, &format!("receipt/m.read/{}", segment(event_id)), json!({})).await.ok();
    }
}

/// How it learns what happened.
impl User {
    /// What is new since the last sync of this device, without waiting.
    pub async fn syncs(&self) -> Sync {
        self.syncs_with("timeout=0").await
    }

    /// What is new since the last sync of this device, with more parameters for the query.
    pub async fn syncs_with(&self, query: &str) -> Sync {
        let since = self.since();
        let sync = self.syncs_from(since.as_deref(), query).await;
        *self.since.lock().expect("not poisoned") = Some(sync.next_batch().to_owned());
        sync
    }

    /// One sync from a given token, which does not move on what this device has seen.
    pub async fn syncs_from(&self, since: Option<&str>, query: &str) -> Sync {
        let since = since.map(|s| format!("&since={}", segment(s))).unwrap_or_default();
        Sync(self.get(&format!("/v3/sync?{query}{since}")).await.ok())
    }

    /// Long-polls until an answer meets the condition, and returns that answer.
    pub async fn syncs_until(&self, mut met: impl FnMut(&Sync) -> bool) -> Sync {
        let began = Instant::now();
        loop {
            let sync = self.syncs_with(&format!("timeout={LONG_POLL_MILLIS}")).await;
            if met(&sync) {
                return sync;
            }
            assert!(began.elapsed() < UNTIL_DEADLINE, "never told; the last sync was {}", sync.0);
        }
    }

    /// Long-polls until a message with this text arrives.
    pub async fn hears(&self, room: &str, message: &str) -> Sync {
        self.syncs_until(|sync| sync.has_message(room, message)).await
    }

    /// The token of this device's last sync.
    pub fn since(&self) -> Option<String> {
        self.since.lock().expect("not poisoned").clone()
    }
}

fn state_path(room: &str, kind: &str, key: &str) -> String {
    format!("/v3/rooms/{}/state/{}/{}", segment(room), segment(kind), segment(key))
}

#[track_caller]
fn text(answer: &Value, key: &str) -> String {
    answer[key].as_str().unwrap_or_else(|| panic!("no {key}: {answer}")).to_owned()
}
