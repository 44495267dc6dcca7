//! Every case of the specification's list, and what strangers may do to the file.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use ruma::owned_server_name;

use super::*;
use crate::egress::{ConnectError, LookupError, Resolve, Service};

/// A web whose pages are a status, headers and a body, by URI.
#[derive(Default)]
struct Web {
    pages: Mutex<HashMap<String, (u16, &'static str, &'static str)>>,
    visits: AtomicUsize,
}

impl Web {
    fn with(pages: &[(&str, u16, &'static str, &'static str)]) -> Arc<Self> {
        let pages =
            pages.iter().map(|(uri, status, header, body)| ((*uri).to_owned(), (*status, *header, *body)));
        Arc::new(Self { pages: Mutex::new(pages.collect()), visits: AtomicUsize::new(0) })
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Fetch for Web {
    async fn fetch(&self, request: Request<Bytes>, _: Bounds) -> Result<Response<Bytes>, EgressError> {
        self.visits.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let pages = self.pages.lock();
        let Some((status, header, body)) = pages.get(&request.uri().to_string()) else {
            return Err(EgressError::Connect("nobody there".to_owned()));
        };
        let mut answer = Response::builder().status(*status);
        if let Some((name, value)) = header.split_once(": ") {
            answer = answer.header(name, value);
        }
        Ok(answer.body(Bytes::from_static(body.as_bytes())).unwrap())
    }
}

fn discovery(web: &Arc<Web>) -> Discovery {
    Discovery { fetch: Arc::clone(web) as _, known: Slots::new(MOST_REMEMBERED) }
}

const FILE: &str = "https://example.org/.well-known/matrix/server";

async fn authority(web: &Arc<Web>, server: &str) -> String {
    discovery(web).authority(server.try_into().unwrap()).await.to_string()
}

#[tokio::test]
async fn only_a_bare_host_name_delegates() {
    let web = Web::with(&[(FILE, 200, "", r#"{"m.server": "matrix.example.org:443"}"#)]);

    assert_eq!(authority(&web, "example.org").await, "matrix.example.org:443");
    let asked = web.visits();
    for server in ["example.org:8448", "192.0.2.1", "192.0.2.1:1", "[::1]", "[::1]:1"] {
        assert_eq!(authority(&web, server).await, server);
    }
    assert_eq!(web.visits(), asked);
}

#[tokio::test]
async fn a_file_that_is_wrong_in_any_way_delegates_nothing() {
    for (status, body) in [
        (404, r#"{"m.server": "a.example"}"#),
        (500, ""),
        (200, "nonsense"),
        (200, "[]"),
        (200, "{}"),
        (200, r#"{"m.server": 1}"#),
        (200, r#"{"m.server": "no name"}"#),
        (200, r#"{"m.server": "https://a.example"}"#),
    ] {
        let web = Web::with(&[(FILE, status, "", body)]);
        assert_eq!(authority(&web, "example.org").await, "example.org", "{status} {body}");
    }
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_to_https_only() {
    let file = r#"{"m.server": "a.example"}"#;
    let web = Web::with(&[
        (FILE, 302, "location: https://other.example/file", ""),
        ("https://other.example/file", 301, "location: /elsewhere", ""),
        ("https://other.example/elsewhere", 200, "", file),
    ]);
    assert_eq!(authority(&web, "example.org").await, "a.example");

    let round = Web::with(&[(FILE, 302, "location: /.well-known/matrix/server", "")]);
    assert_eq!(authority(&round, "example.org").await, "example.org");
    assert_eq!(round.visits(), 6);

    for location in ["location: http://other.example/file", "location: file:///etc/passwd", "location: x", ""]
    {
        let web = Web::with(&[(FILE, 302, location, ""), ("http://other.example/file", 200, "", file)]);
        assert_eq!(authority(&web, "example.org").await, "example.org", "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_only_when_its_time_is_over() {
    let web = Web::with(&[(FILE, 200, "cache-control: max-age=3600", r#"{"m.server": "a.example"}"#)]);
    let discovery = discovery(&web);
    let server = owned_server_name!("example.org");

    futures_util::future::join_all((0..20).map(|_| discovery.authority(&server))).await;
    assert_eq!(web.visits(), 1);
    tokio::time::advance(Duration::from_secs(3_599)).await;
    discovery.authority(&server).await;
    assert_eq!(web.visits(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    discovery.authority(&server).await;
    assert_eq!(web.visits(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_a_file_cannot_be_had_the_last_one_stands_in_for_a_day() {
    let web = Web::with(&[(FILE, 200, "cache-control: max-age=3600", r#"{"m.server": "a.example"}"#)]);
    let discovery = discovery(&web);
    let server = owned_server_name!("example.org");
    assert_eq!(discovery.authority(&server).await, "a.example");

    web.pages.lock().clear();
    for _ in 0..12 {
        tokio::time::advance(Duration::from_hours(2)).await;
        assert_eq!(discovery.authority(&server).await, "a.example");
    }
    tokio::time::advance(Duration::from_hours(2)).await;
    assert_eq!(discovery.authority(&server).await, "example.org");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_its_file_away_answers_for_itself() {
    let web = Web::with(&[(FILE, 200, "cache-control: max-age=3600", r#"{"m.server": "a.example"}"#)]);
    let discovery = discovery(&web);
    let server = owned_server_name!("example.org");
    assert_eq!(discovery.authority(&server).await, "a.example");

    web.pages.lock().insert(FILE.to_owned(), (404, "", ""));
    tokio::time::advance(Duration::from_hours(2)).await;
    assert_eq!(discovery.authority(&server).await, "example.org");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_asked_is_asked_ever_less_often() {
    let web = Web::with(&[]);
    let discovery = discovery(&web);
    let server = owned_server_name!("example.org");

    for _ in 0..24 * 60 {
        assert_eq!(discovery.authority(&server).await, server);
        tokio::time::advance(Duration::from_mins(1)).await;
    }

    // After 1, 3, 7, 15, 31 and 63 minutes, then once an hour.
    assert!((25..=30).contains(&web.visits()), "{}", web.visits());
}

/// Name servers that know these services.
#[derive(Debug, Default)]
struct Records(HashMap<&'static str, Vec<Service>>);

#[async_trait]
impl Resolve for Records {
    async fn addresses(&self, _: &str) -> Result<Vec<IpAddr>, LookupError> {
        Ok(Vec::new())
    }

    async fn services(&self, name: &str) -> Result<Vec<Service>, LookupError> {
        Ok(self.0.get(name).cloned().unwrap_or_default())
    }
}

fn service(host: &str, priority: u16, weight: u16) -> Service {
    Service { host: host.to_owned(), port: 1, priority, weight }
}

async fn found(records: Records, host: &str, port: Option<u16>) -> Vec<String> {
    let targets = targets(&records, host, port).await.unwrap();
    targets.iter().map(|target| format!("{} {}", target.host, target.port)).collect()
}

#[tokio::test]
async fn a_port_comes_before_srv_and_srv_before_8448() {
    let both = || {
        Records(HashMap::from([
            ("_matrix-fed._tcp.a.example", vec![service("new.example", 0, 0)]),
            ("_matrix._tcp.a.example", vec![service("old.example", 0, 0)]),
            ("_matrix._tcp.b.example", vec![service("old.example", 0, 0)]),
        ]))
    };

    assert_eq!(found(both(), "a.example", Some(443)).await, ["a.example 443"]);
    assert_eq!(found(both(), "a.example", None).await, ["new.example 1"]);
    assert_eq!(found(both(), "b.example", None).await, ["old.example 1"]);
    assert_eq!(found(both(), "c.example", None).await, ["c.example 8448"]);
    assert_eq!(found(both(), "192.0.2.1", None).await, ["192.0.2.1 8448"]);
    assert_eq!(found(both(), "::1", Some(5)).await, ["::1 5"]);
}

#[tokio::test]
async fn srv_records_are_tried_by_priority_and_the_heavier_ones_first_more_often() {
    let mut heavy_first = 0;
    for _ in 0..200 {
        let services = vec![service("late", 9, 99), service("light", 1, 1), service("heavy", 1, 9)];
        let order =
            found(Records(HashMap::from([("_matrix-fed._tcp.a.example", services)])), "a.example", None)
                .await;
        assert_eq!(order[2], "late 1");
        heavy_first += usize::from(order[0] == "heavy 1");
    }
    assert!((140..200).contains(&heavy_first), "{heavy_first}");
}

#[tokio::test]
async fn a_record_may_say_that_there_is_no_such_service() {
    let records = Records(HashMap::from([("_matrix-fed._tcp.a.example", vec![service("", 0, 0)])]));

    assert!(matches!(targets(&records, "a.example", None).await, Err(ConnectError::NoAddress(_))));
}
