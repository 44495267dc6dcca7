//! Rows that live for a time.

use std::{ops::Bound, time::Duration};

use playhouse_storage::{Expect, Key, Order, Outcome, Table, tables::TransactionAnswer};

use crate::{bench::Laws, vocabulary::*};

const MINUTE: Duration = Duration::from_mins(1);

fn user() -> Key {
    key(["@a:b"])
}

fn row() -> Key {
    key(["!r:b", "kind"])
}

pub const LAWS: Laws = &[
    ("a row is gone for every reader the moment its time is over", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            store.write(vec![put_for(&user(), &row(), "short", 1, MINUTE)]).await.unwrap();
            bench.advance(Duration::from_millis(59_999));
            assert_eq!(value(store, PAIRS, &user(), &row()).await.as_deref(), Some("short"));

            bench.advance(Duration::from_millis(1));

            assert_eq!(value(store, PAIRS, &user(), &row()).await, None);
            assert_eq!(store.multi_get(PAIRS, &[(user(), row())]).await.unwrap(), [None]);
            assert_eq!(keys(store, PAIRS, &user(), everything(Order::Forward)).await, (vec![], false));
            assert_eq!(store.partitions(PAIRS, None, 10).await.unwrap(), Vec::<Key>::new());
            let taken = claim(&user(), vec![(row(), Expect::Absent)], vec![(row(), Some(bytes("mine")))]);
            assert_eq!(store.claim(taken).await.unwrap(), Outcome::Applied);
        })
    }),
    ("a table's own time bounds its rows; a shorter one is kept to", |bench| {
        Box::pin(async move {
            let day = TransactionAnswer::DEF.ttl.unwrap();
            let (device, at) = (key(["@a:b", "D"]), |id: &str| key(["/send", id]));
            let mut short = put_for(&device, &at("short"), "", 1, MINUTE);
            if let playhouse_storage::Write::Put { table, .. } = &mut short {
                *table = TransactionAnswer::DEF;
            }
            let writes = vec![put(TransactionAnswer::DEF, &device, &at("long"), "", 1), short];
            bench.store.write(writes).await.unwrap();

            let ids = async || {
                keys(&*bench.store, TransactionAnswer::DEF, &device, everything(Order::Forward)).await.0
            };
            bench.advance(MINUTE);
            assert_eq!(ids().await, [at("long")]);
            bench.advance(day);
            assert_eq!(ids().await, Vec::<Key>::new());
        })
    }),
    ("a newer write takes the row's end with it", |bench| {
        Box::pin(async move {
            bench.store.write(vec![put_for(&user(), &row(), "short", 1, MINUTE)]).await.unwrap();
            bench.store.write(vec![put(PAIRS, &user(), &row(), "for ever", 2)]).await.unwrap();
            bench.advance(MINUTE * 2);
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await.as_deref(), Some("for ever"));
        })
    }),
    ("an export tells each row's stamp and what is left of its life", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            let (short, forever) = (key(["!r:b", "short"]), key(["!s:b", "for ever"]));
            let writes = vec![
                put_for(&user(), &short, "short", 7, MINUTE),
                put(PAIRS, &user(), &forever, "for ever", 8),
                delete(PAIRS, &user(), &key(["!t:b", "gone"]), 9),
            ];
            store.write(writes).await.unwrap();
            bench.advance(MINUTE / 2);

            let page = store.export(PAIRS, &user(), everything(Order::Forward)).await.unwrap();

            let [first, second] = &page.rows[..] else { panic!("{page:?}") };
            assert_eq!((&first.row.clustering, first.stamp), (&short, 7));
            let life = first.life.unwrap();
            assert!((29.0..=30.0).contains(&life.as_secs_f64()), "{life:?}");
            assert_eq!((&second.row.clustering, second.stamp, second.life), (&forever, 8, None));
            assert!(!page.more);
            let one = slice(Bound::Included(key(["!r:b"])), Bound::Unbounded, Order::Backward, 1);
            let page = store.export(PAIRS, &user(), one).await.unwrap();
            assert_eq!((page.rows.as_slice(), page.more), (std::slice::from_ref(second), true));
        })
    }),
    ("expiry outlives a restart", |bench| {
        Box::pin(async move {
            bench.store.write(vec![put_for(&user(), &row(), "short", 1, MINUTE)]).await.unwrap();
            let bench = bench.restart().await;
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await.as_deref(), Some("short"));
            bench.advance(MINUTE);
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await, None);
        })
    }),
];
