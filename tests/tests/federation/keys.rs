//! The keys that a server publishes, and those of others that it vouches for.

use std::time::Duration;

use playhouse_tests::{Authority, Setup, Stranger, TestKey, Value, json, segment};

use toml::Table;

use crate::{server, server_with};

fn milliseconds_from_now(document: &Value) -> i128 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    i128::from(document["valid_until_ts"].as_u64().unwrap_or_default()) - now.as_millis() as i128
}

/// Asserts that `server` has signed a document with the key that stands in it.
#[track_caller]
fn assert_signed_by_itself(document: &Value, server: &str) {
    let keys = document["verify_keys"].as_object().expect("keys");
    assert!(!keys.is_empty(), "{document}");
    for (id, key) in keys {
        let public = key["key"].as_str().expect("a key");
        let signature = document["signatures"][server][id].as_str().expect("a signature");
        assert!(TestKey::verifies(document, public, signature), "{id} has not signed {document}");
    }
}

#[tokio::test]
async fn a_server_publishes_its_keys_signed_by_each_of_them() {
    let authority = Authority::new();
    let old = Table::from_iter([
        ("id".to_owned(), "ed25519:old".into()),
        ("key".to_owned(), TestKey::new(1).public().into()),
        ("expired_ms".to_owned(), 1_700_000_000_000_i64.into()),
    ]);
    let setup = Setup::default().federating(&authority, "localhost").set("federation.old_keys", vec![old]);
    let (alpha, name) = server_with(setup).await;

    let published = alpha.request("GET", "/_matrix/key/v2/server", None).await.ok();

    assert_eq!(published["server_name"], name.as_str());
    assert_signed_by_itself(&published, &name);
    assert!((3_600_000..=7 * 86_400_000).contains(&milliseconds_from_now(&published)), "{published}");
    let old = &published["old_verify_keys"]["ed25519:old"];
    assert_eq!(*old, json!({ "key": TestKey::new(1).public(), "expired_ts": 1_700_000_000_000_u64 }));
    let version = alpha.request("GET", "/_matrix/federation/v1/version", None).await.ok();
    assert_eq!(version["server"]["name"], "Playhouse");
}

#[tokio::test]
async fn a_notary_hands_out_the_keys_of_another_server_with_both_signatures() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let (_beta, beta_name) = server(&authority, "127.0.0.1").await;
    let own = alpha.request("GET", "/_matrix/key/v2/server", None).await.ok();

    let query = format!("/_matrix/key/v2/query/{}", segment(&beta_name));
    let one = alpha.request("GET", &query, None).await.ok();
    let wanted =
        json!({ "server_keys": { (beta_name.as_str()): {}, (name.as_str()): {}, "gone.example:1": {} } });
    let several = alpha.request("POST", "/_matrix/key/v2/query", wanted).await.ok();

    let of_beta = &one["server_keys"][0];
    assert_signed_by_itself(of_beta, &beta_name);
    let (id, key) = own["verify_keys"].as_object().and_then(|keys| keys.iter().next()).expect("a key");
    let signature = of_beta["signatures"][&name][id].as_str().expect("ours");
    assert!(TestKey::verifies(of_beta, key["key"].as_str().expect("a key"), signature));
    let mut servers: Vec<_> = several["server_keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|keys| keys["server_name"].clone())
        .collect();
    servers.sort_by_key(ToString::to_string);
    assert_eq!(servers, [json!(beta_name), json!(name)]);
}

#[tokio::test]
async fn a_notary_asks_one_server_for_one_question() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let strangers = [
        Stranger::start(&authority).await,
        Stranger::start(&authority).await,
        Stranger::start(&authority).await,
    ];
    let wanted: serde_json::Map<String, Value> =
        strangers.iter().map(|stranger| (stranger.name.clone(), json!({}))).collect();
    let question = json!({ "server_keys": wanted });

    for known in 1..=3 {
        let answer = alpha.request("POST", "/_matrix/key/v2/query", question.clone()).await.ok();
        assert_eq!(answer["server_keys"].as_array().map(Vec::len), Some(known));
        let asked: usize = strangers.iter().map(Stranger::was_asked_for_keys).sum();
        assert_eq!(asked, 1);
    }
    let nothing = alpha.request("POST", "/_matrix/key/v2/query", json!({ "server_keys": {} })).await.ok();
    assert_eq!(nothing, json!({ "server_keys": [] }));
}

#[tokio::test]
async fn the_keys_of_others_outlive_a_restart() {
    let authority = Authority::new();
    let (mut alpha, name) = server(&authority, "localhost").await;
    let stranger = Stranger::start(&authority).await;
    let alice = alpha.user("alice").await;
    let question = format!("/_matrix/federation/v1/query/profile?user_id={}", segment(&alice.id));
    stranger.asks(&alpha, &name, &question).await.ok();
    assert_eq!(stranger.was_asked_for_keys(), 1);
    stranger.publishes(Value::Null);

    alpha.restart().await;

    stranger.asks(&alpha, &name, &question).await.ok();
    assert_eq!(stranger.was_asked_for_keys(), 0);
}

#[tokio::test]
async fn a_notary_of_ours_vouches_for_a_server_that_does_not_answer() {
    let authority = Authority::new();
    let notary = Stranger::start(&authority).await;
    let silent = Stranger::start(&authority).await;
    let setup = Setup::default()
        .federating(&authority, "localhost")
        .set("federation.notaries", vec![notary.name.as_str()]);
    let (alpha, name) = server_with(setup).await;
    let alice = alpha.user("alice").await;
    let question = format!("/_matrix/federation/v1/query/profile?user_id={}", segment(&alice.id));
    let keys = silent.keys(Duration::from_hours(24));
    silent.publishes(Value::Null);
    notary.answers(
        &format!("/_matrix/key/v2/query/{}", segment(&silent.name)),
        200,
        json!({ "server_keys": [keys] }),
    );

    // The first request costs the question to the server itself, the second that to the notary.
    silent.asks(&alpha, &name, &question).await.refused(401, "M_UNAUTHORIZED");
    assert!(notary.was_asked().is_empty());
    silent.asks(&alpha, &name, &question).await.ok();
    assert_eq!(notary.was_asked().len(), 1);
}
