//! Ranges of a partition.

use std::ops::Bound::{Excluded, Included, Unbounded};

use playhouse_storage::{
    Key,
    Order::{Backward, Forward},
    StoreError, Table,
    tables::{StateHistory, ToDevice},
};

use crate::{
    bench::{Bench, Laws},
    vocabulary::*,
};

/// Rooms that are prefixes of each other, with the bytes that an escape could get wrong.
const ROOMS: [&str; 9] = ["", "\0", "\0\0", "\0\u{1}", "a", "a\0", "a\0b", "ab", "é"];
const KINDS: [&str; 4] = ["", "\0", "k", "\u{10ffff}"];

fn user() -> Key {
    key(["@a:b"])
}

/// Every pair of room and kind, in order.
async fn fill(bench: &Bench) -> Vec<Key> {
    let pairs: Vec<Key> = ROOMS.iter().flat_map(|room| KINDS.map(|kind| key([room, kind]))).collect();
    let mut writes: Vec<_> = pairs.iter().map(|pair| put(PAIRS, &user(), pair, "x", 1)).collect();
    writes.reverse();
    writes.push(put(PAIRS, &key(["@a:b\0"]), &key(["a", "k"]), "another's", 1));
    writes.push(put(PAIRS, &key(["@a:"]), &key(["b", "k"]), "another's", 1));
    bench.store.write(writes).await.unwrap();
    pairs
}

