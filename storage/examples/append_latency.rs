//! How long a conditional append of 1, 10 and 50 events takes on a CQL cluster, one after the other in one room.
//!
//! `PLAYHOUSE_TEST_CQL=host:port cargo run --release -p playhouse-storage --example append_latency [-- SECONDS]`
//!
//! Events are of 1,500 bytes. The keyspace has a name of its own and is dropped at the end.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use playhouse_storage::{
    Append, Backend, Guard, Key, KeyValue, Outcome, Table,
    backends::scylla::{CqlBackend, CqlOptions, Replication},
    tables::{
        RoomLog,
        room_log::{BUCKET_ROWS, bucket_of},
    },
};
use scylla::client::session_builder::SessionBuilder;

const EVENT_BYTES: usize = 1_500;

#[tokio::main]
async fn main() {
    let nodes = std::env::var("PLAYHOUSE_TEST_CQL").expect("PLAYHOUSE_TEST_CQL names a CQL server");
    let nodes: Vec<String> = nodes.split(',').map(str::to_owned).collect();
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let keyspace = format!("playhouse_bench_{:016x}", rand::random::<u64>());
    let options =
        CqlOptions { replication: Replication::Factor(1), ..CqlOptions::new(nodes.clone(), &keyspace) };
    let store = CqlBackend::open(&options).await.unwrap();
    println!("| events an append | appends/s | p50 ms | p99 ms |");
    println!("|---:|---:|---:|---:|");
    for batch in [1, 10, 50] {
        let took = measure(&store, batch, Duration::from_secs(seconds)).await;
        let at = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1e3;
        let rate = took.len() as f64 / took.iter().sum::<Duration>().as_secs_f64();
        println!("| {batch} | {rate:.0} | {:.2} | {:.2} |", at(50), at(99));
    }
    store.close().await;
    let session = SessionBuilder::new().known_nodes(&nodes).build().await.unwrap();
    session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await.unwrap();
}

/// How long each append took, sorted.
async fn measure(store: &CqlBackend, batch: i64, time: Duration) -> Vec<Duration> {
    let room = format!("!{batch}:bench");
    let partition = |seq: i64| -> Key { vec![KeyValue::Text(room.clone()), KeyValue::Int(bucket_of(seq))] };
    let mut guard = store.fence(RoomLog::DEF, &partition(0)).await.unwrap();
    let (began, mut took, mut seq) = (Instant::now(), Vec::new(), 0);
    while began.elapsed() < time {
        let last = seq + batch - 1;
        if guard.head_seq.is_some_and(|head| bucket_of(head) != bucket_of(last)) {
            seq = bucket_of(last) * BUCKET_ROWS;
            guard = store.fence(RoomLog::DEF, &partition(seq)).await.unwrap();
            continue;
        }
        let append = append_of(&guard, partition(seq), seq..=last);
        let after = Guard { head_seq: Some(last), head: append.head.clone(), ..guard };
        let start = Instant::now();
        assert_eq!(store.append(append).await.unwrap(), Outcome::Applied);
        took.push(start.elapsed());
        (guard, seq) = (after, last + 1);
    }
    took.sort_unstable();
    took
}

fn append_of(guard: &Guard, partition: Key, events: std::ops::RangeInclusive<i64>) -> Append {
    let event = Bytes::from(format!("\"{}\"", "x".repeat(EVENT_BYTES)));
    Append {
        table: RoomLog::DEF,
        partition,
        fence: guard.fence,
        expected_head_seq: guard.head_seq,
        new_head_seq: *events.end(),
        head: Bytes::from_static(b"{}"),
        rows: events.map(|seq| (vec![KeyValue::Int(seq)], event.clone())).collect(),
        projections: Vec::new(),
    }
}
