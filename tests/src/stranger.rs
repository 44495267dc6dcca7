//! A server made by hand: it says what a test wants, and signs what a test wants.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{Authority, Reply, TestKey, Value, World, json};

/// The id of its key.
const KEY: &str = "stranger";
const KEYS_PATH: &str = "/_matrix/key/v2/server";

/// A server on loopback, over TLS. It begins with good keys that are valid for a day.
#[derive(Debug)]
pub struct Stranger {
    /// Its name: address and port.
    pub name: String,
    /// The key that it signs with.
    pub key: TestKey,
    desk: Arc<Desk>,
}

/// What it answers, by path, and what it was asked.
#[derive(Debug, Default)]
struct Desk {
    answers: Mutex<HashMap<String, (u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl Stranger {
    /// Starts one whose certificate is of `authority`.
    pub async fn start(authority: &Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let name = listener.local_addr().expect("an address").to_string();
        let desk = Arc::<Desk>::default();
        tokio::spawn(serve(listener, tls(authority), Arc::clone(&desk)));
        let stranger = Self { name, key: TestKey::new(77), desk };
        stranger.publishes(stranger.keys(Duration::from_hours(24)));
        stranger
    }

    /// What it would say about its keys, valid for so long from now.
    pub fn keys(&self, valid_for: Duration) -> Value {
        let document = json!({
            "server_name": self.name,
            "verify_keys": { (format!("ed25519:{KEY}")): { "key": self.key.public() } },
            "old_verify_keys": {},
            "valid_until_ts": since_1970() + valid_for.as_millis() as u64,
        });
        self.key.sign(document, &self.name, KEY)
    }

    /// Says this about its keys from now on.
    pub fn publishes(&self, document: Value) {
        self.answers(KEYS_PATH, 200, document);
    }

    /// Answers this at a path from now on, whatever the query.
    pub fn answers(&self, path: &str, status: u16, body: impl ToString) {
        self.desk.answers.lock().expect("not poisoned").insert(path.to_owned(), (status, body.to_string()));
    }

    /// What it was asked since the last such look, without keys.
    pub fn was_asked(&self) -> Vec<String> {
        self.desk.takes(|target| target != KEYS_PATH)
    }

    /// How often it has been asked for its keys since the last such look.
    pub fn was_asked_for_keys(&self) -> usize {
        self.desk.takes(|target| target == KEYS_PATH).len()
    }

    /// The header by which it proves to have sent a `GET` to `destination`.
    pub fn signs(&self, destination: &str, target: &str) -> String {
        self.signs_as(&self.name, destination, target)
    }

    /// The same in the name of `origin`, with its own key all the same.
    pub fn signs_as(&self, origin: &str, destination: &str, target: &str) -> String {
        let request = json!({ "method": "GET", "uri": target, "origin": origin, "destination": destination });
        self.signs_request(request, origin)
    }

    fn signs_request(&self, request: Value, origin: &str) -> String {
        let destination = request["destination"].as_str().expect("a destination").to_owned();
        let signed = self.key.sign(request, origin, KEY);
        let signature = signed["signatures"][origin][format!("ed25519:{KEY}")].as_str().expect("signed");
        format!(
            r#"X-Matrix origin="{origin}",destination="{destination}",key="ed25519:{KEY}",sig="{signature}""#
        )
    }

    /// Asks a server, as it should.
    pub async fn asks(&self, world: &World, name: &str, target: &str) -> Reply {
        world.asks_with(target, &self.signs(name, target)).await
    }

    /// Sends a body, as it should.
    pub async fn sends(&self, world: &World, name: &str, method: &str, target: &str, body: &Value) -> Reply {
        let request = json!({
            "method": method, "uri": target, "origin": self.name, "destination": name, "content": body,
        });
        let authorization = self.signs_request(request, &self.name);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", world.http().base()))
            .header(AUTHORIZATION, authorization);
        let request = request.body(Full::from(body.to_string())).expect("a valid request");
        world.http().send_request(request).await.unwrap_or_else(|e| panic!("{e}"))
    }
}

impl World {
    /// A `GET` with this `Authorization` header.
    pub async fn asks_with(&self, target: &str, authorization: &str) -> Reply {
        let request =
            Request::get(format!("{}{target}", self.http().base())).header(AUTHORIZATION, authorization);
        let request = request.body(Full::default()).expect("a valid request");
        self.http().send_request(request).await.unwrap_or_else(|e| panic!("{e}"))
    }
}

fn since_1970() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    now.as_millis() as u64
}

fn tls(authority: &Authority) -> TlsAcceptor {
    let (certificate, key) = authority.certifies("127.0.0.1");
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("TLS").with_no_client_auth().with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")))
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, desk) = (tls.clone(), Arc::clone(&desk));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let answer = service_fn(|request| desk.answer(&request));
            let _ =
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Desk {
    /// The questions of a kind, which are then forgotten.
    fn takes(&self, kind: impl Fn(&str) -> bool) -> Vec<String> {
        self.asked.lock().expect("not poisoned").extract_if(.., |target| kind(target)).collect()
    }

    fn answer(
        &self,
        request: &Request<Incoming>,
    ) -> std::future::Ready<Result<Response<Full<Bytes>>, Infallible>> {
        self.asked.lock().expect("not poisoned").push(request.uri().to_string());
        let answer = self.answers.lock().expect("not poisoned").get(request.uri().path()).cloned();
        let nothing = || (404, json!({ "errcode": "M_NOT_FOUND", "error": "nothing here" }).to_string());
        let (status, body) = answer.unwrap_or_else(nothing);
        let response = Response::builder().status(status).body(Full::from(body)).expect("a response");
        std::future::ready(Ok(response))
    }
}
