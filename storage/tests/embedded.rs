//! What only the embedded store promises: its folder, its restarts, its end.

#![allow(clippy::unwrap_used)]

use std::ops::Bound;

use bytes::Bytes;
use playhouse_storage::{
    Append, Backend, Key, KeyValue, Order, Outcome, Slice, StoreError, Table,
    backends::fjall::{CommitHook, CommitStage, Fault, FjallBackend, FjallOptions, OpenError},
    tables::RoomLog,
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
        let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let hook = CommitHook::new({
            let broken = broken.clone();
            move |stage| {
                let fails = stage == CommitStage::Before && broken.load(std::sync::atomic::Ordering::SeqCst);
                if fails { fault } else { Fault::None }
            }
        });
        let options = FjallOptions { hook: Some(hook), ..FjallOptions::default() };
        let store = FjallBackend::open(folder.path(), options).unwrap();
        let fence = store.fence(RoomLog::DEF, &room(0)).await.unwrap().fence;
        assert_eq!(store.append(append(fence, None, 0)).await.unwrap(), Outcome::Applied);
        store.ready().await.unwrap();

        broken.store(true, std::sync::atomic::Ordering::SeqCst);
        let lost = store.append(append(fence, Some(0), 1)).await;
        broken.store(false, std::sync::atomic::Ordering::SeqCst);

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
