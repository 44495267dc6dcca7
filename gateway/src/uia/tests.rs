//! The laws of user-interactive authentication, over requests.

use http::Method;
use serde_json::{Value, json};

use crate::{
    config::{Policy, PolicyText, RegistrationToken},
    testing::{Answer, TestServer, TestUser},
};

const REGISTER: &str = "/_matrix/client/v3/register";

async fn with_token_and_terms() -> TestServer {
    TestServer::with(|config| {
        config.registration.open = false;
        config.registration.tokens = vec![RegistrationToken { token: "token".to_owned(), uses: None }];
        let text = PolicyText { name: "Terms".to_owned(), url: "https://a.b/terms".to_owned() };
        let languages = [("en".to_owned(), text)].into();
        config.registration.terms =
            vec![Policy { id: "terms".to_owned(), version: "2".to_owned(), languages }];
    })
    .await
}

async fn register(server: &TestServer, auth: Value) -> Answer {
    server.post(REGISTER, None, &json!({ "username": "alice", "password": "p", "auth": auth })).await
}

async fn delete(server: &TestServer, user: &TestUser, device: &str, auth: Value) -> Answer {
    let path = format!("/_matrix/client/v3/devices/{device}");
    server.json(Method::DELETE, &path, Some(&user.token), &json!({ "auth": auth })).await
}

#[tokio::test]
async fn stages_are_completed_in_order_and_lead_to_the_goal() {
    let server = with_token_and_terms().await;
    let begun = server.post(REGISTER, None, &json!({ "username": "alice", "password": "p" })).await;
    let session = begun.body()["session"].clone();
    assert_eq!(begun.body()["flows"], json!([{ "stages": ["m.login.registration_token", "m.login.terms"] }]));
    let terms = json!({ "version": "2", "en": { "name": "Terms", "url": "https://a.b/terms" } });
    assert_eq!(begun.body()["params"]["m.login.terms"]["policies"]["terms"], terms);

    let out_of_order = register(&server, json!({ "type": "m.login.terms", "session": session })).await;
    assert_eq!(out_of_order.error(), (401, "M_UNRECOGNIZED".to_owned()));
    let token = json!({ "type": "m.login.registration_token", "token": "token", "session": session });
    let half = register(&server, token).await;
    assert_eq!((half.status, &half.body()["completed"]), (401, &json!(["m.login.registration_token"])));
    register(&server, json!({ "type": "m.login.terms", "session": session })).await.ok();

    let account = server.gateway.node.accounts().get(ruma::user_id!("@alice:localhost")).await.unwrap();
    assert_eq!(account.unwrap().agreed_terms, ["terms@2"]);
}

#[tokio::test]
async fn a_completed_stage_tried_again_changes_nothing() {
    let server = with_token_and_terms().await;
    let token = json!({ "type": "m.login.registration_token", "token": "token" });
    let first = register(&server, token).await.body();

    let wrong =
        json!({ "type": "m.login.registration_token", "token": "wrong", "session": first["session"] });
    let again = register(&server, wrong).await;

    assert_eq!((again.status, &again.body()["completed"]), (401, &first["completed"]));
    assert!(again.body().get("errcode").is_none());
}

#[tokio::test]
async fn a_wrong_attempt_is_401_with_the_session_again() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;
    let other = server.logs_in(&alice).await;
    let path = format!("/_matrix/client/v3/devices/{}", other.device);
    let begun = server.bytes(Method::DELETE, &path, Some(&alice.token), "").await;
    let session = begun.body()["session"].clone();
    let auth = |password: &str| {
        let mut auth = alice.password_auth(password);
        auth["session"] = session.clone();
        auth
    };

    let wrong = delete(&server, &alice, &other.device, auth("wrong")).await;

    assert_eq!(wrong.error(), (401, "M_FORBIDDEN".to_owned()));
    assert_eq!(wrong.body()["session"], session);
    delete(&server, &alice, &other.device, auth(&alice.password)).await.ok();
}

