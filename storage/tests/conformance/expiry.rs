//! Rows that live for a time.

use std::{ops::Bound, time::Duration};

use playhouse_storage::{
    Claim, Expect, Key, Order, Outcome, Table, Write,
    tables::{LoginToken, TransactionAnswer},
};

use crate::{bench::Laws, vocabulary::*};

fn user() -> Key {
    key(["@a:b"])
}

fn row() -> Key {
    key(["!r:b", "kind"])
}

pub const LAWS: Laws = &[
    ("a row is gone for every reader when its time is over", |bench| {
        Box::pin(async move {
            let (store, time, life) = (&*bench.store, &bench.time, bench.time.short_life());
            store.write(vec![put_for(&user(), &row(), "short", 1, life)]).await.unwrap();
            time.nearly_over(life);
            assert_eq!(value(store, PAIRS, &user(), &row()).await.as_deref(), Some("short"));

            time.over(life).await;

            assert_eq!(value(store, PAIRS, &user(), &row()).await, None);
            assert_eq!(store.multi_get(PAIRS, &[(user(), row())]).await.unwrap(), [None]);
            assert_eq!(keys(store, PAIRS, &user(), everything(Order::Forward)).await, (vec![], false));
            assert_eq!(store.partitions(PAIRS, None, 10).await.unwrap(), Vec::<Key>::new());
        })
    }),
    ("a table's own time bounds its rows; a shorter one is kept to", |bench| {
        Box::pin(async move {
            let (day, life) = (TransactionAnswer::DEF.ttl.unwrap(), bench.time.short_life());
            let (device, at) = (key(["@a:b", "D"]), |id: &str| key(["/send", id]));
            let put_for = |id, life| Write::Put {
                table: TransactionAnswer::DEF,
                partition: device.clone(),
                clustering: at(id),
                value: bytes(""),
                stamp: 1,
                ttl: life,
            };
            let writes =
                vec![put_for("own", None), put_for("short", Some(life)), put_for("long", Some(day * 9))];
            bench.store.write(writes).await.unwrap();

            let ids = async || {
                keys(&*bench.store, TransactionAnswer::DEF, &device, everything(Order::Forward)).await.0
            };
            bench.time.nearly_over(life);
            assert_eq!(ids().await, [at("long"), at("own"), at("short")]);
            bench.time.over(life).await;
            assert_eq!(ids().await, [at("long"), at("own")]);
            if bench.time.leap(day) {
                assert_eq!(ids().await, Vec::<Key>::new());
            }
        })
    }),
    ("a claimed row has its table's time, then the name is free", |bench| {
        Box::pin(async move {
            let token = key(["hash"]);
            let take = Claim {
                table: LoginToken::DEF,
                ..claim(&token, vec![(vec![], Expect::Absent)], vec![(vec![], Some(bytes("mine")))])
            };
            assert_eq!(bench.store.claim(take.clone()).await.unwrap(), Outcome::Applied);
            assert_eq!(bench.store.claim(take.clone()).await.unwrap(), Outcome::Refused);
            if bench.time.leap(LoginToken::DEF.ttl.unwrap()) {
                assert_eq!(value(&*bench.store, LoginToken::DEF, &token, &vec![]).await, None);
                assert_eq!(bench.store.claim(take).await.unwrap(), Outcome::Applied);
            }
        })
    }),
    ("a newer write takes the row's end with it", |bench| {
        Box::pin(async move {
            let life = bench.time.short_life();
            bench.store.write(vec![put_for(&user(), &row(), "short", 1, life)]).await.unwrap();
            bench.store.write(vec![put(PAIRS, &user(), &row(), "for ever", 2)]).await.unwrap();
            bench.time.nearly_over(life);
            bench.time.over(life).await;
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await.as_deref(), Some("for ever"));
        })
    }),
    ("an export tells each row's stamp and what is left of its life", |bench| {
        Box::pin(async move {
            let (store, life) = (&*bench.store, bench.time.short_life());
            let (short, forever) = (key(["!r:b", "short"]), key(["!s:b", "for ever"]));
            let writes = vec![
                put_for(&user(), &short, "short", 7, life),
                put(PAIRS, &user(), &forever, "for ever", 8),
                delete(PAIRS, &user(), &key(["!t:b", "gone"]), 9),
            ];
            store.write(writes).await.unwrap();
            let left = bench.time.half(life);

            let page = store.export(PAIRS, &user(), everything(Order::Forward)).await.unwrap();

            let [first, second] = &page.rows[..] else { panic!("{page:?}") };
            assert_eq!((&first.row.clustering, first.stamp), (&short, 7));
            let told = first.life.unwrap();
            assert!((left.saturating_sub(Duration::from_secs(2))..=left).contains(&told), "{told:?}");
            assert_eq!((&second.row.clustering, second.stamp, second.life), (&forever, 8, None));
            assert!(!page.more);
            let one = slice(Bound::Included(key(["!r:b"])), Bound::Unbounded, Order::Backward, 1);
            let page = store.export(PAIRS, &user(), one).await.unwrap();
            assert_eq!((page.rows.as_slice(), page.more), (std::slice::from_ref(second), true));
        })
    }),
    ("expiry outlives a restart", |bench| {
        Box::pin(async move {
            let life = bench.time.short_life();
            bench.store.write(vec![put_for(&user(), &row(), "short", 1, life)]).await.unwrap();
            let bench = bench.restart().await;
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await.as_deref(), Some("short"));
            bench.time.nearly_over(life);
            bench.time.over(life).await;
            assert_eq!(value(&*bench.store, PAIRS, &user(), &row()).await, None);
        })
    }),
];