pub const LAWS: Laws = &[
    ("a slice has the partition's rows in order and no other's", |bench| {
        Box::pin(async move {
            let mut pairs = fill(&bench).await;
            assert_eq!(
                keys(&*bench.store, PAIRS, &user(), everything(Forward)).await,
                (pairs.clone(), false)
            );
            pairs.reverse();
            assert_eq!(keys(&*bench.store, PAIRS, &user(), everything(Backward)).await, (pairs, false));
            assert_eq!(
                keys(&*bench.store, PAIRS, &key(["nobody"]), everything(Forward)).await,
                (vec![], false)
            );
        })
    }),
    ("an included prefix takes in all that starts with it, an excluded one none", |bench| {
        Box::pin(async move {
            let pairs = fill(&bench).await;
            let edges: Vec<Key> = ROOMS.iter().map(|room| key([room])).chain(pairs.clone()).collect();
            let head = |pair: &Key, edge: &Key| pair[..edge.len()].to_vec();
            for edge in &edges {
                for order in [Forward, Backward] {
                    let expect = |keep: &dyn Fn(&Key) -> bool| {
                        let mut kept: Vec<Key> = pairs.iter().filter(|pair| keep(pair)).cloned().collect();
                        if order == Backward {
                            kept.reverse();
                        }
                        kept
                    };
                    let get = async |from, to| {
                        keys(&*bench.store, PAIRS, &user(), slice(from, to, order, 1000)).await.0
                    };
                    let (at, past) = (Included(edge.clone()), Excluded(edge.clone()));
                    assert_eq!(get(at.clone(), Unbounded).await, expect(&|pair| head(pair, edge) >= *edge));
                    assert_eq!(get(past.clone(), Unbounded).await, expect(&|pair| head(pair, edge) > *edge));
                    assert_eq!(get(Unbounded, at.clone()).await, expect(&|pair| head(pair, edge) <= *edge));
                    assert_eq!(get(Unbounded, past.clone()).await, expect(&|pair| head(pair, edge) < *edge));
                    assert_eq!(get(at.clone(), at.clone()).await, expect(&|pair| head(pair, edge) == *edge));
                    assert_eq!(get(past.clone(), at).await, Vec::<Key>::new());
                }
            }
        })
    }),
    ("a range whose bounds cross is empty", |bench| {
        Box::pin(async move {
            fill(&bench).await;
            let crossed = slice(Included(key(["b"])), Included(key(["a"])), Forward, 10);
            assert_eq!(keys(&*bench.store, PAIRS, &user(), crossed).await, (vec![], false));
        })
    }),
    ("pages put together are the range, and say whether there is more", |bench| {
        Box::pin(async move {
            let pairs = fill(&bench).await;
            for limit in [1, 5, pairs.len() - 1, pairs.len(), pairs.len() + 1, 70] {
                let (mut from, mut paged) = (Unbounded, Vec::new());
                loop {
                    let (page, more) =
                        keys(&*bench.store, PAIRS, &user(), slice(from, Unbounded, Forward, limit)).await;
                    assert!(page.len() <= limit);
                    paged.extend(page);
                    assert_eq!(more, paged.len() < pairs.len());
                    match paged.last() {
                        Some(last) if more => from = Excluded(last.clone()),
                        _ => break,
                    }
                }
                assert_eq!(paged, pairs);
            }
            let none = bench.store.slice(PAIRS, &user(), slice(Unbounded, Unbounded, Forward, 0)).await;
            assert!(matches!(none, Err(StoreError::Misuse { .. })));
        })
    }),
    ("integers sort as numbers", |bench| {
        Box::pin(async move {
            let numbers = [i64::MIN, -513, -512, -1, 0, 1, 255, 256, i64::MAX];
            let inbox = key(["@a:b", "DEVICE"]);
            let writes =
                numbers.iter().rev().map(|n| put(ToDevice::DEF, &inbox, &vec![int(*n)], "x", 1)).collect();
            bench.store.write(writes).await.unwrap();
            let all: Vec<Key> = numbers.iter().map(|n| vec![int(*n)]).collect();
            assert_eq!(keys(&*bench.store, ToDevice::DEF, &inbox, everything(Forward)).await.0, all);
            let below = slice(Unbounded, Excluded(vec![int(0)]), Backward, 2);
            let expected = (vec![vec![int(-1)], vec![int(-512)]], true);
            assert_eq!(keys(&*bench.store, ToDevice::DEF, &inbox, below).await, expected);
        })
    }),
    ("the version of a key at a point is one backward slice", |bench| {
        Box::pin(async move {
            let names = vec![text("!r:b"), text("m.room.name"), int(0)];
            let at = |state_key: &str, since| vec![text(state_key), int(since)];
            let versions = [("", -5), ("", 3), ("", 9), ("\0", 1), ("x", 4)];
            let writes =
                versions.iter().map(|(k, n)| put(StateHistory::DEF, &names, &at(k, *n), "x", 1)).collect();
            bench.store.write(writes).await.unwrap();
            for (seq, expected) in [(-6, None), (-5, Some(-5)), (8, Some(3)), (9, Some(9)), (99, Some(9))] {
                let point = slice(Included(key([""])), Included(at("", seq)), Backward, 1);
                let found = keys(&*bench.store, StateHistory::DEF, &names, point).await.0;
                assert_eq!(found, expected.map(|since| at("", since)).into_iter().collect::<Vec<_>>());
            }
        })
    }),
    ("a long range over many deleted rows is whole", |bench| {
        Box::pin(async move {
            let inbox = key(["@a:b", "DEVICE"]);
            let at = |n: i64| vec![int(n)];
            let puts = (0..3000).map(|n| put(ToDevice::DEF, &inbox, &at(n), "x", 1)).collect();
            bench.store.write(puts).await.unwrap();
            let odd =
                (0..2500).filter(|n| n % 2 == 1).map(|n| delete(ToDevice::DEF, &inbox, &at(n), 2)).collect();
            bench.store.write(odd).await.unwrap();
            let middle = delete_range(ToDevice::DEF, &inbox, Included(at(100)), Excluded(at(2400)), 2);
            bench.store.write(vec![middle]).await.unwrap();
            let left: Vec<Key> = (0..3000)
                .filter(|n| (*n < 100 || *n >= 2400) && (*n >= 2500 || n % 2 == 0))
                .map(at)
                .collect();
            assert_eq!(
                keys(&*bench.store, ToDevice::DEF, &inbox, everything(Forward)).await,
                (left.clone(), false)
            );
            let first = slice(Included(at(99)), Unbounded, Forward, 1);
            assert_eq!(keys(&*bench.store, ToDevice::DEF, &inbox, first).await, (vec![at(2400)], true));
        })
    }),
];
