//! A reader follows `/sync` over all crashes, as a client would: it keeps what an answer told together with the token
//! to go on from.

use std::time::Duration;

use super::Curtain;
use crate::{Sync, User, Value, segment};

/// The sync of one user.
#[derive(Clone, Debug)]
pub struct Reader {
    user: User,
    room: String,
    since: String,
    /// The ids of the room's events, in the order told.
    pub events: Vec<String>,
    /// The numbers of the to-device messages, in the order told.
    pub pings: Vec<u64>,
    /// The last count of one-time keys.
    pub key_count: u64,
}

const FILTER: &str = "%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A200%7D%7D%7D";

impl Reader {
    /// Begins with all that is there already.
    pub async fn starts(user: User, room: &str) -> Self {
        let sync = user.syncs_from(None, &format!("timeout=0&filter={FILTER}")).await;
        let since = sync.next_batch().to_owned();
        Self { user, room: room.to_owned(), since, events: Vec::new(), pings: Vec::new(), key_count: 0 }
    }

    /// Follows until the server is gone.
    pub async fn follows(mut self) -> Self {
        while self.asks(1000).await.is_some() {}
        self
    }

    /// Follows until the curtain falls, over all that goes wrong meanwhile.
    pub async fn follows_until(mut self, curtain: Curtain) -> Self {
        const PAUSE: Duration = Duration::from_millis(200);
        while !curtain.has_fallen() {
            if self.asks(1000).await.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        self
    }

    /// Reads what is left, until an answer holds nothing new. `false` when the server refuses.
    pub async fn catches_up(&mut self) -> bool {
        loop {
            match self.asks(0).await {
                Some(0) => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// One sync: how much it told, or `None` without a good answer.
    async fn asks(&mut self, timeout_millis: u32) -> Option<usize> {
        let query = format!("timeout={timeout_millis}&filter={FILTER}&since={}", segment(&self.since));
        let sync = Sync(self.get(&format!("/v3/sync?{query}")).await?);
        let mut events = self.gap(&sync).await?;
        events.extend(ids(&sync.joined(&self.room)["timeline"]["events"]));
        let pings: Vec<_> = sync.to_device().iter().filter_map(|m| m["content"]["n"].as_u64()).collect();
        let told = events.len() + pings.len();
        if let Some(count) = sync.0["device_one_time_keys_count"]["signed_curve25519"].as_u64() {
            self.key_count = count;
        }
        self.events.extend(events);
        self.pings.extend(pings);
        sync.next_batch().clone_into(&mut self.since);
        Some(told)
    }

    /// What a limited timeline left out, oldest first.
    async fn gap(&self, sync: &Sync) -> Option<Vec<String>> {
        let timeline = &sync.joined(&self.room)["timeline"];
        let mut events = Vec::new();
        let mut from =
            timeline["prev_batch"].as_str().filter(|_| timeline["limited"] == true).map(str::to_owned);
        while let Some(token) = from.take() {
            let query =
                format!("messages?dir=b&limit=200&from={}&to={}", segment(&token), segment(&self.since));
            let page = self.get(&format!("/v3/rooms/{}/{query}", segment(&self.room))).await?;
            let chunk = ids(&page["chunk"]);
            from = page["end"].as_str().filter(|_| !chunk.is_empty()).map(str::to_owned);
            events.extend(chunk);
        }
        events.reverse();
        Some(events)
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let full = format!("/_matrix/client{path}");
        let reply = self.user.http().send("GET", &full, Some(&self.user.token), None).await.ok()?;
        reply.is_ok().then_some(reply.body)
    }
}

/// The ids of a list of events.
pub fn ids(events: &Value) -> Vec<String> {
    let list = events.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|e| e["event_id"].as_str().map(str::to_owned)).collect()
}
