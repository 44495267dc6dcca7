//! Profiles and aliases of users of other servers.

use playhouse_tests::{Authority, Setup, Stranger, User, Value, World, json, segment};

use crate::{server, server_with};

const PROFILE: &str = "/_matrix/federation/v1/query/profile";
const DIRECTORY: &str = "/_matrix/federation/v1/query/directory";

async fn named_user(world: &World, name: &str) -> User {
    let user = world.user(name).await;
    let path = format!("/v3/profile/{}", segment(&user.id));
    user.put(&format!("{path}/displayname"), json!({ "displayname": format!("{name} of elsewhere") }))
        .await
        .ok();
    user.put(&format!("{path}/avatar_url"), json!({ "avatar_url": "mxc://localhost/a" })).await.ok();
    user.put(&format!("{path}/m.tz"), json!({ "m.tz": "Europe/Berlin" })).await.ok();
    user
}

async fn profile(asker: &World, user: &str, field: &str) -> playhouse_tests::Reply {
    asker.request("GET", &format!("/_matrix/client/v3/profile/{}{field}", segment(user)), None).await
}

#[tokio::test]
async fn each_of_two_servers_tells_the_other_its_profiles() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let (beta, beta_name) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (named_user(&alpha, "alice").await, named_user(&beta, "bob").await);

    for (asker, user, name) in [(&alpha, &bob, "bob"), (&beta, &alice, "alice")] {
        let named = json!({ "displayname": format!("{name} of elsewhere") });
        assert_eq!(profile(asker, &user.id, "/displayname").await.ok(), named);
        assert_eq!(
            profile(asker, &user.id, "/avatar_url").await.ok(),
            json!({ "avatar_url": "mxc://localhost/a" })
        );
        assert_eq!(profile(asker, &user.id, "/m.tz").await.ok(), json!({ "m.tz": "Europe/Berlin" }));
        let whole = profile(asker, &user.id, "").await.ok();
        assert_eq!((&whole["displayname"], &whole["m.tz"]), (&named["displayname"], &json!("Europe/Berlin")));
        profile(asker, &user.id, "/m.unknown").await.refused(404, "M_NOT_FOUND");
    }
    profile(&alpha, &format!("@nobody:{beta_name}"), "").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn each_of_two_servers_tells_the_other_where_its_aliases_lead() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, beta_name) = server(&authority, "127.0.0.1").await;

    for (asker, asked, name) in [(&alpha, &beta, &beta_name), (&beta, &alpha, &alpha_name)] {
        let user = asked.user("carol").await;
        let room = user.creates_room(json!({ "room_alias_name": "somewhere" })).await;
        let alias = |alias: &str| {
            format!("/_matrix/client/v3/directory/room/{}", segment(&format!("#{alias}:{name}")))
        };

        let found = asker.request("GET", &alias("somewhere"), None).await.ok();

        assert_eq!(found, json!({ "room_id": room, "servers": [name] }));
        asker.request("GET", &alias("nowhere"), None).await.refused(404, "M_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_server_answers_for_its_own_users_and_aliases_only() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let stranger = Stranger::start(&authority).await;
    let asks =
        async |path: &str, query: String| stranger.asks(&alpha, &name, &format!("{path}?{query}")).await;

    asks(PROFILE, "user_id=%40a%3Aelsewhere.example".to_owned()).await.refused(400, "M_INVALID_PARAM");
    asks(DIRECTORY, "room_alias=%23a%3Aelsewhere.example".to_owned()).await.refused(400, "M_INVALID_PARAM");
    asks(PROFILE, "user_id=nonsense".to_owned()).await.refused(400, "M_INVALID_PARAM");
    asks(PROFILE, format!("user_id={}&field=a%2Fb", segment(&format!("@a:{name}"))))
        .await
        .refused(400, "M_INVALID_PARAM");
    asks(PROFILE, format!("user_id={}", segment(&format!("@a:{name}")))).await.refused(404, "M_NOT_FOUND");
    assert!(stranger.was_asked().is_empty());
}

#[tokio::test]
async fn whatever_a_stranger_answers_the_client_gets_a_profile_or_a_plain_error() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let stranger = Stranger::start(&authority).await;
    let user = format!("@eve:{}", stranger.name);

    let odd = json!({ "displayname": null, "avatar_url": 1, "Not A Name": "x", "m.tz": "UTC", "org.a": { "b": [1] } });
    stranger.answers(PROFILE, 200, odd);
    assert_eq!(profile(&alpha, &user, "").await.ok(), json!({ "m.tz": "UTC", "org.a": { "b": [1] } }));

    let too_large = json!({ "displayname": "x".repeat(200_000) });
    for wrong in [json!([]), json!("text"), Value::Null, too_large] {
        stranger.answers(PROFILE, 200, &wrong);
        profile(&alpha, &user, "").await.refused(502, "M_UNKNOWN");
    }
    for status in [400, 403, 500, 302] {
        stranger.answers(
            PROFILE,
            status,
            json!({ "errcode": "M_FORBIDDEN", "error": "secret of the stranger" }),
        );
        let refusal = profile(&alpha, &user, "").await.refused(502, "M_UNKNOWN");
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
    stranger.answers(DIRECTORY, 200, json!({ "room_id": "no room", "servers": [] }));
    let alias = segment(&format!("#a:{}", stranger.name));
    let found = alpha.request("GET", &format!("/_matrix/client/v3/directory/room/{alias}"), None).await;
    found.refused(502, "M_UNKNOWN");
}

#[tokio::test]
async fn public_rooms_of_another_server_are_listed_where_it_lets_others_see_them() {
    let authority = Authority::new();
    let shares =
        Setup::default().federating(&authority, "localhost").set("federation.share_public_rooms", true);
    let (open, open_name) = server_with(shares).await;
    let (closed, closed_name) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (open.user("alice").await, closed.user("bob").await);
    for name in ["Stage", "Cellar"] {
        let room = json!({ "preset": "public_chat", "visibility": "public", "name": name });
        alice.creates_room(room).await;
    }

    let all = bob.get(&format!("/v3/publicRooms?server={open_name}")).await.ok();
    assert_eq!(all["total_room_count_estimate"], 2, "{all}");
    let search = json!({ "filter": { "generic_search_term": "cellar" }, "limit": 1 });
    let found = bob.post(&format!("/v3/publicRooms?server={open_name}"), search).await.ok();
    assert_eq!(found["chunk"][0]["name"], "Cellar", "{found}");
    assert_eq!(found["chunk"].as_array().map(Vec::len), Some(1));

    let refused = alice.get(&format!("/v3/publicRooms?server={closed_name}")).await;
    assert_eq!(refused.status, 502, "{}", refused.body);
}

#[tokio::test]
async fn an_openid_token_tells_a_third_party_who_somebody_is_and_opens_nothing() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let (alice, bob) = (alpha.user("alice").await, alpha.user("bob").await);
    let path = format!("/v3/user/{}/openid/request_token", segment(&alice.id));
    let asks = async |token: &str| {
        let target = format!("/_matrix/federation/v1/openid/userinfo?access_token={token}");
        alpha.request("GET", &target, None).await
    };

    let issued = alice.post(&path, json!({})).await.ok();
    let token = issued["access_token"].as_str().expect("a token").to_owned();

    assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(asks(&token).await.ok(), json!({ "sub": alice.id }));
    asks("pho_unknown").await.refused(401, "M_UNKNOWN_TOKEN");
    bob.post(&path, json!({})).await.refused(403, "M_FORBIDDEN");
    let whoami = format!("/_matrix/client/v3/account/whoami?access_token={token}");
    assert_eq!(alpha.request("GET", &whoami, None).await.status, 401);
}
