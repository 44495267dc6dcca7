//! Requests to real servers on loopback: whom they may reach, whose certificate they believe, what they cost.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use http::{StatusCode, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{rt::TokioIo, server::conn::auto};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority that egress is told to believe.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn certifies(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

/// A server that counts its connections.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(authority: &Authority, name: &str, protocols: &[&[u8]]) -> Self {
        let (certificate, key) = authority.certifies(name);
        let mut tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let (tls, listener) =
            (TlsAcceptor::from(Arc::new(tls)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                });
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = host.or_else(|| request.uri().authority().map(ToString::to_string)).unwrap_or_default();
    let (status, body) = match request.uri().path() {
        "/large" => (200, vec![b'x'; 100_000]),
        "/never" => std::future::pending().await,
        "/redirect" => (302, Vec::new()),
        _ => (200, host.into_bytes()),
    };
    let location = "https://127.0.0.1/";
    Ok(Response::builder().status(status).header("location", location).body(Full::from(body)).unwrap())
}

/// Name servers that know these names.
#[derive(Debug, Default)]
struct Names {
    hosts: HashMap<&'static str, Vec<IpAddr>>,
    services: HashMap<&'static str, Service>,
}

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        Ok(self.hosts.get(host).cloned().unwrap_or_default())
    }

    async fn services(&self, name: &str) -> Result<Vec<Service>, LookupError> {
        Ok(self.services.get(name).cloned().into_iter().collect())
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const H2_AND_H1: &[&[u8]] = &[b"h2", b"http/1.1"];
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(10), bytes: 10_000 };

fn names() -> Names {
    Names { hosts: HashMap::from([("a.example", vec![HERE]), ("b.example", vec![HERE])]), ..Names::default() }
}

fn egress(ca_file: &Path, names: Names, allows_loopback: bool) -> Egress {
    let guard = Guard::allowing(move |address| allows_loopback && address.is_loopback());
    let connect_timeout = Duration::from_secs(5);
    let settings = EgressSettings { ca_file: Some(ca_file.to_owned()), guard, connect_timeout };
    Egress::new(settings, Arc::new(names)).unwrap()
}

async fn get(egress: &Egress, uri: &str) -> Result<Response<Bytes>, EgressError> {
    egress.send(Via::Federation, Request::get(uri).body(Bytes::new()).unwrap(), BOUNDS).await
}

#[tokio::test]
async fn no_name_and_no_address_leads_into_our_own_network_unless_it_is_allowed() {
    let authority = Authority::new();
    let server = Server::start(&authority, "a.example", H2_AND_H1).await;
    let port = server.address.port();
    let mut mapped = names();
    mapped.hosts.insert("m.example", vec!["::ffff:127.0.0.1".parse().unwrap()]);
    let egress = egress(&authority.file(), mapped, false);

    for host in ["a.example", "m.example", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"] {
        for via in [Via::Federation, Via::Web] {
            let request = Request::get(format!("https://{host}:{port}/")).body(Bytes::new()).unwrap();
            let refused = egress.send(via, request, BOUNDS).await;
            assert!(matches!(refused, Err(EgressError::Forbidden(_))), "{host}: {refused:?}");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn addresses_as_only_old_tools_write_them_are_no_addresses() {
    let authority = Authority::new();
    let egress = egress(&authority.file(), names(), false);

    for host in ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"] {
        let refused = get(&egress, &format!("https://{host}:1/")).await;
        assert!(
            matches!(refused, Err(EgressError::Connect(_) | EgressError::Forbidden(_))),
            "{host}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn the_certificate_must_bear_the_name_that_answers_and_be_of_somebody_we_believe() {
    let authority = Authority::new();
    let server = Server::start(&authority, "a.example", H2_AND_H1).await;
    let port = server.address.port();
    let trusting = egress(&authority.file(), names(), true);

    let answer = get(&trusting, &format!("https://a.example:{port}/")).await.unwrap();
    assert_eq!(answer.body(), &format!("a.example:{port}"));
    let other_name = get(&trusting, &format!("https://b.example:{port}/")).await;
    assert!(matches!(other_name, Err(EgressError::Connect(_))), "{other_name:?}");
    let wary = egress(&Authority::new().file(), names(), true);
    let other_authority = get(&wary, &format!("https://a.example:{port}/")).await;
    assert!(matches!(other_authority, Err(EgressError::Connect(_))), "{other_authority:?}");
}

#[tokio::test]
async fn a_host_of_an_srv_record_answers_in_the_name_of_the_server() {
    let authority = Authority::new();
    let server = Server::start(&authority, "a.example", H2_AND_H1).await;
    let service =
        Service { host: "b.example".to_owned(), port: server.address.port(), priority: 0, weight: 0 };
    let records = Names { services: HashMap::from([("_matrix-fed._tcp.a.example", service)]), ..names() };
    let egress = egress(&authority.file(), records, true);

    let answer = get(&egress, "https://a.example/").await.unwrap();

    assert_eq!(answer.body(), "a.example");
}

#[tokio::test]
async fn connections_are_reused_and_speak_http_2_where_it_is_offered() {
    let authority = Authority::new();
    for (protocols, version) in [(H2_AND_H1, Version::HTTP_2), (&H2_AND_H1[1..], Version::HTTP_11)] {
        let server = Server::start(&authority, "a.example", protocols).await;
        let egress = egress(&authority.file(), names(), true);
        for _ in 0..20 {
            let answer =
                get(&egress, &format!("https://a.example:{}/", server.address.port())).await.unwrap();
            assert_eq!((answer.status(), answer.version()), (StatusCode::OK, version));
        }
        assert_eq!(server.connections(), 1, "{version:?}");
    }
}

#[tokio::test]
async fn an_answer_is_bounded_in_size_and_time_and_a_redirect_is_an_answer() {
    let authority = Authority::new();
    let server = Server::start(&authority, "a.example", H2_AND_H1).await;
    let egress = egress(&authority.file(), names(), true);
    let uri = |path| format!("https://a.example:{}{path}", server.address.port());

    assert_eq!(get(&egress, &uri("/large")).await.unwrap_err(), EgressError::TooLarge);
    assert_eq!(get(&egress, &uri("/redirect")).await.unwrap().status(), StatusCode::FOUND);
    let request = Request::get(uri("/never")).body(Bytes::new()).unwrap();
    let bounds = Bounds { time: Duration::from_millis(200), ..BOUNDS };
    assert_eq!(egress.send(Via::Federation, request, bounds).await.unwrap_err(), EgressError::TooSlow);
}

#[test]
fn a_file_of_authorities_that_holds_none_is_complained_of_by_its_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "no certificate").unwrap();
    for path in [path, folder.path().join("missing.pem")] {
        let error = tls::client(Some(&path)).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
}
