//! A gateway without sockets, for tests: requests go through the whole pipeline.

use std::{net::Ipv4Addr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::Full;
use playhouse_actors::Node;
use playhouse_storage::{
    Store,
    backends::{Adversity, MemoryBackend},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Gateway,
    config::{Config, Part, PasswordCost},
    pipeline::{self, Entrance, Peer},
    server,
};

/// A gateway before a node on a store in memory.
pub struct TestServer {
    pub gateway: Arc<Gateway>,
    _folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

/// A user and one device.
#[derive(Debug, Clone)]
pub struct TestUser {
    pub id: String,
    pub device: String,
    pub token: String,
    pub password: String,
}

impl TestServer {
    /// Open registration, cheap hashes, no limits.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, but for what `set` changes.
    pub async fn with(set: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.passwords.cost = PasswordCost::Test;
        config.federation.enabled = false;
        config.rate_limits.enabled = false;
        config.registration.open = true;
        config.registration.shared_secret = Some("shared secret".to_owned());
        set(&mut config);
        let store = Store::new(MemoryBackend::new(1, Adversity::none()));
        let node = Node::start(store, server::node_config(&config)).await.unwrap();
        let gateway = Gateway::new(Arc::new(config), node, None).unwrap();
        Self { gateway: Arc::new(gateway), _folder: folder }
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        let parts = [Part::Client, Part::Federation, Part::Admin, Part::Metrics, Part::Health];
        let peer = Peer::Address(Ipv4Addr::LOCALHOST.into());
        let entrance = Entrance { peer, parts: parts.into() };
        let reply = pipeline::serve(Arc::clone(&self.gateway), entrance, request.map(Full::new)).await;
        let (head, bytes) = reply.into_parts();
        Answer { status: head.status.as_u16(), headers: head.headers, bytes }
    }

    /// Sends bytes, or nothing.
    pub async fn bytes(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Sends JSON.
    pub async fn json(&self, method: Method, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.bytes(method, path, token, body.to_string()).await
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.bytes(Method::GET, path, token, "").await
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.json(Method::POST, path, token, body).await
    }

    /// Registers a user with a device.
    pub async fn registers(&self, name: &str) -> TestUser {
        let password = format!("password of {name}");
        let body = json!({ "username": name, "password": password, "auth": { "type": "m.login.dummy" } });
        let answer = self.post("/_matrix/client/v3/register", None, &body).await.ok();
        TestUser::new(&answer, password)
    }

    /// Logs another device of a user in.
    pub async fn logs_in(&self, user: &TestUser) -> TestUser {
        let answer = self.post("/_matrix/client/v3/login", None, &user.login()).await.ok();
        TestUser::new(&answer, user.password.clone())
    }
}

impl TestUser {
    pub fn new(answer: &Value, password: String) -> Self {
        let text =
            |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("no {key} in {answer}")).to_owned();
        Self { id: text("user_id"), device: text("device_id"), token: text("access_token"), password }
    }

    /// The body of a login.
    pub fn login(&self) -> Value {
        self.password_auth(&self.password)
    }

    /// `auth` with a password, right or wrong.
    pub fn password_auth(&self, password: &str) -> Value {
        let identifier = json!({ "type": "m.id.user", "user": self.id });
        json!({ "type": "m.login.password", "identifier": identifier, "password": password })
    }
}

impl Answer {
    /// The body.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body());
        self.body()
    }

    /// Status and errcode of a refusal.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        assert!(self.status >= 400, "{}", self.body());
        let body = self.body();
        assert!(body["error"].is_string(), "no sentence in {body}");
        (self.status, body["errcode"].as_str().unwrap_or("").to_owned())
    }
}
