//! Laws of the log's buckets with two writers.

use playhouse_storage::{
    Append, IntoKey as _,
    backends::{Adversity, MemoryBackend},
    tables::room_log::BUCKET_ROWS,
};

use super::*;

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
