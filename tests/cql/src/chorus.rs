//! Senders who keep at a message until it is acknowledged, as a client does, and the law that each of their messages
//! stands in the room's log once.

use std::collections::BTreeMap;
use std::time::Duration;

use playhouse_tests::stage::Curtain;
use playhouse_tests::{Http, User, Value, json, segment};
use tokio::task::JoinHandle;

const PAUSE: Duration = Duration::from_millis(100);

/// Texts that were acknowledged, with their event ids.
pub type Acknowledged = BTreeMap<String, String>;

/// One user on one server process, who sends to a room until the curtain falls.
pub fn sings(user: &User, at: &Http, room: &str, name: &str, curtain: &Curtain) -> JoinHandle<Acknowledged> {
    let singer =
        Singer { token: user.token.clone(), at: at.clone(), room: room.to_owned(), name: name.to_owned() };
    tokio::spawn(singer.sings(curtain.clone()))
}

struct Singer {
    token: String,
    at: Http,
    room: String,
    name: String,
}

impl Singer {
    async fn sings(self, curtain: Curtain) -> Acknowledged {
        let mut acknowledged = Acknowledged::new();
        for verse in 0.. {
            let text = format!("{} {verse}", self.name);
            // What was begun is brought to an end, so that nothing stays unknown.
            let event_id = loop {
                match self.sends(&text).await {
                    Some(event_id) => break event_id,
                    None => tokio::time::sleep(PAUSE).await,
                }
            };
            acknowledged.insert(text, event_id);
            if curtain.has_fallen() {
                break;
            }
        }
        acknowledged
    }

    async fn sends(&self, text: &str) -> Option<String> {
        let room = segment(&self.room);
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{}", segment(text));
        let body = json!({ "msgtype": "m.text", "body": text });
        let reply = self.at.send("PUT", &path, Some(&self.token), Some(&body)).await.ok()?;
        reply.body["event_id"].as_str().filter(|_| reply.is_ok()).map(str::to_owned)
    }
}

/// The room's messages, text by event id, oldest last.
///
/// # Errors
/// The room cannot be read.
pub async fn log(reader: &User, room: &str) -> Result<Vec<(String, String)>, String> {
    let (mut log, mut from) = (Vec::new(), String::new());
    loop {
        let page = reader.asks_in(room, &format!("messages?dir=b&limit=500{from}")).await;
        if !page.is_ok() {
            return Err(format!("the room cannot be read: {} {}", page.status, page.body));
        }
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        for event in page.body["chunk"].as_array().map(Vec::as_slice).unwrap_or_default() {
            log.push((text(event, "event_id"), text(&event["content"], "body")));
        }
        match page.body["end"].as_str() {
            Some(end) => from = format!("&from={}", segment(end)),
            None => return Ok(log),
        }
    }
}

/// What is not as it was acknowledged.
pub fn faults(log: &[(String, String)], acknowledged: &Acknowledged) -> Vec<String> {
    let mut faults = Vec::new();
    for (text, id) in acknowledged {
        let places: Vec<_> = log.iter().filter(|(_, body)| body == text).map(|(id, _)| id).collect();
        if places != [id] {
            faults.push(format!("{text:?}, acknowledged as {id}, stands in the log as {places:?}"));
        }
    }
    faults
}
