//! Listeners over real sockets: every transport, reloaded certificates, the end of a process.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{
    config::{Address, Part},
    testing::TestServer,
};

/// A listener that runs.
struct Running {
    server: TestServer,
    port: u16,
    tls: Option<Arc<Tls>>,
    end: JoinHandle<()>,
}

async fn run(config: config::Listener) -> Running {
    let server = TestServer::start().await;
    let listener = Listener::open(&config).await.unwrap();
    let port = if config.address.is_local() && matches!(config.address, Address::Tcp(_)) {
        listener.port()
    } else {
        0
    };
    let tls = listener.tls();
    let end = tokio::spawn(listener.run(Arc::clone(&server.gateway)));
    Running { server, port, tls, end }
}

fn local() -> config::Listener {
    config::Listener { address: Address::loopback(0), ..config::Listener::default() }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }
}

fn versions() -> Request<Empty<Bytes>> {
    Request::get("http://localhost/_matrix/client/versions")
        .header("host", "localhost")
        .body(Empty::new())
        .unwrap()
}

/// The status of a path, and the body.
async fn get(port: u16, path: &str) -> (StatusCode, Bytes) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    (response.status(), response.collect().await.unwrap().to_bytes())
}

async fn over_http1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> StatusCode {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(versions()).await.unwrap();
    let status = response.status();
    assert!(response.collect().await.unwrap().to_bytes().starts_with(b"{\"versions\""));
    status
}

async fn over_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> StatusCode {
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(versions()).await.unwrap().status()
}

/// Writes a new certificate and its key; the certificate in DER.
fn certify(folder: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

/// Writes a certificate that ends at the beginning of a year.
fn certify_until(folder: &Path, year: i32) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    wanted.not_after = rcgen::date_time_ymd(year, 1, 1);
    std::fs::write(folder.join("cert.pem"), wanted.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

fn with_tls(folder: &Path) -> config::Listener {
    let (tls_certificate, tls_key) = (Some(folder.join("cert.pem")), Some(folder.join("key.pem")));
    config::Listener { tls_certificate, tls_key, ..local() }
}

async fn handshake(
    running: &Running,
    certificate: &[u8],
    alpn: &[u8],
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, running.connect().await).await
}

#[tokio::test]
async fn plain_tcp_carries_both_versions_of_http() {
    let running = run(local()).await;

    assert_eq!(over_http1(running.connect().await).await, 200);
    assert_eq!(over_http2(running.connect().await).await, 200);
}

#[tokio::test]
async fn tls_carries_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certify(folder.path());
    let running = run(with_tls(folder.path())).await;

    let first = handshake(&running, &certificate, b"http/1.1").await.unwrap();
    assert_eq!(over_http1(first).await, 200);
    let second = handshake(&running, &certificate, b"h2").await.unwrap();
    assert_eq!(second.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(over_http2(second).await, 200);
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let old = certify(folder.path());
    let running = run(with_tls(folder.path())).await;
    let tls = running.tls.clone().unwrap();

    std::fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    tls.reload();
    assert!(handshake(&running, &old, b"h2").await.is_ok());

    let new = certify(folder.path());
    // Some file systems count in seconds; what counts here is that the times differ.
    let file = std::fs::File::options().write(true).open(folder.path().join("cert.pem")).unwrap();
    file.set_modified(std::time::SystemTime::now() + Duration::from_secs(5)).unwrap();
    tls.reload_if_changed();
    assert!(handshake(&running, &new, b"h2").await.is_ok());
    assert!(handshake(&running, &old, b"h2").await.is_err());
}

#[test]
fn the_end_of_a_certificate_is_that_of_the_one_that_is_served() {
    let folder = tempfile::tempdir().unwrap();
    certify_until(folder.path(), 2030);
    let tls = Tls::load(&folder.path().join("cert.pem"), &folder.path().join("key.pem")).unwrap();
    assert_eq!(tls.not_after(), Some(1_893_456_000));

    certify_until(folder.path(), 2031);
    assert_eq!(tls.not_after(), Some(1_893_456_000), "the new one is not served yet");
    tls.reload();
    assert_eq!(tls.not_after(), Some(1_924_992_000));
}

#[tokio::test]
async fn certificate_and_key_must_be_there_and_fit() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let complaint = |certificate: &Path, key: &Path| Tls::load(certificate, key).unwrap_err().to_string();

    assert!(complaint(&folder.path().join("none.pem"), &key).contains("none.pem: No such file"));
    assert!(complaint(&key, &key).contains("no certificate in PEM format"));
    assert!(complaint(&certificate, &certificate).contains("no private key in PEM format"));
    let other = tempfile::tempdir().unwrap();
    certify(other.path());
    assert!(complaint(&certificate, &other.path().join("key.pem")).contains("cert.pem and "));
}

#[tokio::test]
async fn a_unix_socket_is_served_and_its_file_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.sock");
    // What a process that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let running = run(config::Listener { address: Address::Unix(path.clone()), ..local() }).await;

    assert_eq!(over_http1(UnixStream::connect(&path).await.unwrap()).await, 200);

    running.server.gateway.enter(Stage::Draining);
    running.end.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_that_another_process_serves_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.sock");
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();

    let opened = Listener::open(&config::Listener { address: Address::Unix(path), ..local() }).await;

    assert!(matches!(opened, Err(ListenError::Bind { .. })));
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_at_once() {
    let running = run(config::Listener { max_connections: 1, ..local() }).await;
    let mut first = running.connect().await;
    first.write_all(b"GET /_matrix/client/versions HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(first.read_u8().await.is_ok());

    let mut second = running.connect().await;

    assert!(second.read_u8().await.is_err());
    drop(first);
    // The place is free once the server has seen the end of the first connection.
    for _ in 0..100 {
        let mut third = running.connect().await;
        let _ = third.write_all(b"GET /_matrix/client/versions HTTP/1.1\r\nhost: a\r\n\r\n").await;
        if third.read_u8().await.is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the place never got free");
}

#[tokio::test]
async fn draining_ends_idle_connections_and_takes_no_new_ones() {
    let running = run(local()).await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET /_matrix/client/versions HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(idle.read_u8().await.is_ok());

    running.server.gateway.enter(Stage::Draining);

    tokio::time::timeout(Duration::from_secs(5), running.end).await.unwrap().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", running.port)).await.is_err());
}

#[tokio::test]
async fn a_listener_serves_only_its_parts() {
    let running = run(config::Listener { parts: vec![Part::Health], ..local() }).await;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(running.connect().await)).await.unwrap();
    tokio::spawn(connection);

    assert_eq!(sender.send_request(versions()).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_start_can_be_watched_and_then_the_listener_is_the_servers() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        ::metrics::gauge!("playhouse_store_migration_ratio").set(0.5);
    });
    let (handle, server) = (recorder.handle(), TestServer::start().await);
    let listener = Listener::open(&local()).await.unwrap();
    let port = listener.port();

    let start = async {
        let (status, text) = get(port, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(String::from_utf8_lossy(&text).contains("playhouse_store_migration_ratio 0.5"));
        assert_eq!(get(port, "/health").await.0, StatusCode::OK);
        let silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let not_yet = get(port, "/ready").await;
        drop(silent);
        not_yet
    };
    let (status, error) = listener.answer_during(&handle, start).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(&error).contains("M_UNKNOWN"));

    let end = tokio::spawn(listener.run(Arc::clone(&server.gateway)));
    assert_eq!(get(port, "/_matrix/client/versions").await.0, StatusCode::OK);
    server.gateway.enter(Stage::Draining);
    end.await.unwrap();
}
