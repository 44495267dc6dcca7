//! Connections that fail in the middle of a request, again and again, under load.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use playhouse_tests::stage::Theater;
use playhouse_tests::{Keyspace, Setup};

use super::reaching;
use crate::load;
use crate::outcome::Outcome;
use crate::proxy::{Proxy, Storm};

const USERS: usize = 4;
const LENGTH: Duration = Duration::from_secs(20);
/// Of a thousand statements.
const FAULTS_PER_MILLE: u32 = 8;
const LONGEST_DELAY: Duration = Duration::from_millis(8);

/// Requests and answers are lost, cut in half and held up; all connections are cut now and then. Nothing that was
/// acknowledged is lost, nothing is doubled, and sends go on.
pub async fn plays(node: SocketAddrV4, seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let proxy = Proxy::start(node).await.expect("a free port");
    let keyspace = Arc::new(Keyspace::new(&node.to_string()));
    let setup = reaching(Setup::default().in_keyspace(&keyspace), &[proxy.address()]);
    let mut theater = Theater::opens(USERS, setup).await;

    proxy.set_storm(Some(Storm::new(seed, FAULTS_PER_MILLE, LONGEST_DELAY)));
    load::during(&mut theater, seed, async |theater| {
        for quarter in 1..=4 {
            let before = theater.acknowledged();
            tokio::time::sleep(LENGTH / 4).await;
            let done = theater.acknowledged() - before;
            outcome
                .law(done > 0, || format!("nothing was acknowledged in the {quarter}. quarter of the storm"));
            proxy.cut_all();
        }
    })
    .await;
    proxy.set_storm(None);

    outcome.tells(format!("{} statements came to harm", proxy.faults()));
    outcome.law(proxy.faults() > 0, || "the storm did no harm, so this proved nothing".to_owned());
    load::compare(&mut theater, &mut outcome).await;
    outcome
}
