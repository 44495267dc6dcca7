//! Somebody with an account and a room who tries every route.

use std::time::Duration;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::samples;
use crate::{
    endpoint::Endpoint,
    testing::{Answer, TestServer, TestUser},
};

/// How long an answer to wrong input may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A user in a room with an event. Each route gets a new one, since some of them log out.
pub struct Walker<'a> {
    server: &'a TestServer,
    user: TestUser,
    room: String,
    event: String,
}

impl<'a> Walker<'a> {
    pub async fn new(server: &'a TestServer, name: &str) -> Self {
        let user = server.registers(name).await;
        let token = Some(&*user.token);
        let room = server.post("/_matrix/client/v3/createRoom", token, &json!({})).await.ok();
        let room = room["room_id"].as_str().unwrap().to_owned();
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/1", segment(&room));
        let sent =
            server.json(Method::PUT, &path, token, &json!({ "body": "b", "msgtype": "m.text" })).await.ok();
        let event = sent["event_id"].as_str().unwrap().to_owned();
        Self { server, user, room, event }
    }

    /// Sends a body to an endpoint; whatever comes back must be civil.
    pub async fn sends(&self, endpoint: &Endpoint, path: &str, body: &[u8]) -> Answer {
        let what = format!("{} {}", &path[..path.len().min(300)], String::from_utf8_lossy(body));
        let request = self.server.bytes(endpoint.method.clone(), path, Some(&self.user.token), body.to_vec());
        let answer = tokio::time::timeout(PATIENCE, request).await;
        let answer = answer.unwrap_or_else(|_| panic!("{endpoint:?} hangs on {what}"));
        must_be_civil(endpoint, &what, &answer);
        answer
    }

    /// A sample about this user, room and event.
    pub fn sample(&self, endpoint: &Endpoint) -> Option<Value> {
        let sample = samples::body(&endpoint.method, endpoint.template())?.to_string();
        let mine = sample.replace(samples::USER, &self.user.id).replace(samples::ROOM, &self.room);
        Some(serde_json::from_str(&mine.replace(samples::EVENT, &self.event)).unwrap())
    }

    /// A path of an endpoint that means something.
    pub fn path(&self, endpoint: &Endpoint) -> String {
        self.filled(endpoint.template(), |_| None)
    }

    /// The path with each variable in turn wrong, the others meaning something.
    pub fn wrong_paths(&self, template: &str) -> Vec<String> {
        let long = "a".repeat(5_000);
        let wrong_args = || samples::WRONG_PATH_ARGS.into_iter().chain([&*long]);
        let variables = 0..template.matches('{').count();
        let spoiled = |at| wrong_args().map(move |arg| (at, arg));
        let instead = |(at, arg)| self.filled(template, |n| (n == at).then_some(arg));
        variables.flat_map(spoiled).map(instead).collect()
    }

    fn filled<'b>(&self, template: &str, instead: impl Fn(usize) -> Option<&'b str>) -> String {
        let mut path = String::new();
        for (n, piece) in template.split('{').enumerate() {
            match piece.split_once('}') {
                None => path.push_str(piece),
                Some((name, rest)) => {
                    let arg = instead(n - 1).map_or_else(|| self.path_arg(name), str::to_owned);
                    path.extend([&*arg, rest]);
                }
            }
        }
        path
    }

    fn path_arg(&self, name: &str) -> String {
        segment(match name {
            "room_id" | "room_id_or_alias" => &self.room,
            "user_id" => &self.user.id,
            "event_id" => &self.event,
            "device_id" => &self.user.device,
            _ => samples::path_arg(name),
        })
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[track_caller]
fn must_be_civil(endpoint: &Endpoint, what: &str, answer: &Answer) {
    let body = answer.body();
    assert!(answer.status < 500, "{endpoint:?} fails on {what}: {} {body}", answer.status);
    let asks_for_a_stage = answer.status == 401 && body["flows"].is_array();
    if answer.status >= 400 && !asks_for_a_stage {
        assert!(body["errcode"].is_string() && body["error"].is_string(), "{endpoint:?} on {what}: {body}");
    }
}
