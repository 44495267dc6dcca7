//! The memory back end is as unhelpful as it says, replays by seed, and still keeps the contract: a writer that lives
//! by the contract loses nothing on it.

#![allow(clippy::unwrap_used)]

use std::ops::Bound;

use bytes::Bytes;
use playhouse_storage::{
    Append, Backend, Claim, Expect, Key, KeyValue, Order, Outcome, Slice, StoreError, Table, Write,
    backends::memory::{Adversity, MemoryBackend},
    tables::{Account, EventLocation, RoomLog},
};

const HARSH: Adversity = Adversity {
    unknown_per_mille: 300,
    lose_projection_per_mille: 200,
    partial_write_per_mille: 300,
    delay_yields: 3,
};

fn room() -> Key {
    vec![KeyValue::Text("!a:b".into()), KeyValue::Int(0)]
}

fn name(n: i64) -> Key {
    vec![KeyValue::Text(format!("{n}"))]
}

fn row(partition: Key, value: &str) -> Write {
    Write::Put {
        table: EventLocation::DEF,
        partition,
        clustering: Vec::new(),
        value: Bytes::copy_from_slice(value.as_bytes()),
        stamp: 1,
        ttl: None,
    }
}

fn append(fence: i64, head: Option<i64>, mark: &str) -> Append {
    let seq = head.map_or(0, |head| head + 1);
    Append {
        table: RoomLog::DEF,
        partition: room(),
        fence,
        expected_head_seq: head,
        new_head_seq: seq,
        head: Bytes::copy_from_slice(mark.as_bytes()),
        rows: vec![(vec![KeyValue::Int(seq)], Bytes::copy_from_slice(mark.as_bytes()))],
        projections: vec![row(name(seq), mark), row(name(-1 - seq), mark)],
    }
}

async fn log(store: &MemoryBackend) -> Vec<String> {
    let all = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: 10_000 };
    let rows = store.slice(RoomLog::DEF, &room(), all).await.unwrap().rows;
    rows.into_iter().map(|row| String::from_utf8(row.value.to_vec()).unwrap()).collect()
}

/// Takes the room over, however often that needs asking.
async fn take(store: &MemoryBackend) -> playhouse_storage::Guard {
    loop {
        if let Ok(guard) = store.fence(RoomLog::DEF, &room()).await {
            return guard;
        }
    }
}

/// Appends marks in order as the contract asks: after an unknown outcome fence, read the head, then go on.
async fn write_all(store: &MemoryBackend, marks: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut guard = take(store).await;
    while guard.head_seq != Some(marks as i64 - 1) {
        let next = guard.head_seq.map_or(0, |head| head + 1);
        let outcome = store.append(append(guard.fence, guard.head_seq, &next.to_string())).await.unwrap();
        outcomes.push(outcome);
        match outcome {
            Outcome::Applied => guard.head_seq = Some(next),
            Outcome::Refused => panic!("nobody else writes here"),
            Outcome::Unknown => guard = take(store).await,
        }
    }
    outcomes
}

#[tokio::test]
async fn a_writer_that_fences_after_unknown_outcomes_writes_each_mark_once() {
    let mut unknown = 0;
    for seed in 0..50 {
        let store = MemoryBackend::new(seed, HARSH);
        let outcomes = write_all(&store, 30).await;
        unknown += outcomes.iter().filter(|outcome| **outcome == Outcome::Unknown).count();
        assert_eq!(log(&store).await, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    }
    assert!(unknown > 100, "{unknown}");
}

#[tokio::test]
async fn an_append_of_unknown_outcome_may_still_happen_until_the_room_is_fenced() {
    let mut grown = [0, 0];
    for seed in 0..300 {
        for fenced in [false, true] {
            let plain = MemoryBackend::new(seed, Adversity::none());
            let lossy = Adversity { unknown_per_mille: 1000, ..Adversity::none() };
            let store = MemoryBackend::open(&plain.disk(), lossy);
            let guard = take(&plain).await;
            assert_eq!(store.append(append(guard.fence, None, "x")).await.unwrap(), Outcome::Unknown);
            if fenced {
                take(&plain).await;
            }
            let at_first = log(&store).await.len();
            for _ in 0..40 {
                log(&store).await;
            }
            grown[usize::from(fenced)] += log(&store).await.len() - at_first;
        }
    }
    let [late, after_fence] = grown;
    assert!(late > 30, "{late}");
    assert_eq!(after_fence, 0);
}

#[tokio::test]
async fn a_seed_replays_to_the_same_outcomes_and_the_same_rows() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let store = MemoryBackend::new(7, HARSH);
        let outcomes = write_all(&store, 40).await;
        let keys = store.partitions(EventLocation::DEF, None, 1000).await.unwrap();
        runs.push((outcomes, keys, store.steps()));
    }
    assert_eq!(runs[0], runs[1]);
    let other = MemoryBackend::new(8, HARSH);
    assert_ne!(write_all(&other, 40).await, runs[0].0);
}

