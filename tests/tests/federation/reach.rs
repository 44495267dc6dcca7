//! Where requests of a server may go, and what becomes of those that go nowhere.

use std::time::{Duration, Instant};

use playhouse_tests::{Authority, Setup, Stranger, json, segment};

use crate::{server, server_with};

#[tokio::test]
async fn by_default_no_request_goes_into_our_own_network() {
    let authority = Authority::new();
    let stranger = Stranger::start(&authority).await;
    let closed = Setup::default()
        .federating(&authority, "localhost")
        .set("federation.allowed_networks", Vec::<String>::new());
    let (alpha, name) = server_with(closed).await;
    let alice = alpha.user("alice").await;
    let port = stranger.name.rsplit_once(':').map(|(_, port)| port.to_owned()).expect("a port");

    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"] {
        let user = segment(&format!("@eve:{host}:{port}"));
        alpha
            .request("GET", &format!("/_matrix/client/v3/profile/{user}"), None)
            .await
            .refused(502, "M_UNKNOWN");
        let alias = segment(&format!("#eve:{host}:{port}"));
        let path = format!("/_matrix/client/v3/directory/room/{alias}");
        alpha.request("GET", &path, None).await.refused(502, "M_UNKNOWN");
        let query = format!("/_matrix/key/v2/query/{}", segment(&format!("{host}:{port}")));
        let keys = alpha.request("GET", &query, None);
        assert_eq!(keys.await.ok(), json!({ "server_keys": [] }));
    }
    let question = format!("/_matrix/federation/v1/query/profile?user_id={}", segment(&alice.id));
    stranger.asks(&alpha, &name, &question).await.refused(401, "M_UNAUTHORIZED");

    assert_eq!(stranger.was_asked_for_keys() + stranger.was_asked().len(), 0);
}

#[tokio::test]
async fn a_server_with_a_certificate_of_somebody_else_is_not_spoken_to() {
    let authority = Authority::new();
    let stranger = Stranger::start(&Authority::new()).await;
    let (alpha, _) = server(&authority, "localhost").await;

    let user = segment(&format!("@eve:{}", stranger.name));
    alpha.request("GET", &format!("/_matrix/client/v3/profile/{user}"), None).await.refused(502, "M_UNKNOWN");

    assert_eq!(stranger.was_asked().len(), 0);
}

#[tokio::test]
async fn a_server_that_takes_connections_and_never_speaks_costs_a_bounded_time_and_then_none() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let user = segment(&format!("@eve:{}", silent.local_addr().expect("an address")));
    let path = format!("/_matrix/client/v3/profile/{user}");

    let began = Instant::now();
    alpha.request("GET", &path, None).await.refused(502, "M_UNKNOWN");
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(5)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );

    let began = Instant::now();
    alpha.request("GET", &path, None).await.refused(502, "M_UNKNOWN");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
