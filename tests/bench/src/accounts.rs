//! Users for a load: registered in the open or by shared secret, many at a time.

use hmac::{Hmac, KeyInit, Mac};
use playhouse_tests::{Http, User, Value, json};
use sha1::Sha1;

const AT_ONCE: usize = 16;

/// Makes `count` users named `prefix` and a number.
pub async fn make(http: &Http, secret: Option<&str>, prefix: &str, count: usize) -> Vec<User> {
    let mut users = Vec::with_capacity(count);
    for start in (0..count).step_by(AT_ONCE) {
        let batch: Vec<_> = (start..count.min(start + AT_ONCE))
            .map(|n| {
                let (http, secret, name) = (http.clone(), secret.map(str::to_owned), format!("{prefix}{n}"));
                tokio::spawn(async move { one(&http, secret.as_deref(), &name).await })
            })
            .collect();
        for user in batch {
            users.push(user.await.expect("a user"));
        }
    }
    users
}

/// Makes one user.
pub async fn one(http: &Http, secret: Option<&str>, name: &str) -> User {
    match secret {
        None => User::registers(http, name).await,
        Some(secret) => by_shared_secret(http, secret, name).await,
    }
}

async fn by_shared_secret(http: &Http, secret: &str, name: &str) -> User {
    const PATH: &str = "/_synapse/admin/v1/register";
    let ask = async |method: &str, body: Option<Value>| {
        let reply = http.send(method, PATH, None, body.as_ref()).await;
        reply.unwrap_or_else(|e| panic!("{e}")).ok()
    };
    let nonce = ask("GET", None).await["nonce"].as_str().expect("a nonce").to_owned();
    let password = format!("password of {name}");
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(format!("{nonce}\0{name}\0{password}\0notadmin").as_bytes());
    let mac = hex::encode(mac.finalize().into_bytes());
    let body = json!({ "nonce": nonce, "username": name, "password": password, "mac": mac, "admin": false });
    let answer = ask("POST", Some(body)).await;
    User::from_login(http, password, &answer)
}