#[tokio::test]
async fn projections_get_lost_only_where_the_writer_was_told() {
    for seed in 0..100 {
        let store =
            MemoryBackend::new(seed, Adversity { lose_projection_per_mille: 500, ..Adversity::none() });
        let guard = take(&store).await;
        let outcome = store.append(append(guard.fence, None, "x")).await.unwrap();
        let there = store.partitions(EventLocation::DEF, None, 10).await.unwrap().len();
        assert!(there == 2 || outcome == Outcome::Unknown, "{there} {outcome:?}");
    }
}

#[tokio::test]
async fn a_write_may_be_cut_off_anywhere_and_says_so() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let store = MemoryBackend::new(seed, Adversity { partial_write_per_mille: 500, ..Adversity::none() });
        let result = store.write((0..3).map(|n| row(name(n), "x")).collect()).await;
        let there = store.partitions(EventLocation::DEF, None, 10).await.unwrap();
        match result {
            Ok(()) => assert_eq!(there.len(), 3),
            Err(error) => {
                assert!(error.is_transient());
                seen.insert(there);
            }
        }
    }
    assert_eq!(seen.len(), 8, "every subset comes up");
}

#[tokio::test]
async fn a_process_can_die_at_every_step_and_another_finds_a_log_without_gaps() {
    let whole = MemoryBackend::new(3, HARSH);
    write_all(&whole, 10).await;
    for step in 0..whole.steps() {
        let store = MemoryBackend::new(3, HARSH);
        store.crash_at(step);
        let dying = store.clone();
        let writer = tokio::spawn(async move { write_until_death(&dying).await });
        let acknowledged = writer.await.unwrap();
        assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));

        let next = MemoryBackend::open(&store.disk(), Adversity::none());
        let head = take(&next).await.head_seq.map_or(0, |head| head + 1);

        assert!(head >= acknowledged);
        assert_eq!(log(&next).await, (0..head).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

/// As [`write_all`], and gives up when the process is dead. Answers how many appends were acknowledged.
async fn write_until_death(store: &MemoryBackend) -> i64 {
    let mut acknowledged = 0;
    'own: loop {
        let Ok(mut guard) = store.fence(RoomLog::DEF, &room()).await else {
            if store.ready().await.is_err() {
                return acknowledged;
            }
            continue;
        };
        loop {
            let next = guard.head_seq.map_or(0, |head| head + 1);
            match store.append(append(guard.fence, guard.head_seq, &next.to_string())).await {
                Ok(Outcome::Applied) => acknowledged = next + 1,
                Ok(_) => continue 'own,
                Err(_) => return acknowledged,
            }
            guard.head_seq = Some(next);
        }
    }
}

#[tokio::test]
async fn a_frozen_process_goes_on_after_the_thaw_and_finds_itself_fenced() {
    let store = MemoryBackend::new(1, Adversity::none());
    let guard = take(&store).await;
    store.freeze();
    let paused = tokio::spawn({
        let store = store.clone();
        async move { store.append(append(guard.fence, None, "x")).await }
    });
    tokio::task::yield_now().await;

    let other = MemoryBackend::open(&store.disk(), Adversity::none());
    take(&other).await;
    store.thaw();

    assert_eq!(paused.await.unwrap().unwrap(), Outcome::Refused);
    assert_eq!(log(&other).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_name_is_taken_once_even_where_claims_come_late() {
    for seed in 0..100 {
        let store = MemoryBackend::new(seed, HARSH);
        let claim = |value: &str| Claim {
            table: Account::DEF,
            partition: name(0),
            conditions: vec![(vec![], Expect::Absent)],
            writes: vec![(vec![], Some(Bytes::copy_from_slice(value.as_bytes())))],
            projections: Vec::new(),
        };
        let mut winner = None;
        for value in ["a", "b", "c", "d"] {
            if store.claim(claim(value)).await.unwrap() == Outcome::Applied {
                assert_eq!(winner.replace(value), None);
            }
        }
        for _ in 0..40 {
            let held = store.get(Account::DEF, &name(0), &vec![]).await.unwrap().map(|row| row.value);
            if let Some(winner) = winner {
                assert_eq!(held, Some(Bytes::copy_from_slice(winner.as_bytes())));
            }
        }
    }
}
