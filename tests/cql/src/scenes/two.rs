//! Two processes on one keyspace, the first of them paused: what an operator's mistake, or a supervisor that takes a
//! paused process for a dead one, would do.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use playhouse_tests::stage::Curtain;
use playhouse_tests::{Keyspace, Setup, World};

use crate::chorus::{self, Acknowledged, sings};
use crate::load;
use crate::outcome::Outcome;

const SINGERS: usize = 4;

/// While the first process runs, a second one is told so and ends. The first is stopped in the middle of its appends; a
/// second one waits until the lease has run out and takes the room over; the first wakes up and goes on with what it
/// had begun. Its append is refused, its actor dies and loads the room again. Each message that
/// either acknowledged stands in the log once, and the room is sound.
pub async fn plays(node: SocketAddrV4) -> Outcome {
    let mut outcome = Outcome::default();
    let keyspace = Arc::new(Keyspace::new(&node.to_string()));
    let mut first = World::with(Setup::default().in_keyspace(&keyspace)).await;
    let alice = first.user("alice").await;
    let room = alice.creates_room(playhouse_tests::json!({ "preset": "public_chat" })).await;
    let curtain = Curtain::default();
    let pause = async |seconds| tokio::time::sleep(Duration::from_secs(seconds)).await;

    let mut singers: Vec<_> =
        (0..SINGERS).map(|n| sings(&alice, first.http(), &room, &format!("first {n}"), &curtain)).collect();
    pause(2).await;
    let refused = first.server.runs(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    outcome.tells(format!("a second process beside the first: {}", said.lines().last().unwrap_or_default()));
    let names_it =
        first.server.pid().is_some_and(|pid| said.contains(&format!("in use by process {pid} on ")));
    outcome.law(!refused.status.success() && names_it, || format!("it was let in, or badly refused: {said}"));
    first.server.signal("STOP");
    let setup = Setup::default().in_keyspace(&keyspace).signing_as(&first.server);
    let began = Instant::now();
    let mut second = World::with(setup).await;
    outcome.tells(format!(
        "the second answered {:.1} s after the first was stopped",
        began.elapsed().as_secs_f64()
    ));
    singers
        .extend((0..SINGERS).map(|n| sings(&alice, second.http(), &room, &format!("second {n}"), &curtain)));
    pause(3).await;
    first.server.signal("CONT");
    pause(4).await;
    curtain.falls();

    let mut acknowledged = Acknowledged::new();
    for singer in singers {
        acknowledged.extend(singer.await.expect("singers do not panic"));
    }
    let from = |who: &str| acknowledged.keys().filter(|text| text.starts_with(who)).count();
    outcome.tells(format!(
        "{} messages by the first process, {} by the second",
        from("first"),
        from("second")
    ));
    outcome.law(from("first") > SINGERS && from("second") > SINGERS, || "a process did nothing".to_owned());
    outcome.law(first.server.log().contains("another process has taken over"), || {
        "the first says nothing of the second".to_owned()
    });
    second.server.stop().await;
    first.restart().await;
    match chorus::log(&alice, &room).await {
        Ok(log) => outcome.faults.extend(chorus::faults(&log, &acknowledged)),
        Err(why) => outcome.faults.push(why),
    }
    load::check_rows(&mut first.server, &mut outcome).await;
    outcome
}
