//! Walks every route with wrong input: never a 5xx, always a Matrix answer, in bounded time.

mod samples;
mod spoil;
mod walker;

use std::sync::Arc;

use http::Method;

use crate::{
    context::Authentication,
    endpoint::{BodyKind, Endpoint},
    testing::TestServer,
};
use walker::Walker;

/// Each endpoint, with somebody of its own to try it.
async fn walk(
    server: &TestServer,
    wanted: impl Fn(&Endpoint) -> bool,
    visit: impl AsyncFn(&Endpoint, Walker<'_>),
) {
    let gateway = Arc::clone(&server.gateway);
    for (n, endpoint) in gateway.router.endpoints().iter().enumerate() {
        if wanted(endpoint) {
            visit(endpoint, Walker::new(server, &format!("user{n}")).await).await;
        }
    }
}

/// Whether an endpoint takes JSON of clients. What other servers send must be signed: their bodies are spoiled where real
/// servers meet, in `tests/tests/federation/spoilt.rs`.
fn takes_json(endpoint: &Endpoint) -> bool {
    endpoint.body == BodyKind::Json && endpoint.authentication != Authentication::Server
}

#[tokio::test]
async fn every_route_bears_wrong_paths_and_queries() {
    let server = TestServer::start().await;
    walk(
        &server,
        |_| true,
        async |endpoint, walker| {
            let body: &[u8] = if endpoint.method == Method::GET { b"" } else { b"{}" };
            for template in &endpoint.paths {
                for path in walker.wrong_paths(template) {
                    walker.sends(endpoint, &path, body).await;
                }
            }
            for query in samples::WRONG_QUERIES {
                walker.sends(endpoint, &format!("{}?{query}", walker.path(endpoint)), body).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn every_route_bears_wrong_types_in_every_field() {
    let server = TestServer::start().await;
    walk(&server, takes_json, async |endpoint, walker| {
        let Some(sample) = walker.sample(endpoint) else {
            panic!("{endpoint:?} takes JSON and has no sample body in samples.rs");
        };
        let path = walker.path(endpoint);
        for body in spoil::spoiled(&sample) {
            walker.sends(endpoint, &path, body.to_string().as_bytes()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_route_refuses_what_is_no_json_object() {
    let server = TestServer::start().await;
    let deep = [b"{\"a\":".repeat(100), b"1".to_vec(), b"}".repeat(100)].concat();
    walk(&server, takes_json, async |endpoint, walker| {
        let path = walker.path(endpoint);
        for body in samples::NOT_JSON_OBJECTS.into_iter().chain([&*deep]) {
            let (status, errcode) = walker.sends(endpoint, &path, body).await.error();
            let is_right = status == 400 && ["M_NOT_JSON", "M_BAD_JSON"].contains(&&*errcode);
            assert!(is_right, "{endpoint:?} on {}: {status} {errcode}", String::from_utf8_lossy(body));
        }
    })
    .await;
}

#[tokio::test]
async fn every_route_that_wants_a_token_says_so() {
    let server = TestServer::start().await;
    let wants_one = |endpoint: &Endpoint| endpoint.authentication == Authentication::Required;
    walk(&server, wants_one, async |endpoint, walker| {
        let answer = server.bytes(endpoint.method.clone(), &walker.path(endpoint), None, "").await;
        assert_eq!(answer.error(), (401, "M_MISSING_TOKEN".to_owned()), "{endpoint:?}");
    })
    .await;
}

#[tokio::test]
async fn every_route_for_other_servers_wants_their_signature() {
    let server = TestServer::with(|config| config.federation.enabled = true).await;
    let wants_one = |endpoint: &Endpoint| endpoint.authentication == Authentication::Server;
    walk(&server, wants_one, async |endpoint, walker| {
        for token in [None, Some("token")] {
            let answer = server.bytes(endpoint.method.clone(), &walker.path(endpoint), token, "").await;
            assert_eq!(answer.error(), (401, "M_UNAUTHORIZED".to_owned()), "{endpoint:?}");
        }
    })
    .await;
}
