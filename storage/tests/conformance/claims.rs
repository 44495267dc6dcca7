//! Conditional batches on plain rows.

use playhouse_storage::{Expect, Key, Order, Outcome, Table, tables::OneTimeKey};

use crate::{bench::Laws, vocabulary::*};

fn user() -> Key {
    key(["@a:b"])
}

fn at(name: &str) -> Key {
    key([name, ""])
}

pub const LAWS: Laws = &[
    ("a claim applies only if every condition holds, and then whole", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            store.write(vec![put(PAIRS, &user(), &at("there"), "one", 1)]).await.unwrap();
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
                batch.projections = vec![put(PAIRS, &key(["@other:b"]), &at("p"), "x", 1)];
                assert_eq!(store.claim(batch).await.unwrap(), expected);
                let applied = expected == Outcome::Applied;
                assert_eq!(value(store, PAIRS, &user(), &at("there")).await.is_none(), applied);
                assert_eq!(value(store, PAIRS, &user(), &at("new")).await.is_some(), applied);
                assert_eq!(value(store, PAIRS, &key(["@other:b"]), &at("p")).await.is_some(), applied);
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
            assert_eq!(value(&*bench.store, PAIRS, &user(), &at("name")).await, winners.pop());
        })
    }),
    ("a claimed key is handed out once, in order, whatever is uploaded again", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            let partition: Key = OneTimeKey::DEF.partition.iter().map(|_| text("x")).collect();
            let columns = OneTimeKey::DEF.clustering.iter();
            let name = |n: i64| -> Key {
                let column = |kind| match kind {
                    playhouse_storage::ColumnKind::Int => int(n),
                    playhouse_storage::ColumnKind::Text => text(&format!("{n}")),
                };
                columns.clone().map(|column_def| column(column_def.kind)).collect()
            };
            let upload =
                || (1..4).map(|n| put(OneTimeKey::DEF, &partition, &name(n), "key", 7)).collect::<Vec<_>>();
            store.write(upload()).await.unwrap();
            for n in 1..4 {
                let first =
                    keys(store, OneTimeKey::DEF, &partition, everything(Order::Forward)).await.0.remove(0);
                assert_eq!(first, name(n));
                let mut take = claim(&partition, vec![(first.clone(), Expect::Present)], vec![(first, None)]);
                take.table = OneTimeKey::DEF;
                assert_eq!(store.claim(take.clone()).await.unwrap(), Outcome::Applied);
                assert_eq!(store.claim(take).await.unwrap(), Outcome::Refused);
                store.write(upload()).await.unwrap();
            }
            assert_eq!(keys(store, OneTimeKey::DEF, &partition, everything(Order::Forward)).await.0.len(), 0);
        })
    }),
    ("a later put replaces what a claim wrote", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            let taken = claim(&user(), vec![], vec![(at("name"), Some(bytes("claimed")))]);
            assert_eq!(store.claim(taken).await.unwrap(), Outcome::Applied);
            store.write(vec![put(PAIRS, &user(), &at("name"), "later", 10)]).await.unwrap();
            assert_eq!(value(store, PAIRS, &user(), &at("name")).await.as_deref(), Some("later"));
        })
    }),
];
