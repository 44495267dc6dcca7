//! Guarded partitions.

use playhouse_storage::{Order, Outcome};

use crate::{bench::Laws, vocabulary::*};

pub const LAWS: Laws = &[
    ("an append needs the fence and the head that the partition has", |bench| {
        Box::pin(async move {
            let (store, room) = (&*bench.store, room("!r:b"));
            assert_eq!(store.guard(LOG, &room).await.unwrap(), None);
            assert_eq!(store.append(append(&room, 0, None, 0)).await.unwrap(), Outcome::Refused);

            let guard = store.fence(LOG, &room).await.unwrap();
            assert_eq!((guard.fence, guard.head_seq), (1, None));
            for (fence, expected) in [(0, None), (2, None), (1, Some(0)), (1, Some(-1))] {
                assert_eq!(store.append(append(&room, fence, expected, 0)).await.unwrap(), Outcome::Refused);
            }
            assert_eq!(keys(store, LOG, &room, everything(Order::Forward)).await.0, Vec::<Vec<_>>::new());

            assert_eq!(store.append(append(&room, 1, None, 0)).await.unwrap(), Outcome::Applied);
            assert_eq!(store.append(append(&room, 1, None, 0)).await.unwrap(), Outcome::Refused);
            assert_eq!(store.append(append(&room, 1, Some(0), 1)).await.unwrap(), Outcome::Applied);
            let guard = store.guard(LOG, &room).await.unwrap().unwrap();
            assert_eq!((guard.fence, guard.head_seq, guard.head), (1, Some(1), bytes("head 1")));
        })
    }),
    ("rows, head and projections of an applied append are all there", |bench| {
        Box::pin(async move {
            let (store, room, user) = (&*bench.store, room("!r:b"), key(["@a:b"]));
            store.fence(LOG, &room).await.unwrap();
            let mut batch = append(&room, 1, None, 2);
            batch.rows = (0..3).map(|seq| (vec![int(seq)], bytes(&format!("event {seq}")))).collect();
            batch.projections = vec![
                put(PAIRS, &user, &key(["!r:b", "one"]), "1", 1),
                delete_range(PAIRS, &user, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded, 0),
            ];
            assert_eq!(store.append(batch).await.unwrap(), Outcome::Applied);
            assert_eq!(value(store, LOG, &room, &vec![int(1)]).await.as_deref(), Some("event 1"));
            assert_eq!(keys(store, LOG, &room, everything(Order::Backward)).await.0.len(), 3);
            assert_eq!(value(store, PAIRS, &user, &key(["!r:b", "one"])).await.as_deref(), Some("1"));
        })
    }),
    ("a refused append leaves nothing, its projections neither", |bench| {
        Box::pin(async move {
            let (store, room, user) = (&*bench.store, room("!r:b"), key(["@a:b"]));
            store.fence(LOG, &room).await.unwrap();
            let mut batch = append(&room, 7, None, 0);
            batch.projections = vec![put(PAIRS, &user, &key(["", ""]), "x", 1)];
            assert_eq!(store.append(batch).await.unwrap(), Outcome::Refused);
            assert_eq!(value(store, LOG, &room, &vec![int(0)]).await, None);
            assert_eq!(value(store, PAIRS, &user, &key(["", ""])).await, None);
        })
    }),
    ("who fences takes over; the former holder is refused", |bench| {
        Box::pin(async move {
            let (store, room) = (&*bench.store, room("!r:b"));
            let former = store.fence(LOG, &room).await.unwrap();
            assert_eq!(store.append(append(&room, former.fence, None, 0)).await.unwrap(), Outcome::Applied);
            let holder = store.fence(LOG, &room).await.unwrap();
            assert_eq!((holder.fence, holder.head_seq, holder.head), (2, Some(0), bytes("head 0")));
            assert_eq!(
                store.append(append(&room, former.fence, Some(0), 1)).await.unwrap(),
                Outcome::Refused
            );
            assert_eq!(
                store.append(append(&room, holder.fence, Some(0), 1)).await.unwrap(),
                Outcome::Applied
            );
        })
    }),
    ("of appends that race for one head exactly one applies", |bench| {
        Box::pin(async move {
            let room = room("!r:b");
            bench.store.fence(LOG, &room).await.unwrap();
            for seq in 0..20 {
                let racers = (0..8).map(|_| {
                    let (store, batch) =
                        (bench.store.clone(), append(&room, 1, (seq > 0).then_some(seq - 1), seq));
                    tokio::spawn(async move { store.append(batch).await.unwrap() })
                });
                let mut applied = 0;
                for racer in racers.collect::<Vec<_>>() {
                    applied += usize::from(racer.await.unwrap() == Outcome::Applied);
                }
                assert_eq!(applied, 1);
            }
        })
    }),
    ("rooms append beside each other without losing anything", |bench| {
        Box::pin(async move {
            let rooms = (0..16).map(|n| {
                let (store, room) = (bench.store.clone(), room(&format!("!{n}:b")));
                tokio::spawn(async move {
                    store.fence(LOG, &room).await.unwrap();
                    for seq in 0..30 {
                        let batch = append(&room, 1, (seq > 0).then_some(seq - 1), seq);
                        assert_eq!(store.append(batch).await.unwrap(), Outcome::Applied);
                        assert!(value(&*store, LOG, &room, &vec![int(seq)]).await.is_some());
                    }
                    room
                })
            });
            let mut filled = Vec::new();
            for room in rooms.collect::<Vec<_>>() {
                filled.push(room.await.unwrap());
            }
            let bench = bench.restart().await;
            for room in filled {
                assert_eq!(keys(&*bench.store, LOG, &room, everything(Order::Forward)).await.0.len(), 30);
            }
        })
    }),
];
