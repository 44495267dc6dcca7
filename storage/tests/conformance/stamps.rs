//! Which write of a row stands.

use std::ops::Bound::{Excluded, Included, Unbounded};

use playhouse_storage::{Key, Write};

use crate::{bench::Laws, vocabulary::*};

fn user() -> Key {
    key(["@a:b"])
}

fn row() -> Key {
    key(["!r:b", "kind"])
}

fn set(value: &str, stamp: i64) -> Write {
    put(PAIRS, &user(), &row(), value, stamp)
}

fn gone(stamp: i64) -> Write {
    delete(PAIRS, &user(), &row(), stamp)
}

fn all_gone(stamp: i64) -> Write {
    delete_range(PAIRS, &user(), Unbounded, Unbounded, stamp)
}

pub const LAWS: Laws = &[
    ("the higher stamp wins, whenever it arrives", |bench| {
        Box::pin(async move {
            let histories: [(Vec<Write>, Option<&str>); 8] = [
                (vec![set("old", 1), set("new", 2)], Some("new")),
                (vec![set("old", -2), gone(-1)], None),
                (vec![gone(1), set("new", 2)], Some("new")),
                (vec![set("old", 1), all_gone(2)], None),
                (vec![all_gone(1), set("new", 2)], Some("new")),
                (vec![set("a", 5), set("b", 5)], Some("b")),
                (vec![set("a", 5), gone(5)], None),
                (vec![set("a", 5), all_gone(5)], None),
            ];
            for (n, (history, expected)) in histories.into_iter().enumerate() {
                for backward in [false, true] {
                    let name = key([&format!("@{n}{backward}:b")]);
                    let mut history = history.clone();
                    if backward {
                        history.reverse();
                    }
                    for mut write in history.clone() {
                        let (Write::Put { partition, .. }
                        | Write::Delete { partition, .. }
                        | Write::DeleteRange { partition, .. }) = &mut write;
                        partition.clone_from(&name);
                        bench.store.write(vec![write]).await.unwrap();
                    }
                    let found = value(&*bench.store, PAIRS, &name, &row()).await;
                    assert_eq!(found.as_deref(), expected, "{history:?}");
                }
            }
        })
    }),
    ("the order within one write does not matter either", |bench| {
        Box::pin(async move {
            bench.store.write(vec![set("new", 3), all_gone(2), gone(1), set("old", 2)]).await.unwrap();
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await.as_deref(), Some("new"));
        })
    }),
    ("a range deletion takes the rows in its bounds and leaves newer ones", |bench| {
        Box::pin(async move {
            let at = |room: &str| key([room, "kind"]);
            let writes = [("a", 1), ("b", 1), ("c", 9), ("d", 1)]
                .map(|(room, n)| put(PAIRS, &user(), &at(room), "x", n));
            bench.store.write(writes.to_vec()).await.unwrap();
            let range = delete_range(PAIRS, &user(), Included(key(["b"])), Excluded(key(["d"])), 5);
            bench.store.write(vec![range]).await.unwrap();
            let left =
                keys(&*bench.store, PAIRS, &user(), everything(playhouse_storage::Order::Forward)).await.0;
            assert_eq!(left, [at("a"), at("c"), at("d")]);
        })
    }),
    ("deletions are remembered over a restart", |bench| {
        Box::pin(async move {
            let other = key(["@c:b"]);
            bench.store.write(vec![set("x", 1), gone(5)]).await.unwrap();
            bench.store.write(vec![delete_range(PAIRS, &other, Unbounded, Unbounded, 5)]).await.unwrap();
            let bench = bench.restart().await;
            bench.store.write(vec![set("late", 4), put(PAIRS, &other, &row(), "late", 4)]).await.unwrap();
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await, None);
            assert_eq!(value(&*bench.store, PAIRS, &other, &row()).await, None);
        })
    }),
];
