//! How many durable appends a second the embedded store makes, beside what the disk can sync.
//!
//! `cargo run --release -p playhouse-storage --example commit_rate [-- FOLDER [SECONDS]]`
//!
//! Each writer owns a room and appends one event of 1,000 bytes at a time with the projections that a message has,
//! waiting for each. CPU is that of the whole process, flush and compaction included. The disk is probed between the
//! seconds of a run, with records as long as such an append in a file made as the journal is: some of those syncs have
//! to make a new block durable too and take many times as long as the others, hence median and mean.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use playhouse_storage::{
    Append, Backend, Key, KeyValue, Outcome, Table, Write,
    backends::{FjallBackend, FjallOptions},
    tables::{EventLocation, RoomHead, RoomLog, TransactionAnswer, room_log::bucket_of},
};

const EVENT_BYTES: usize = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!(
        "| writers | appends/s | p50 ms | p99 ms | CPU us/append | fdatasync p50 ms | mean ms | appends a sync |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for writers in [1, 10, 64] {
        let folder = tempfile::tempdir_in(&folder).unwrap();
        let run = runtime.block_on(measure(folder.path(), writers, seconds));
        println!(
            "| {writers} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {:.2} | {:.2} |",
            run.rate,
            middle(&run.appends) * 1e3,
            run.appends[run.appends.len() * 99 / 100].as_secs_f64() * 1e3,
            run.cpu_us,
            middle(&run.syncs) * 1e3,
            mean(&run.syncs) * 1e3,
            run.rate * mean(&run.syncs),
        );
    }
}

struct Run {
    rate: f64,
    cpu_us: f64,
    /// How long each append took, sorted.
    appends: Vec<Duration>,
    /// How long each bare sync took, sorted.
    syncs: Vec<Duration>,
}

fn middle(sorted: &[Duration]) -> f64 {
    sorted[sorted.len() / 2].as_secs_f64()
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64
}

async fn measure(folder: &Path, writers: usize, seconds: u64) -> Run {
    let store: Arc<dyn Backend> = Arc::new(FjallBackend::open(folder, FjallOptions::default()).unwrap());
    let (mut appends, mut syncs) = (Vec::new(), probe(folder));
    let (mut cpu, mut took) = (0.0, Duration::ZERO);
    for second in 0..seconds {
        let (cpu_before, started) = (cpu_seconds(), Instant::now());
        let end = started + Duration::from_secs(1);
        let run = (0..writers).map(|n| tokio::spawn(write(store.clone(), format!("!{second}-{n}:b"), end)));
        for writer in run.collect::<Vec<_>>() {
            appends.extend(writer.await.unwrap());
        }
        cpu += cpu_seconds() - cpu_before;
        took += started.elapsed();
        syncs.extend(probe(folder));
    }
    store.close().await;
    appends.sort_unstable();
    syncs.sort_unstable();
    let count = appends.len() as f64;
    Run { rate: count / took.as_secs_f64(), cpu_us: cpu * 1e6 / count, appends, syncs }
}

/// Appends to a room of its own until `end`; answers how long each append took.
async fn write(store: Arc<dyn Backend>, room: String, end: Instant) -> Vec<Duration> {
    let (mut times, mut seq, mut fence) = (Vec::new(), 0, 0);
    while Instant::now() < end {
        let bucket = vec![text(&room), KeyValue::Int(bucket_of(seq))];
        let first = seq % playhouse_storage::tables::room_log::BUCKET_ROWS == 0;
        if first {
            fence = store.fence(RoomLog::DEF, &bucket).await.unwrap().fence;
        }
        let append = message(&room, bucket, fence, (!first).then(|| seq - 1), seq);
        let started = Instant::now();
        assert_eq!(store.append(append).await.unwrap(), Outcome::Applied);
        times.push(started.elapsed());
        seq += 1;
    }
    times
}

fn message(room: &str, bucket: Key, fence: i64, expected: Option<i64>, seq: i64) -> Append {
    // Half of it does not compress, as in a signed event.
    let noise = (0..EVENT_BYTES / 2).map(|i| ((seq as usize * 31 + i).wrapping_mul(0x9E37_79B9) >> 13) as u8);
    let event: Vec<u8> = noise.chain(std::iter::repeat_n(b' ', EVENT_BYTES / 2)).collect();
    let event_id = vec![text(&format!("${room}-{seq}-0123456789012345678901234567"))];
    let device = vec![text("@user:b"), text("DEVICE")];
    let transaction = vec![text(&format!("/rooms/{room}/send/m.room.message")), text(&seq.to_string())];
    Append {
        table: RoomLog::DEF,
        partition: bucket,
        fence,
        expected_head_seq: expected,
        new_head_seq: seq,
        head: Bytes::from(vec![b'h'; 300]),
        rows: vec![(vec![KeyValue::Int(seq)], event.into())],
        projections: vec![
            put(EventLocation::DEF, event_id, Vec::new(), 60, seq),
            put(RoomHead::DEF, vec![text(room)], Vec::new(), 80, seq),
            put(TransactionAnswer::DEF, device, transaction, 70, seq),
        ],
    }
}

fn put(
    table: &'static playhouse_storage::TableDef,
    partition: Key,
    clustering: Key,
    bytes: usize,
    stamp: i64,
) -> Write {
    Write::Put { table, partition, clustering, value: Bytes::from(vec![b'v'; bytes]), stamp, ttl: None }
}

fn text(value: &str) -> KeyValue {
    KeyValue::Text(value.to_owned())
}

/// How long 100 writes of a record with fdatasync take.
fn probe(folder: &Path) -> Vec<Duration> {
    const RECORD_BYTES: usize = 1_900;
    let mut file = File::create(folder.join("probe")).unwrap();
    file.set_len(64 << 20).unwrap();
    file.sync_all().unwrap();
    let write = |_| {
        let started = Instant::now();
        file.write_all(&[7; RECORD_BYTES]).unwrap();
        file.sync_data().unwrap();
        started.elapsed()
    };
    (0..100).map(write).collect()
}

/// CPU seconds of this process, user and system, from `/proc`.
fn cpu_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|f| f.parse().unwrap_or(0.0))
        .collect();
    fields.get(11..13).map_or(0.0, |times| times.iter().sum::<f64>() / TICKS)
}
