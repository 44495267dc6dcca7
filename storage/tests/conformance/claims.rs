//! Conditional batches on plain rows.

use std::ops::Bound::Unbounded;

use playhouse_storage::{
    Backend, Claim, Expect, IntoKey as _, Key, Order, Outcome, StoreError, Table,
    tables::{OneTimeKey, one_time_key::UPLOADS},
};

use crate::{bench::Laws, vocabulary::*};

fn user() -> Key {
    key(["@a:b"])
}

fn at(name: &str) -> Key {
    key([name])
}

async fn taken(store: &dyn Backend, name: &Key, value: &str) {
    let free = vec![(name.clone(), Expect::Absent)];
    let take = claim(&user(), free, vec![(name.clone(), Some(bytes(value)))]);
    assert_eq!(store.claim(take).await.unwrap(), Outcome::Applied);
}

pub const LAWS: Laws = &[
    ("a claim applies only if every condition holds, and then whole", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            taken(store, &at("there"), "one").await;
            let there = |expect| (at("there"), expect);
            let cases = [
                (vec![there(Expect::Absent)], Outcome::Refused),
                (vec![there(Expect::Value(bytes("two")))], Outcome::Refused),
                (vec![(at("nowhere"), Expect::Present)], Outcome::Refused),
                (vec![(at("nowhere"), Expect::Value(bytes("")))], Outcome::Refused),
                (vec![there(Expect::Present), (at("nowhere"), Expect::Present)], Outcome::Refused),
                (vec![there(Expect::Value(bytes("one"))), (at("nowhere"), Expect::Absent)], Outcome::Applied),
            ];
            for (conditions, expected) in cases {
                let writes = vec![(at("there"), None), (at("new"), Some(bytes("fresh")))];
                let mut batch = claim(&user(), conditions, writes);
                batch.projections = vec![put(PAIRS, &key(["@other:b"]), &key(["p", ""]), "x", 1)];
                assert_eq!(store.claim(batch).await.unwrap(), expected);
                let applied = expected == Outcome::Applied;
                assert_eq!(value(store, CLAIMS, &user(), &at("there")).await.is_none(), applied);
                assert_eq!(value(store, CLAIMS, &user(), &at("new")).await.is_some(), applied);
                assert_eq!(value(store, PAIRS, &key(["@other:b"]), &key(["p", ""])).await.is_some(), applied);
            }
        })
    }),
    ("of claims that race for one name exactly one applies", |bench| {
        Box::pin(async move {
            let racers = (0..32).map(|n| {
                let store = bench.store.clone();
                let row = Some(bytes(&n.to_string()));
                let batch = claim(&user(), vec![(at("name"), Expect::Absent)], vec![(at("name"), row)]);
                tokio::spawn(async move { (n, store.claim(batch).await.unwrap()) })
            });
            let mut winners = Vec::new();
            for racer in racers.collect::<Vec<_>>() {
                let (n, outcome) = racer.await.unwrap();
                if outcome == Outcome::Applied {
                    winners.push(n.to_string());
                }
            }
            assert_eq!(winners.len(), 1);
            assert_eq!(value(&*bench.store, CLAIMS, &user(), &at("name")).await, winners.pop());
        })
    }),
    ("a claimed key is handed out once, in order, and an upload repeated adds nothing", |bench| {
        Box::pin(async move {
            let (store, device) = (&*bench.store, key(["@a:b", "PHONE"]));
            let stock =
                |conditions, writes| Claim { table: OneTimeKey::DEF, ..claim(&device, conditions, writes) };
            let uploads = UPLOADS.to_key();
            let at = |n: i64| vec![text("curve"), int(n), text("id")];
            let upload = || {
                let keys = (1..4).map(|n| (at(n), Some(bytes("key"))));
                let keys = keys.chain([(uploads.clone(), Some(bytes("7")))]).collect();
                stock(vec![(uploads.clone(), Expect::Absent)], keys)
            };
            assert_eq!(store.claim(upload()).await.unwrap(), Outcome::Applied);
            for n in 1..4 {
                let mut left = keys(store, OneTimeKey::DEF, &device, everything(Order::Forward)).await.0;
                assert_eq!(left.swap_remove(1), at(n));
                let take = stock(vec![(at(n), Expect::Present)], vec![(at(n), None)]);
                assert_eq!(store.claim(take.clone()).await.unwrap(), Outcome::Applied);
                assert_eq!(store.claim(take).await.unwrap(), Outcome::Refused);
                assert_eq!(store.claim(upload()).await.unwrap(), Outcome::Refused);
            }
            let left = keys(store, OneTimeKey::DEF, &device, everything(Order::Forward)).await;
            assert_eq!(left, (vec![uploads], false));
        })
    }),
    ("a claim may ask for what it does not write, and leaves that as it is", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            taken(store, &at("value"), "one").await;
            taken(store, &at("present"), "two").await;
            let conditions = vec![
                (at("absent"), Expect::Absent),
                (at("value"), Expect::Value(bytes("one"))),
                (at("present"), Expect::Present),
            ];
            let before = store.slice(CLAIMS, &user(), everything(Order::Forward)).await.unwrap().rows;
            assert_eq!(before.len(), 2);

            let nothing = claim(&user(), conditions.clone(), vec![]);
            assert_eq!(store.claim(nothing).await.unwrap(), Outcome::Applied);
            let page = store.slice(CLAIMS, &user(), slice(Unbounded, Unbounded, Order::Forward, 2)).await;
            assert_eq!((page.as_ref().unwrap().rows.clone(), page.unwrap().more), (before, false));

            let one = claim(&user(), conditions, vec![(at("absent"), Some(bytes("three")))]);
            assert_eq!(store.claim(one.clone()).await.unwrap(), Outcome::Applied);
            assert_eq!(store.claim(one).await.unwrap(), Outcome::Refused);
            assert_eq!(value(store, CLAIMS, &user(), &at("absent")).await.as_deref(), Some("three"));
        })
    }),
    ("of claims in a row each sees what the one before it left", |bench| {
        Box::pin(async move {
            let (store, name) = (&*bench.store, at("name"));
            let set = |from: Expect, to: Option<&str>| {
                claim(&user(), vec![(name.clone(), from)], vec![(name.clone(), to.map(bytes))])
            };
            let steps = [
                (Expect::Absent, Some("z")),
                (Expect::Value(bytes("z")), Some("a")),
                (Expect::Value(bytes("a")), Some("")),
                (Expect::Value(bytes("")), None),
                (Expect::Absent, Some("b")),
                (Expect::Present, None),
            ];
            for (from, to) in steps {
                assert_eq!(store.claim(set(from.clone(), to)).await.unwrap(), Outcome::Applied, "{from:?}");
                assert_eq!(value(store, CLAIMS, &user(), &name).await.as_deref(), to);
            }
        })
    }),
    ("a claim without a condition or with a row twice is refused", |bench| {
        Box::pin(async move {
            let row = |value: &str| (at("name"), Some(bytes(value)));
            let absent = vec![(at("name"), Expect::Absent)];
            for wrong in
                [claim(&user(), vec![], vec![row("x")]), claim(&user(), absent, vec![row("x"), row("y")])]
            {
                let refused = bench.store.claim(wrong).await;
                assert!(matches!(refused, Err(StoreError::Misuse { .. })), "{refused:?}");
            }
            assert_eq!(value(&*bench.store, CLAIMS, &user(), &at("name")).await, None);
        })
    }),
];
