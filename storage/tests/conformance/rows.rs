//! Single rows.

use playhouse_storage::{
    StoreError, Table, Write,
    backends::shape::{MAX_KEY_BYTES, MAX_VALUE_BYTES},
    tables::Account,
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
            bench.store.write(vec![put(Account::DEF, &one, &vec![], "", 1)]).await.unwrap();
            assert_eq!(value(&*bench.store, Account::DEF, &one, &vec![]).await.as_deref(), Some(""));
            assert_eq!(value(&*bench.store, Account::DEF, &two, &vec![]).await, None);
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
    ("values of any bytes and of some size are kept", |bench| {
        Box::pin(async move {
            let user = key(["@a:b"]);
            let large: Vec<u8> =
                (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            for value in [Vec::new(), vec![0, 255, 0], large] {
                let write = Write::Put {
                    table: PAIRS,
                    partition: user.clone(),
                    clustering: key(["", ""]),
                    value: value.clone().into(),
                    stamp: value.len() as i64,
                    ttl: None,
                };
                bench.store.write(vec![write]).await.unwrap();
                let row = bench.store.get(PAIRS, &user, &key(["", ""])).await.unwrap().unwrap();
                assert_eq!(row.value, value);
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
                put(PAIRS, &user, &vec![text(""), int(1)], "", 1),
                put(PAIRS, &user, &key(["", &long]), "", 1),
                put(PAIRS, &user, &row, &huge, 1),
            ];
            for bad in bad {
                let refused = bench.store.write(vec![good(), bad]).await;
                assert!(matches!(refused, Err(StoreError::Misuse { .. })), "{refused:?}");
            }
            assert_eq!(value(&*bench.store, PAIRS, &user, &row).await, None);
            assert!(bench.store.get(PAIRS, &user, &key(["short"])).await.is_err());
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
