//! Single rows.

use std::ops::Bound;

use playhouse_storage::{
    Expect, Order, StoreError, Table, Write,
    backends::shape::{MAX_KEY_BYTES, MAX_VALUE_BYTES},
    tables::EventLocation,
};

use crate::{bench::Laws, vocabulary::*};

pub const LAWS: Laws = &[
    ("a row is read back as it was written", |bench| {
        Box::pin(async move {
            let (user, row) = (key(["@a:b"]), key(["!r:b", "m.tag"]));
            assert_eq!(value(&*bench.store, PAIRS, &user, &row).await, None);

            bench.store.write(vec![put(PAIRS, &user, &row, "one", 1)]).await.unwrap();
            assert_eq!(value(&*bench.store, PAIRS, &user, &row).await.as_deref(), Some("one"));

            bench.store.write(vec![delete(PAIRS, &user, &row, 2)]).await.unwrap();
            assert_eq!(value(&*bench.store, PAIRS, &user, &row).await, None);
        })
    }),
    ("a table without clustering columns has one row a partition", |bench| {
        Box::pin(async move {
            let (one, two) = (key(["@a:b"]), key(["@a:bc"]));
            bench.store.write(vec![put(EventLocation::DEF, &one, &vec![], "", 1)]).await.unwrap();
            assert_eq!(value(&*bench.store, EventLocation::DEF, &one, &vec![]).await.as_deref(), Some(""));
            assert_eq!(value(&*bench.store, EventLocation::DEF, &two, &vec![]).await, None);
        })
    }),
    ("many rows come in the order of their keys", |bench| {
        Box::pin(async move {
            let rows: Vec<_> = (0..100).map(|n| (key([&format!("@{n}:b")]), key(["", "kind"]))).collect();
            let even = rows.iter().enumerate().filter(|(n, _)| n % 2 == 0);
            let writes = even.map(|(n, (user, row))| put(PAIRS, user, row, &n.to_string(), 1)).collect();
            bench.store.write(writes).await.unwrap();

            for many in [5, 100] {
                let keys: Vec<_> = rows.iter().take(many).rev().cloned().collect();
                let found = bench.store.multi_get(PAIRS, &keys).await.unwrap();
                let found: Vec<_> = found.into_iter().map(|row| row.map(|row| row.value)).collect();
                let expected: Vec<_> =
                    (0..many).rev().map(|n| (n % 2 == 0).then(|| bytes(&n.to_string()))).collect();
                assert_eq!(found, expected);
            }
        })
    }),
    ("values of any text and of some size are kept", |bench| {
        Box::pin(async move {
            let user = key(["@a:b"]);
            let large: String = (0..100_000_u32)
                .filter_map(|n| char::from_u32(n.wrapping_mul(2_654_435_761) >> 15))
                .collect();
            for value in [String::new(), "\0\u{10ffff}\0'\"".to_owned(), large] {
                let write = Write::Put {
                    table: PAIRS,
                    partition: user.clone(),
                    clustering: key(["", ""]),
                    value: bytes(&value),
                    stamp: value.len() as i64,
                    ttl: None,
                };
                bench.store.write(vec![write]).await.unwrap();
                let row = bench.store.get(PAIRS, &user, &key(["", ""])).await.unwrap().unwrap();
                assert!(row.value == value, "{} bytes", value.len());
            }
        })
    }),
    ("what does not fit the table is refused and writes nothing", |bench| {
        Box::pin(async move {
            let (user, row) = (key(["@a:b"]), key(["", "x"]));
            let good = || put(PAIRS, &user, &row, "good", 1);
            let long = "x".repeat(MAX_KEY_BYTES + 1);
            let huge = "x".repeat(MAX_VALUE_BYTES + 1);
            let bad = [
                put(PAIRS, &user, &key(["short"]), "", 1),
                put(PAIRS, &vec![int(1)], &row, "", 1),
                put(PAIRS, &key([""]), &row, "", 1),
                put(PAIRS, &user, &vec![text(""), int(1)], "", 1),
                put(PAIRS, &user, &key(["", &long]), "", 1),
                put(PAIRS, &user, &row, &huge, 1),
            ];
            let latin = Write::Put {
                table: PAIRS,
                partition: user.clone(),
                clustering: row.clone(),
                value: vec![b'"', 0xe9, b'"'].into(),
                stamp: 1,
                ttl: None,
            };
            for bad in bad.into_iter().chain([latin]) {
                let refused = bench.store.write(vec![good(), bad]).await;
                assert!(matches!(refused, Err(StoreError::Misuse { .. })), "{refused:?}");
            }
            assert_eq!(value(&*bench.store, PAIRS, &user, &row).await, None);
            assert!(bench.store.get(PAIRS, &user, &key(["short"])).await.is_err());
        })
    }),
    ("a table is written in its one way", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            let (user, event) = (key(["@a:b"]), vec![int(0)]);
            let absent = || vec![(key(["master"]), Expect::Absent)];
            for wrong in [put(CLAIMS, &user, &key(["master"]), "", 1), put(LOG, &room("!r:b"), &event, "", 1)]
            {
                let (table, partition) = wrong.place();
                let (partition, row) =
                    (partition.clone(), if table.is_guarded() { event.clone() } else { key(["master"]) });
                let gone = delete(table, &partition, &row, 1);
                let all_gone = delete_range(table, &partition, Bound::Unbounded, Bound::Unbounded, 1);
                for wrong in [wrong, gone, all_gone] {
                    let mut riding = claim(&user, absent(), vec![(key(["master"]), Some(bytes("x")))]);
                    riding.projections = vec![wrong.clone()];
                    let refused = store.claim(riding).await;
                    assert!(matches!(refused, Err(StoreError::Misuse { .. })), "{refused:?}");
                    let refused = store.write(vec![wrong]).await;
                    assert!(matches!(refused, Err(StoreError::Misuse { .. })), "{refused:?}");
                }
            }
            for table in [PAIRS, LOG] {
                let mut wrong = claim(&user, absent(), vec![]);
                wrong.table = table;
                assert!(matches!(store.claim(wrong).await, Err(StoreError::Misuse { .. })));
            }
            for table in [PAIRS, CLAIMS] {
                assert!(matches!(store.fence(table, &user).await, Err(StoreError::Misuse { .. })));
                assert!(matches!(store.guard(table, &user).await, Err(StoreError::Misuse { .. })));
                let mut wrong = append(&user, 0, None, 0);
                wrong.table = table;
                assert!(matches!(store.append(wrong).await, Err(StoreError::Misuse { .. })));
            }
            assert_eq!(value(store, CLAIMS, &user, &key(["master"])).await, None);
        })
    }),
    ("a partition of an empty name is there for nobody", |bench| {
        Box::pin(async move {
            let (nobody, row) = (key([""]), key(["", "x"]));
            assert_eq!(value(&*bench.store, PAIRS, &nobody, &row).await, None);
            assert_eq!(bench.store.multi_get(PAIRS, &[(nobody.clone(), row)]).await.unwrap(), [None]);
            assert_eq!(
                keys(&*bench.store, PAIRS, &nobody, everything(Order::Forward)).await,
                (vec![], false)
            );
        })
    }),
    ("rows outlive a restart", |bench| {
        Box::pin(async move {
            let (user, row) = (key(["@a:b"]), key(["", "x"]));
            bench.store.write(vec![put(PAIRS, &user, &row, "one", 1)]).await.unwrap();
            let bench = bench.restart().await;
            assert_eq!(value(&*bench.store, PAIRS, &user, &row).await.as_deref(), Some("one"));
        })
    }),
];
