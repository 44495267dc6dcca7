//! How many durable appends a second the embedded store makes, beside what the disk can sync.
//!
//! `cargo run --release -p playhouse-storage --example commit_rate [-- FOLDER [SECONDS]]`
//!
//! Each writer owns a room and appends one event of 1,000 bytes at a time with the projections that a message has,
//! waiting for each. CPU is that of the whole process, flush and compaction included.

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
        "| writers | appends/s | p50 ms | p99 ms | CPU us/append | fdatasync p50 ms | share of 1/fdatasync |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for writers in [1, 10, 64] {
        let folder = tempfile::tempdir_in(&folder).unwrap();
        let before = sync_p50(folder.path());
        let run = runtime.block_on(measure(folder.path(), writers, Duration::from_secs(seconds)));
        let sync = (before + sync_p50(folder.path())) / 2;
        let ceiling = writers as f64 / sync.as_secs_f64();
        println!(
            "| {writers} | {:.0} | {:.2} | {:.2} | {:.0} | {:.3} | {:.0} % |",
            run.rate,
            run.p50.as_secs_f64() * 1e3,
            run.p99.as_secs_f64() * 1e3,
            run.cpu_us,
            sync.as_secs_f64() * 1e3,
            100.0 * run.rate / ceiling,
        );
    }
}

struct Run {
    rate: f64,
    p50: Duration,
    p99: Duration,
    cpu_us: f64,
}

async fn measure(folder: &Path, writers: usize, time: Duration) -> Run {
    let store: Arc<dyn Backend> = Arc::new(FjallBackend::open(folder, FjallOptions::default()).unwrap());
    let (cpu, started) = (cpu_seconds(), Instant::now());
    let end = started + time;
    let writers: Vec<_> = (0..writers).map(|n| tokio::spawn(write(store.clone(), n, end))).collect();
    let mut times = Vec::new();
    for writer in writers {
        times.extend(writer.await.unwrap());
    }
    let (cpu, took) = (cpu_seconds() - cpu, started.elapsed());
    store.close().await;
    times.sort_unstable();
    let count = times.len();
    Run {
        rate: count as f64 / took.as_secs_f64(),
        p50: times[count / 2],
        p99: times[count * 99 / 100],
        cpu_us: cpu * 1e6 / count as f64,
    }
}

/// Appends to a room of its own until `end`; answers how long each append took.
async fn write(store: Arc<dyn Backend>, n: usize, end: Instant) -> Vec<Duration> {
    let (mut times, mut seq, mut fence) = (Vec::new(), 0, 0);
    while Instant::now() < end {
        let bucket = vec![text(&format!("!{n}:b")), KeyValue::Int(bucket_of(seq))];
        let first = seq % playhouse_storage::tables::room_log::BUCKET_ROWS == 0;
        if first {
            fence = store.fence(RoomLog::DEF, &bucket).await.unwrap().fence;
        }
        let append = message(n, bucket, fence, (!first).then(|| seq - 1), seq);
        let started = Instant::now();
        assert_eq!(store.append(append).await.unwrap(), Outcome::Applied);
        times.push(started.elapsed());
        seq += 1;
    }
    times
}

fn message(n: usize, bucket: Key, fence: i64, expected: Option<i64>, seq: i64) -> Append {
    // Half of it does not compress, as in a signed event.
    let noise = (0..EVENT_BYTES / 2).map(|i| ((seq as usize * 31 + i).wrapping_mul(0x9E37_79B9) >> 13) as u8);
    let event: Vec<u8> = noise.chain(std::iter::repeat_n(b' ', EVENT_BYTES / 2)).collect();
    let room = vec![text(&format!("!{n}:b"))];
    let event_id = vec![text(&format!("${n}-{seq}-0123456789012345678901234567"))];
    let device = vec![text("@user:b"), text("DEVICE")];
    let transaction = vec![text(&format!("/rooms/!{n}:b/send/m.room.message")), text(&seq.to_string())];
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
            put(RoomHead::DEF, room, Vec::new(), 80, seq),
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

/// The median time of a 4 KiB write with fdatasync into a preallocated file.
fn sync_p50(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("probe")).unwrap();
    file.set_len(64 << 20).unwrap();
    file.sync_all().unwrap();
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
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
