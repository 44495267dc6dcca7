//! What only the embedded store promises: its folder, its restarts, its end.

#![allow(clippy::unwrap_used)]

use std::{
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use playhouse_storage::{
    Append, Backend, Key, KeyValue, Order, Outcome, Slice, Store, StoreError, Table, Write,
    backends::fjall::{CommitHook, CommitStage, Fault, FjallBackend, FjallOptions, OpenError},
    clock::ManualClock,
    offline::{Finding, check},
    tables::{AccessToken, RoomLog},
};

fn room(bucket: i64) -> Key {
    vec![KeyValue::Text("!a:b".to_owned()), KeyValue::Int(bucket)]
}

fn append(fence: i64, expected: Option<i64>, seq: i64) -> Append {
    Append {
        table: RoomLog::DEF,
        partition: room(0),
        fence,
        expected_head_seq: expected,
        new_head_seq: seq,
        head: Bytes::from_static(b"{}"),
        rows: vec![(vec![KeyValue::Int(seq)], Bytes::from(format!("event {seq}")))],
        projections: Vec::new(),
    }
}

async fn events(store: &FjallBackend) -> usize {
    let slice = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: 1000 };
    store.slice(RoomLog::DEF, &room(0), slice).await.unwrap().rows.len()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
    let guard = store.fence(RoomLog::DEF, &room(0)).await.unwrap();
    assert_eq!(store.append(append(guard.fence, None, 0)).await.unwrap(), Outcome::Applied);
    assert_eq!(store.append(append(guard.fence, Some(0), 1)).await.unwrap(), Outcome::Applied);
    store.close().await;

    let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();

    let guard = store.guard(RoomLog::DEF, &room(0)).await.unwrap().unwrap();
    assert_eq!((guard.fence, guard.head_seq), (1, Some(1)));
    assert_eq!(events(&store).await, 2);
}

#[tokio::test]
async fn a_folder_in_use_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let _store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();

    let second = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap_err();

    assert!(matches!(second, OpenError::Locked { .. }));
    assert!(second.to_string().contains(&std::process::id().to_string()), "{second}");
}

#[tokio::test]
async fn a_failed_sync_ends_all_acknowledgement_until_a_restart() {
    for fault in [Fault::SyncFails, Fault::DiskFull] {
        let folder = tempfile::tempdir().unwrap();
        let broken = Arc::new(AtomicBool::new(false));
        let hook = CommitHook::new({
            let broken = broken.clone();
            move |stage| {
                let fails = stage == CommitStage::Before && broken.load(Ordering::SeqCst);
                if fails { fault } else { Fault::None }
            }
        });
        let options = FjallOptions { hook: Some(hook), ..FjallOptions::default() };
        let store = FjallBackend::open(folder.path(), options).unwrap();
        let fence = store.fence(RoomLog::DEF, &room(0)).await.unwrap().fence;
        assert_eq!(store.append(append(fence, None, 0)).await.unwrap(), Outcome::Applied);
        store.ready().await.unwrap();

        broken.store(true, Ordering::SeqCst);
        let lost = store.append(append(fence, Some(0), 1)).await;
        broken.store(false, Ordering::SeqCst);

        assert!(matches!(lost, Err(StoreError::Poisoned { .. })), "{lost:?}");
        assert!(matches!(store.append(append(fence, Some(0), 1)).await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.ready().await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.guard(RoomLog::DEF, &room(0)).await, Err(StoreError::Poisoned { .. })));
        store.close().await;
        let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
        assert!(events(&store).await >= 1);
    }
}

#[tokio::test]
async fn a_closed_store_refuses_and_frees_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
    store.close().await;

    assert!(matches!(store.fence(RoomLog::DEF, &room(0)).await, Err(StoreError::Unavailable { .. })));
    FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
}

fn token(hash: &str, value: &[u8], stamp: i64, ttl: Option<Duration>) -> Write {
    Write::Put {
        table: AccessToken::DEF,
        partition: vec![KeyValue::Text(hash.to_owned())],
        clustering: Vec::new(),
        value: Bytes::copy_from_slice(value),
        stamp,
        ttl,
    }
}

async fn has(store: &FjallBackend, hash: &str) -> Result<bool, StoreError> {
    let row = store.get(AccessToken::DEF, &vec![KeyValue::Text(hash.to_owned())], &vec![]).await?;
    Ok(row.is_some())
}

