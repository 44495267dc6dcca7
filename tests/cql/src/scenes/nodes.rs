//! Three nodes of which one is killed or paused, and then all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use playhouse_tests::stage::Theater;
use playhouse_tests::{Keyspace, Setup};

use super::gone::goes_on;
use crate::cluster::Cluster;
use crate::load;
use crate::outcome::Outcome;

const USERS: usize = 3;
const WITHOUT: Duration = Duration::from_secs(8);
/// The longest that sends may stand still when a node goes: its connections' keepalive, and some.
const LONGEST_STALL: Duration = Duration::from_secs(6);

/// How long a node that has just started is left to compile its code while it answers. What is said of a lost node is said
/// of a cluster whose other nodes keep up: on two cores three cold ones time out by themselves.
const WARM_UP: Duration = Duration::from_secs(15);
/// How long after it nobody may be refused, and how long that is waited for.
const STEADY: Duration = Duration::from_secs(3);
const STEADY_WITHIN: Duration = Duration::from_mins(1);

/// One node of three killed or paused: no client sees an error, sends go on. All killed: unavailable, and on again
/// when they are back. Whatever happens, nothing acknowledged is lost and nothing is doubled.
pub async fn plays(seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(why) = play(seed, &mut outcome).await {
        outcome.faults.push(format!("the cluster of this test failed: {why}"));
    }
    outcome
}

async fn play(seed: u64, outcome: &mut Outcome) -> Result<(), String> {
    let cluster = Cluster::start(3).await?;
    let nodes: Vec<String> = cluster.addresses().iter().map(ToString::to_string).collect();
    let keyspace = Arc::new(Keyspace::replicated(&nodes.join(","), 3));
    let mut theater = Theater::opens(USERS, Setup::default().in_keyspace(&keyspace)).await;

    load::during(&mut theater, seed, async |theater| {
        settles(theater).await?;
        cluster.kill(1).await?;
        bears(theater, "a killed node", outcome).await;
        cluster.restart().await?;
        settles(theater).await?;

        cluster.pause(2).await?;
        bears(theater, "a paused node", outcome).await;
        cluster.resume(2).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;

        for node in 1..=3 {
            cluster.kill(node).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = theater.messages_acknowledged();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let without = theater.messages_acknowledged() - before;
        outcome.law(without == 0, || format!("{without} messages were acknowledged without a cluster"));
        cluster.restart().await?;
        goes_on(theater, outcome).await;
        Ok::<(), String>(())
    })
    .await?;

    load::compare(&mut theater, outcome).await;
    Ok(())
}

/// Waits until nodes that have just started are warm and the cluster answers everybody.
async fn settles(theater: &Theater) -> Result<(), String> {
    tokio::time::sleep(WARM_UP).await;
    let (began, mut refused, mut since) = (Instant::now(), theater.unavailable(), Instant::now());
    while since.elapsed() < STEADY {
        if began.elapsed() > STEADY_WITHIN {
            return Err(format!("with all nodes there it refused clients for {STEADY_WITHIN:?}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        if theater.unavailable() > refused {
            (refused, since) = (theater.unavailable(), Instant::now());
        }
    }
    Ok(())
}

/// With a node gone: how long sends stand still at the most, and whether a client sees an error.
async fn bears(theater: &Theater, without: &str, outcome: &mut Outcome) {
    let (began, refused) = (Instant::now(), theater.unavailable());
    let (mut count, mut last, mut longest) =
        (theater.messages_acknowledged(), Instant::now(), Duration::ZERO);
    let first = count;
    while began.elapsed() < WITHOUT {
        tokio::time::sleep(Duration::from_millis(20)).await;
        longest = longest.max(last.elapsed());
        let now = theater.messages_acknowledged();
        if now > count {
            (count, last) = (now, Instant::now());
        }
    }
    let refused = theater.unavailable() - refused;
    outcome.tells(format!(
        "{without}: {} messages in {WITHOUT:?}, at most {:.1} s between two, {refused} times unavailable",
        count - first,
        longest.as_secs_f64()
    ));
    outcome.law(longest < LONGEST_STALL, || format!("{without}: sends stood still for {longest:?}"));
    outcome.law(refused == 0, || {
        format!("{without}: clients were refused {refused} times, the last: {}", theater.last_unavailable())
    });
}
