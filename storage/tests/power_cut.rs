//! The power fails under load: everything acknowledged before the cut is there afterwards, and nothing half.
//!
//! The committer is stopped where a group is checked and not yet written, and the folder is copied; once the group is
//! synced, what changed in the journals is what was un-synced in between. The disk after the cut is the copy with any
//! of those sectors. `PLAYHOUSE_CUT_ROUNDS` says how many cuts, `PLAYHOUSE_CUT_SEED` with which to begin.

#![allow(clippy::unwrap_used)]

mod cut;

use std::{
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use cut::{Disk, Knife};
use playhouse_storage::{
    Append, Backend, Key, KeyValue, Order, Outcome, Slice, StoreError, Table, Write,
    backends::{FjallBackend, FjallOptions},
    tables::{AccessToken, EventLocation, RoomLog},
};
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};

const ROOMS: usize = 6;

/// The newest acknowledged sequence number of each room.
type Acknowledged = Arc<[AtomicI64; ROOMS]>;

fn text(value: String) -> KeyValue {
    KeyValue::Text(value)
}

fn room(n: usize) -> Key {
    vec![text(format!("!{n}:b")), KeyValue::Int(0)]
}

fn event_id(room: usize, seq: i64) -> Key {
    vec![text(format!("${room}-{seq}"))]
}

/// Two rows in the log and a projection in another family of tables.
fn append(n: usize, fence: i64, head: Option<i64>, rng: &mut Xoshiro256PlusPlus) -> Append {
    let first = head.map_or(0, |head| head + 1);
    let mut row = |seq| {
        let noise: Vec<u8> =
            (0..rng.random_range(20..3_000)).map(|_| rng.random_range(b' '..=b'~')).collect();
        (vec![KeyValue::Int(seq)], Bytes::from(noise))
    };
    Append {
        table: RoomLog::DEF,
        partition: room(n),
        fence,
        expected_head_seq: head,
        new_head_seq: first + 1,
        head: Bytes::from((first + 1).to_string()),
        rows: vec![row(first), row(first + 1)],
        projections: vec![Write::Put {
            table: EventLocation::DEF,
            partition: event_id(n, first + 1),
            clustering: Vec::new(),
            value: Bytes::from_static(b"{}"),
            stamp: first,
            ttl: None,
        }],
    }
}

/// Appends to one room until the store ends.
async fn load(store: Arc<FjallBackend>, n: usize, acknowledged: Acknowledged, seed: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(31) + n as u64);
    let Ok(guard) = store.fence(RoomLog::DEF, &room(n)).await else { return };
    let mut head = None;
    loop {
        match store.append(append(n, guard.fence, head, &mut rng)).await {
            Ok(outcome) => assert_eq!(outcome, Outcome::Applied),
            Err(StoreError::Unavailable { .. }) => return,
            Err(error) => panic!("{error}"),
        }
        head = Some(head.map_or(1, |head| head + 2));
        acknowledged[n].store(head.unwrap_or_default(), Ordering::SeqCst);
    }
}

/// What a room must look like in a store opened on the disk after the cut.
async fn check(store: &FjallBackend, n: usize, acknowledged: i64) {
    let guard = store.guard(RoomLog::DEF, &room(n)).await.unwrap();
    let head = guard.and_then(|guard| guard.head_seq).unwrap_or(-1);
    assert!(head >= acknowledged, "room {n} has {head}, {acknowledged} was acknowledged");

    let all = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: 100_000 };
    let rows = store.slice(RoomLog::DEF, &room(n), all).await.unwrap().rows;
    let seqs: Vec<Key> = rows.into_iter().map(|row| row.clustering).collect();
    assert_eq!(seqs, (0..=head).map(|seq| vec![KeyValue::Int(seq)]).collect::<Vec<_>>());

    for seq in (1..=head).step_by(2) {
        let there = store.get(EventLocation::DEF, &event_id(n, seq), &vec![]).await.unwrap();
        assert!(there.is_some(), "room {n} lost the projection of {seq}");
    }
    let beyond = store.get(EventLocation::DEF, &event_id(n, head + 2), &vec![]).await.unwrap();
    assert!(beyond.is_none(), "room {n} has the projection of an append that it has not");
}

async fn round(seed: u64) {
    let (folder, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let acknowledged: Acknowledged = Arc::default();
    acknowledged.iter().for_each(|room| room.store(-1, Ordering::SeqCst));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let seen = {
        let acknowledged = Arc::clone(&acknowledged);
        move || acknowledged.iter().map(|room| room.load(Ordering::SeqCst)).collect::<Vec<_>>()
    };
    let knife = Knife::new(folder.path(), rng.random_range(1..150), seen);
    let memtable_bytes = if rng.random() { 200_000 } else { 16 << 20 };
    let options = FjallOptions { hook: Some(knife.hook()), memtable_bytes, ..FjallOptions::default() };
    let store = Arc::new(FjallBackend::open(folder.path(), options).unwrap());
    let writers: Vec<_> =
        (0..ROOMS).map(|n| tokio::spawn(load(store.clone(), n, acknowledged.clone(), seed))).collect();
    let (disk, acknowledged) = knife.cut().await;
    store.close().await;
    for writer in writers {
        writer.await.unwrap();
    }

    disk.write_torn(after.path(), &mut rng);
    let store = FjallBackend::open(after.path(), FjallOptions::default()).unwrap();

    for (n, acknowledged) in acknowledged.into_iter().enumerate() {
        check(&store, n, acknowledged).await;
    }
    let write = Write::Put {
        table: AccessToken::DEF,
        partition: vec![text("hash".into())],
        clustering: Vec::new(),
        value: Bytes::new(),
        stamp: 1,
        ttl: None,
    };
    store.write(vec![write]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_power_cut_and_nothing_is_half_there() {
    let rounds =
        std::env::var("PLAYHOUSE_CUT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(25);
    let first: u64 = std::env::var("PLAYHOUSE_CUT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let seeds: Vec<u64> = (first..first + rounds).collect();
    // A round mostly waits for the disk.
    for seeds in seeds.chunks(4) {
        let rounds: Vec<_> = seeds.iter().map(|seed| (*seed, tokio::spawn(round(*seed)))).collect();
        for (seed, round) in rounds {
            let end = round.await;
            assert!(end.is_ok(), "again: PLAYHOUSE_CUT_SEED={seed} PLAYHOUSE_CUT_ROUNDS=1; {end:?}");
        }
    }
}

#[test]
fn a_start_that_was_cut_off_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("db");
    std::fs::create_dir_all(db.join("keyspaces")).unwrap();
    std::fs::write(db.join("0.jnl"), [0; 100]).unwrap();
    FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
}

#[test]
fn a_journal_damaged_before_its_end_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let disk = {
        let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for _ in 0..3 {
                store.fence(RoomLog::DEF, &room(0)).await.unwrap();
            }
        });
        Disk::read(folder.path())
    };
    let after = tempfile::tempdir().unwrap();
    disk.write_damaged(after.path());
    let before = std::fs::read(after.path().join("db/0.jnl")).unwrap();

    let refused = FjallBackend::open(after.path(), FjallOptions::default()).unwrap_err();

    assert!(refused.to_string().contains("0.jnl is broken at byte"), "{refused}");
    assert_eq!(std::fs::read(after.path().join("db/0.jnl")).unwrap(), before);
}