#[tokio::test]
async fn a_session_belongs_to_its_first_request() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;
    let begun = delete(&server, &alice, "ONE", alice.password_auth("wrong")).await;
    let mut auth = alice.login();
    auth["session"] = begun.body()["session"].clone();

    let other_path = delete(&server, &alice, "TWO", auth.clone()).await;
    let body = json!({ "auth": auth, "id_server": "else" });
    let other_body =
        server.json(Method::DELETE, "/_matrix/client/v3/devices/ONE", Some(&alice.token), &body).await;
    let other_device = server.logs_in(&alice).await;
    let same_user = delete(&server, &other_device, "ONE", auth.clone()).await;

    assert_eq!(other_path.error(), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(other_body.error(), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(same_user.status, 200, "the session is the user's, not the device's");
}

#[tokio::test]
async fn a_registration_goes_on_in_the_session_of_the_request_that_asked_for_the_flows() {
    let server = with_token_and_terms().await;
    let session = server.post(REGISTER, None, &json!({})).await.body()["session"].clone();

    let named = register(&server, json!({ "session": session })).await;
    assert_eq!((named.status, &named.body()["session"]), (401, &session));
    let token = json!({ "type": "m.login.registration_token", "token": "token", "session": session });
    assert_eq!(register(&server, token).await.status, 401);
    register(&server, json!({ "type": "m.login.terms", "session": session })).await.ok();
}

#[tokio::test]
async fn what_was_proved_once_makes_one_account() {
    let server = with_token_and_terms().await;
    let token = json!({ "type": "m.login.registration_token", "token": "token" });
    let session = register(&server, token).await.body()["session"].clone();
    let terms = json!({ "type": "m.login.terms", "session": session });
    register(&server, terms.clone()).await.ok();

    let second = json!({ "username": "bob", "password": "p", "auth": terms });
    let second = server.post(REGISTER, None, &second).await;

    assert_eq!(second.error(), (401, "M_FORBIDDEN".to_owned()));
    assert_ne!(second.body()["session"], session);
}

#[tokio::test]
async fn a_session_of_a_registration_is_good_for_nothing_else() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;
    let session = server.post(REGISTER, None, &json!({})).await.body()["session"].clone();
    let mut auth = alice.login();
    auth["session"] = session;

    assert_eq!(delete(&server, &alice, "ONE", auth).await.error(), (403, "M_FORBIDDEN".to_owned()));
}

#[tokio::test]
async fn another_users_session_and_password_are_refused() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.registers("alice").await, server.registers("bob").await);
    let begun = delete(&server, &alice, "ONE", alice.password_auth("wrong")).await;
    let mut auth = bob.login();
    auth["session"] = begun.body()["session"].clone();

    assert_eq!(delete(&server, &bob, "ONE", auth).await.error(), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(delete(&server, &alice, "ONE", bob.login()).await.error(), (403, "M_FORBIDDEN".to_owned()));
}

#[tokio::test]
async fn a_session_that_is_over_is_replaced() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;
    let mut auth = alice.login();
    auth["session"] = "long gone".into();

    let replaced = delete(&server, &alice, "ONE", auth.clone()).await;

    assert_eq!(replaced.error(), (401, "M_FORBIDDEN".to_owned()));
    auth["session"] = replaced.body()["session"].clone();
    delete(&server, &alice, "ONE", auth).await.ok();
}

#[tokio::test]
async fn a_stage_that_nobody_offers_is_unrecognized() {
    let server = TestServer::start().await;
    let alice = server.registers("alice").await;
    for kind in ["m.login.dummy", "m.login.recaptcha", "org.example.made_up"] {
        let answer = delete(&server, &alice, "ONE", json!({ "type": kind, "response": "x" })).await;
        assert_eq!(answer.error(), (401, "M_UNRECOGNIZED".to_owned()), "{kind}");
    }
}
