//! Walks over the partitions of a table.

use playhouse_storage::{Key, Table, tables::EventLocation};

use crate::{bench::Laws, vocabulary::*};

pub const LAWS: Laws = &[
    ("a walk meets every partition once, page by page", |bench| {
        Box::pin(async move {
            let store = &*bench.store;
            let mut names: Vec<Key> = (0..50).map(|n| key([&format!("@{n}:b")])).collect();
            names.extend([key(["\0"]), key(["@1:b\0"])]);
            let mut writes: Vec<_> = names
                .iter()
                .flat_map(|name| [key(["a", "b"]), key(["c", "d"])].map(|row| put(PAIRS, name, &row, "x", 1)))
                .collect();
            writes.push(put(EventLocation::DEF, &key(["@z:b"]), &vec![], "of another table", 1));
            writes.push(put(PAIRS, &key(["@gone:b"]), &key(["", ""]), "x", 1));
            writes.push(delete(PAIRS, &key(["@gone:b"]), &key(["", ""]), 2));
            store.write(writes).await.unwrap();

            for limit in [1, 7, 52, 100] {
                let (mut after, mut walked) = (None, Vec::new());
                loop {
                    let page = store.partitions(PAIRS, after.as_ref(), limit).await.unwrap();
                    assert!(page.len() <= limit);
                    walked.extend(page.iter().cloned());
                    match page.last() {
                        Some(last) => after = Some(last.clone()),
                        None => break,
                    }
                }
                walked.sort();
                names.sort();
                assert_eq!(walked, names);
            }
        })
    }),
    ("a fenced partition is met before it has a row", |bench| {
        Box::pin(async move {
            bench.store.fence(LOG, &room("!r:b")).await.unwrap();
            assert_eq!(bench.store.partitions(LOG, None, 10).await.unwrap(), [room("!r:b")]);
        })
    }),
];