#[tokio::test]
async fn expired_rows_are_swept_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(1_000);
    let sweep_every = Duration::from_millis(1);
    let options = FjallOptions { clock: clock.clock(), sweep_every, ..FjallOptions::default() };
    let store = FjallBackend::open(folder.path(), options).unwrap();
    let life = Some(Duration::from_mins(1));
    let names: Vec<String> = (0..600).map(|n| format!("{n}")).collect();
    store.write(names.iter().map(|name| token(name, b"x", 10, life)).collect()).await.unwrap();

    clock.advance(Duration::from_mins(1));

    // While the expired row is there, it keeps out a write with a lower stamp; once it is swept, nothing does.
    for name in names {
        while !has(&store, &name).await.unwrap() {
            store.write(vec![token(&name, b"y", 5, None)]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_write_is_refused_when_the_queue_stays_full() {
    let folder = tempfile::tempdir().unwrap();
    let (go, gate) = flume::bounded::<()>(0);
    let hook = CommitHook::new(move |stage| {
        if stage == CommitStage::Before {
            let _ = gate.recv();
        }
        Fault::None
    });
    let queue_timeout = Duration::from_millis(50);
    let options = FjallOptions { hook: Some(hook), queue_timeout, ..FjallOptions::default() };
    let store = Arc::new(FjallBackend::open(folder.path(), options).unwrap());
    let large = |n: usize| token(&format!("{n}"), &vec![7; 7 << 20], 1, None);
    let accepted: Vec<_> = (0..9)
        .map(|n| {
            let (store, write) = (store.clone(), large(n));
            tokio::spawn(async move { store.write(vec![write]).await })
        })
        .collect();
    tokio::task::yield_now().await;

    let refused = store.write(vec![large(9)]).await;

    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    drop(go);
    for write in accepted {
        write.await.unwrap().unwrap();
    }
    assert!(has(&store, "8").await.unwrap() && !has(&store, "9").await.unwrap());
}

/// Writes what is no row where the token `@bad:b` is.
fn spoil(folder: &std::path::Path) {
    drop(FjallBackend::open(folder, FjallOptions::default()).unwrap());
    let db = fjall::Database::builder(folder.join("db")).open().unwrap();
    let tree = db.keyspace("user", fjall::KeyspaceCreateOptions::default).unwrap();
    tree.insert([&[AccessToken::DEF.id], &b"bad\0\0"[..]].concat(), b"?").unwrap();
    db.persist(fjall::PersistMode::SyncAll).unwrap();
}

#[tokio::test]
async fn a_check_comes_across_a_corrupt_row_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    spoil(folder.path());
    let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
    store.write(vec![token("cad", b"not JSON", 1, None)]).await.unwrap();
    let mut findings: Vec<Finding> = Vec::new();

    check(&Store::new(store), &mut findings).await.unwrap();

    let keys: Vec<_> = findings.iter().map(|finding| (finding.table, finding.key.as_str())).collect();
    assert_eq!(keys, [("access_token", "hash=\"bad\""), ("access_token", "hash=\"cad\"")]);
}

#[tokio::test]
async fn a_corrupt_row_fails_the_requests_that_need_it_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    spoil(folder.path());
    let store = Arc::new(FjallBackend::open(folder.path(), FjallOptions::default()).unwrap());
    let fence = store.fence(RoomLog::DEF, &room(0)).await.unwrap().fence;

    let mut on_bad = append(fence, None, 0);
    on_bad.projections = vec![token("good", b"x", 1, None), token("bad", b"x", 1, None)];
    let beside = store.write(vec![token("other", b"x", 1, None)]);
    let (on_bad, beside) = tokio::join!(store.append(on_bad), beside);

    assert!(matches!(on_bad, Err(StoreError::Corrupt { .. })), "{on_bad:?}");
    beside.unwrap();
    assert!(matches!(has(&store, "bad").await, Err(StoreError::Corrupt { .. })));
    assert_eq!((events(&store).await, has(&store, "good").await.unwrap()), (0, false));
    assert_eq!(store.append(append(fence, None, 0)).await.unwrap(), Outcome::Applied);
}

#[tokio::test]
async fn a_store_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallBackend::open(folder.path(), FjallOptions::default()).unwrap());
    {
        let db = fjall::Database::builder(folder.path().join("db")).open().unwrap();
        let tree = db.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
        tree.insert([0, 0], b"99").unwrap();
        db.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let refused = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap_err();
    assert!(matches!(&refused, OpenError::Format { found, .. } if found == "99"), "{refused}");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_its_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallBackend::open(folder.path(), FjallOptions::default()).unwrap();
    let write = store.write(vec![token("a", b"x", 1, None)]);
    assert!(futures_util::FutureExt::now_or_never(write).is_none());
    store.ready().await.unwrap();
    assert!(has(&store, "a").await.unwrap());
}
