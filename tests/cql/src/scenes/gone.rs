//! The cluster gone, and back.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use playhouse_tests::stage::Theater;
use playhouse_tests::{Keyspace, Reply, Setup, User, json, segment};

use super::reaching;
use crate::load;
use crate::outcome::Outcome;
use crate::proxy::Proxy;

const USERS: usize = 3;
const GONE_FOR: Duration = Duration::from_secs(6);
/// What was on its way when the cluster went may still be acknowledged.
const ON_ITS_WAY: Duration = Duration::from_millis(500);
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// While the cluster is gone every write is refused as unavailable, in the proper way; none is acknowledged. When it is
/// back all goes on, with the same process.
pub async fn plays(node: SocketAddrV4, seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let proxy = Proxy::start(node).await.expect("a free port");
    let keyspace = Arc::new(Keyspace::new(&node.to_string()));
    let setup = reaching(Setup::default().in_keyspace(&keyspace), &[proxy.address()]);
    let mut theater = Theater::opens(USERS, setup).await;

    load::during(&mut theater, seed, async |theater| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.close();
        tokio::time::sleep(ON_ITS_WAY).await;
        let before = theater.messages_acknowledged();
        refuses(&theater.users[0], &theater.room, &mut outcome).await;
        tokio::time::sleep(GONE_FOR).await;
        let while_gone = theater.messages_acknowledged() - before;
        outcome.law(while_gone == 0, || format!("{while_gone} messages were acknowledged without a store"));
        proxy.open();
        goes_on(theater, &mut outcome).await;
    })
    .await;

    outcome.law(theater.unavailable() > 0, || "nobody was told that the server is unavailable".to_owned());
    load::compare(&mut theater, &mut outcome).await;
    outcome
}

/// Each kind of write is refused with 503, a Matrix error and the time to come back.
async fn refuses(user: &User, room: &str, outcome: &mut Outcome) {
    let message =
        user.sends_event(room, "m.room.message", json!({ "msgtype": "m.text", "body": "lost" })).await;
    let path = format!("/v3/user/{}/account_data/org.example.gone", segment(&user.id));
    let account_data = user.put(&path, json!({ "gone": true })).await;
    let register = json!({ "username": "late", "password": "late", "auth": { "type": "m.login.dummy" } });
    let account = user.post("/v3/register", register).await;
    for (what, reply) in [("a message", message), ("account data", account_data), ("an account", account)] {
        outcome.law(is_unavailable(&reply), || {
            let after = reply.header("retry-after");
            format!("{what} was answered with {} {}, Retry-After {after:?}", reply.status, reply.body)
        });
    }
}

fn is_unavailable(reply: &Reply) -> bool {
    reply.status == 503
        && reply.body["errcode"].is_string()
        && reply.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0)
}

/// Messages are acknowledged again before long.
pub async fn goes_on(theater: &Theater, outcome: &mut Outcome) {
    let (began, before) = (Instant::now(), theater.messages_acknowledged());
    while theater.messages_acknowledged() < before + 5 {
        if began.elapsed() > BACK_WITHIN {
            outcome.faults.push(format!("no messages {BACK_WITHIN:?} after the cluster came back"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    outcome.tells(format!("sends went on {:.1} s after the cluster was back", began.elapsed().as_secs_f64()));
}
