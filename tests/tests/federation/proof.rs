//! Who has proven to be a server, and who has not.

use std::time::Duration;

use playhouse_tests::{Authority, Setup, Stranger, TestKey, World, segment};

use crate::{server, server_with};

/// A question that a server with a user `alice` answers.
async fn question(world: &World) -> String {
    let alice = world.user("alice").await;
    format!("/_matrix/federation/v1/query/profile?user_id={}", segment(&alice.id))
}

#[tokio::test]
async fn a_server_that_signs_its_request_is_answered_and_asked_for_its_keys_once() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let stranger = Stranger::start(&authority).await;
    let question = question(&alpha).await;

    for _ in 0..5 {
        assert_eq!(stranger.asks(&alpha, &name, &question).await.ok()["displayname"], "alice");
    }

    assert_eq!(stranger.was_asked_for_keys(), 1);
}

#[tokio::test]
async fn without_a_proof_that_fits_the_request_it_is_a_401() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let (_beta, beta_name) = server(&authority, "127.0.0.1").await;
    let stranger = Stranger::start(&authority).await;
    let question = question(&alpha).await;
    let good = stranger.signs(&name, &question);
    let other_question = format!("{question}&field=displayname");
    let key_of_nobody = "ed25519:stranger\",sig=\"AAAA";

    let cases = [
        ("no header of the scheme", "Bearer abc".to_owned()),
        ("a header that cannot be read", "X-Matrix origin=,".to_owned()),
        ("no signature", good.split(",sig").next().unwrap_or_default().to_owned()),
        ("a signature of another request", stranger.signs(&name, &other_question)),
        ("a signature that is none", good.replace("ed25519:stranger\",sig=\"", key_of_nobody)),
        ("another destination", stranger.signs(&beta_name, &question)),
        ("another server's name", stranger.signs_as(&beta_name, &name, &question)),
        ("our own name", stranger.signs_as(&name, &name, &question)),
        ("a server that is not there", stranger.signs_as("127.0.0.1:1", &name, &question)),
        ("a name that is none", stranger.signs_as("not a name", &name, &question)),
    ];
    for (what, authorization) in cases {
        let reply = alpha.asks_with(&question, &authorization).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.body);
        let errcode = reply.refused(401, "M_UNAUTHORIZED");
        assert!(errcode["error"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
    }
    alpha.request("GET", &question, None).await.refused(401, "M_UNAUTHORIZED");
    alpha.asks_with(&question, &good).await.ok();
}

#[tokio::test]
async fn keys_that_are_expired_forged_or_of_another_server_prove_nothing() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let question = question(&alpha).await;
    let day = Duration::from_hours(24);

    let mut others = Vec::new();
    for spoil in ["expired", "signed by another key", "of another server", "not signed", "no JSON"] {
        let stranger = Stranger::start(&authority).await;
        let mut keys = stranger.keys(day);
        match spoil {
            "expired" => keys = stranger.keys(Duration::ZERO),
            "signed by another key" => keys = TestKey::new(1).sign(keys, &stranger.name, "stranger"),
            "of another server" => keys["server_name"] = "other.example".into(),
            "not signed" => keys["signatures"] = playhouse_tests::json!({}),
            _ => keys = "nonsense".into(),
        }
        stranger.publishes(keys);

        for _ in 0..5 {
            stranger.asks(&alpha, &name, &question).await.refused(401, "M_UNAUTHORIZED");
        }

        assert_eq!(
            stranger.was_asked_for_keys(),
            1,
            "{spoil}: one request costs one of ours, and then there is a pause"
        );
        others.push(stranger);
    }
}

#[tokio::test]
async fn a_denied_server_is_neither_answered_nor_asked() {
    let authority = Authority::new();
    let (denied, friend) = (Stranger::start(&authority).await, Stranger::start(&authority).await);
    let setup = Setup::default()
        .federating(&authority, "localhost")
        .set("federation.allow_servers", vec!["127.0.0.1"])
        .set("federation.deny_servers", vec![denied.name.as_str()]);
    let (alpha, name) = server_with(setup).await;
    let question = question(&alpha).await;

    denied.asks(&alpha, &name, &question).await.refused(403, "M_FORBIDDEN");
    let profile = format!("/_matrix/client/v3/profile/{}", segment(&format!("@eve:{}", denied.name)));
    alpha.request("GET", &profile, None).await.refused(403, "M_FORBIDDEN");
    let unlisted = "/_matrix/client/v3/profile/%40eve%3Aelsewhere.example";
    alpha.request("GET", unlisted, None).await.refused(403, "M_FORBIDDEN");

    assert_eq!(denied.was_asked_for_keys() + denied.was_asked().len(), 0);
    friend.asks(&alpha, &name, &question).await.ok();
}

#[tokio::test]
async fn a_server_that_keeps_to_itself_says_so() {
    let authority = Authority::new();
    let stranger = Stranger::start(&authority).await;
    let setup = Setup::default().federating(&authority, "localhost").set("federation.enabled", false);
    let (alpha, name) = server_with(setup).await;
    let question = question(&alpha).await;

    stranger.asks(&alpha, &name, &question).await.refused(403, "M_FORBIDDEN");
    alpha.request("GET", "/_matrix/key/v2/server", None).await.refused(403, "M_FORBIDDEN");
    let profile = format!("/_matrix/client/v3/profile/{}", segment(&format!("@eve:{}", stranger.name)));
    alpha.request("GET", &profile, None).await.refused(403, "M_FORBIDDEN");
    assert_eq!(stranger.was_asked_for_keys() + stranger.was_asked().len(), 0);
}

#[tokio::test]
async fn one_server_that_asks_too_much_is_refused_and_another_is_not() {
    let authority = Authority::new();
    let setup = Setup::default().federating(&authority, "localhost").set("rate_limits.enabled", true);
    let setup = setup.set("rate_limits.servers.per_second", 0.1).set("rate_limits.servers.burst", 3);
    let (alpha, name) = server_with(setup).await;
    let (greedy, modest) = (Stranger::start(&authority).await, Stranger::start(&authority).await);
    let question = question(&alpha).await;

    for _ in 0..3 {
        greedy.asks(&alpha, &name, &question).await.ok();
    }
    let refused = greedy.asks(&alpha, &name, &question).await;

    assert!(refused.body["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{}", refused.body);
    refused.refused(429, "M_LIMIT_EXCEEDED");
    modest.asks(&alpha, &name, &question).await.ok();
}
