//! Laws of commits.

use playhouse_storage::{
    Append, IntoKey as _,
    backends::{Adversity, MemoryBackend},
    tables::room_log::BUCKET_ROWS,
};

use super::*;
use crate::{testing::Theatre, timeline::find};

const ROOM: &str = "!r:test";

#[tokio::test]
async fn a_bucket_that_another_writer_began_is_not_written_over() {
    let store = Store::new(MemoryBackend::new(1, Adversity::none()));
    let filled = Guard { fence: 1, head_seq: Some(BUCKET_ROWS - 1), head: bytes::Bytes::new() };
    let mine = guard_for(&store, ROOM, filled.clone(), BUCKET_ROWS).await.unwrap();
    assert_eq!(mine.unwrap().head_seq, None);

    let partition = log_partition(ROOM, 1);
    let theirs = store.backend().fence(RoomLog::DEF, &partition).await.unwrap();
    let begun = Append {
        table: RoomLog::DEF,
        partition,
        fence: theirs.fence,
        expected_head_seq: None,
        new_head_seq: BUCKET_ROWS,
        head: "{}".into(),
        rows: vec![((BUCKET_ROWS,).to_key(), "{}".into())],
        projections: Vec::new(),
    };
    assert_eq!(store.backend().append(begun).await.unwrap(), Outcome::Applied);

    assert_eq!(guard_for(&store, ROOM, filled, BUCKET_ROWS).await.unwrap(), None);
}

#[tokio::test]
async fn each_of_a_crowd_of_messages_is_found_when_it_is_answered() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    let sends = (0..400).map(|n| {
        let (alice, room, node) = (&alice, &room, &theatre.node);
        async move {
            let event_id = alice.says(room, &n.to_string()).await;
            let view = node.rooms().view(room).await.unwrap();
            find::event(node.store(), &view, &event_id).await.unwrap().is_some()
        }
    });
    assert!(futures_util::future::join_all(sends).await.into_iter().all(|found| found));
}
