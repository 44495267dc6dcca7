//! The path of a request: refusals in their order, and what every response carries.

use bytes::Bytes;
use http::{Method, Request, header};
use playhouse_actors::accounts::AccountFlags;
use ruma::user_id;
use serde_json::json;

use crate::{
    config::{ClassRate, UserLimits},
    testing::TestServer,
};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
const REGISTER: &str = "/_matrix/client/v3/register";

#[tokio::test]
async fn every_response_lets_browsers_in_and_names_the_request() {
    let server = TestServer::start().await;
    for path in [WHOAMI, "/_matrix/client/versions", "/_matrix/unknown"] {
        let answer = server.get(path, None).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
        assert!(answer.headers.contains_key("x-request-id"), "{path}");
    }
    let request = Request::get(WHOAMI).header("x-request-id", "from-the-proxy").body(Bytes::new()).unwrap();
    assert_eq!(server.send(request).await.headers["x-request-id"], "from-the-proxy");
}

#[tokio::test]
async fn options_is_answered_everywhere_without_any_logic() {
    let server = TestServer::start().await;
    for path in [WHOAMI, REGISTER, "/_matrix/unknown"] {
        let answer = server.bytes(Method::OPTIONS, path, None, "not json").await;
        assert_eq!(answer.status, 204, "{path}");
        assert!(answer.headers["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
        assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("DELETE"));
    }
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_body() {
    let server = TestServer::start().await;
    let get = server.get("/_matrix/client/versions", None).await;

    let head = server.bytes(Method::HEAD, "/_matrix/client/versions", None, "").await;

    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.headers[header::CONTENT_LENGTH], get.bytes.len().to_string());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_unrecognized() {
    let server = TestServer::start().await;
    for path in [
        "/_matrix/unknown",
        "/_matrix/client/unknown",
        "/_matrix/client/v1/unknown",
        "/_matrix/key/v2/unknown",
        "/_matrix/federation/unknown",
        "/_matrix/media/v3/unknown",
        "/",
        "//",
        "/_matrix/client/v3/login/",
    ] {
        assert_eq!(server.get(path, None).await.error(), (404, "M_UNRECOGNIZED".to_owned()), "{path}");
    }
    let wrong = server.bytes(Method::PUT, "/_matrix/client/v3/login", None, "").await;
    assert_eq!(wrong.error(), (405, "M_UNRECOGNIZED".to_owned()));
    let allow = wrong.headers[header::ALLOW].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_declared_or_not() {
    let server = TestServer::start().await;
    let big = vec![b' '; (1 << 20) + 1];
    let declared = Request::post(REGISTER).header(header::CONTENT_LENGTH, big.len());
    let declared = server.send(declared.body(big.clone().into()).unwrap()).await;
    let undeclared = server.bytes(Method::POST, REGISTER, None, big).await;

    assert_eq!(declared.error(), (413, "M_TOO_LARGE".to_owned()));
    assert_eq!(undeclared.error(), (413, "M_TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn bad_bodies_have_the_right_codes() {
    let server = TestServer::start().await;
    let cases: [(&[u8], &str); 6] = [
        (b"{ \"test\":\"a\x81\" }", "M_NOT_JSON"),
        (b"nonsense", "M_NOT_JSON"),
        (b"{\"password\": \"\\ud800\"}", "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b"{\"username\": 1}", "M_BAD_JSON"),
        (b"{\"username\": \"a\", \"username\": \"b\"}", "M_BAD_JSON"),
    ];
    for (body, errcode) in cases {
        let answer = server.bytes(Method::POST, REGISTER, None, body.to_vec()).await;
        assert_eq!(answer.error(), (400, errcode.to_owned()), "{}", String::from_utf8_lossy(body));
    }
    let missing = server.get("/_matrix/client/v3/register/available", None).await;
    assert_eq!(missing.error(), (400, "M_MISSING_PARAM".to_owned()));
}

#[tokio::test]
async fn a_get_does_not_mind_a_body() {
    let server = TestServer::start().await;

    server.bytes(Method::GET, "/_matrix/client/v3/login", None, "{}").await.ok();
}

#[tokio::test]
async fn tokens_are_missing_unknown_or_good() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;

    assert_eq!(server.get(WHOAMI, None).await.error(), (401, "M_MISSING_TOKEN".to_owned()));
    let unknown = server.get(WHOAMI, Some("made up")).await;
    assert_eq!(unknown.error(), (401, "M_UNKNOWN_TOKEN".to_owned()));
    assert_eq!(unknown.body()["soft_logout"], false);
    server.get(&format!("{WHOAMI}?access_token={}", alice.token), None).await.ok();
    // An endpoint that takes a token or none refuses a bad one all the same.
    let versions = server.get("/_matrix/client/versions", Some("made up")).await;
    assert_eq!(versions.error(), (401, "M_UNKNOWN_TOKEN".to_owned()));
}

#[tokio::test]
async fn locked_users_may_log_out_and_nothing_else() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;
    let locked = AccountFlags { locked: Some(true), ..AccountFlags::default() };
    server.gateway.node.accounts().set_flags(user_id!("@alice:localhost"), locked).await.unwrap();

    let refused = server.get(WHOAMI, Some(&alice.token)).await;
    assert_eq!(refused.error(), (401, "M_USER_LOCKED".to_owned()));
    assert_eq!(refused.body()["soft_logout"], true);
    let login = server.post("/_matrix/client/v3/login", None, &alice.login()).await;
    assert_eq!(login.error(), (401, "M_USER_LOCKED".to_owned()));
    server.bytes(Method::POST, "/_matrix/client/v3/logout", Some(&alice.token), "").await.ok();
}

#[tokio::test]
async fn limits_count_by_user_and_exempt_those_who_are() {
    let rate = ClassRate { per_second: 0.001, burst: 3 };
    let exempt = UserLimits { exempt: true, ..UserLimits::default() };
    let server = TestServer::with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.other = rate;
        config.rate_limits.users.insert(user_id!("@bot:localhost").to_owned(), exempt);
    })
    .await;
    let (alice, bot) = (server.registers("alice").await, server.registers("bot").await);
    let count = async |token: &str| {
        let mut answered = 0;
        for _ in 0..10 {
            answered += u32::from(server.get(WHOAMI, Some(token)).await.status == 200);
        }
        answered
    };

    assert_eq!(count(&alice.token).await, 3);
    assert_eq!(count(&bot.token).await, 10);
}

#[tokio::test]
async fn an_address_has_a_limit_of_its_own() {
    let server = TestServer::with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.address = ClassRate { per_second: 0.001, burst: 2 };
    })
    .await;
    let get = || server.get("/_matrix/client/versions", None);

    assert_eq!((get().await.status, get().await.status, get().await.status), (200, 200, 429));
}

#[tokio::test]
async fn what_is_in_flight_when_the_server_stops_is_refused() {
    let server = TestServer::start().await;
    server.gateway.enter(crate::gateway::Stage::Refusing);
    let body = json!({ "username": "alice", "password": "p" });

    let answer = server.post(REGISTER, None, &body).await;

    // The handler may be done already; if not, the client is told to come back.
    assert!([401, 503].contains(&answer.status), "{}", answer.status);
}
