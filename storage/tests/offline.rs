//! A sound store passes the check; whatever is broken is found and named; a dump reads like the tables.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use playhouse_storage::{
    Append, FromKey as _, IntoKey as _, KeyValue, Outcome, Store, Table, Write,
    backends::{Adversity, MemoryBackend},
    offline::{DumpError, Filter, Finding, check, dump},
    store::{delete, encode, put},
    tables::{
        Account, CurrentState, EventLocation, RoomHead, RoomLog, StateChange, StateHistory,
        current_state::CurrentStateRow,
        event_location::EventLocationRow,
        room_head::RoomHeadRow,
        room_log::{BUCKET_ROWS, RoomLogRow, bucket_of},
        state_change::{CHANGE_BUCKET, Change, StateChangeRow},
        state_history::StateHistoryRow,
    },
};
use serde_json::value::RawValue;

const ROOM: &str = "!a:b";

/// Events in the log: more than a bucket. Every hundredth sets the room's name.
const EVENTS: i64 = BUCKET_ROWS + 90;

fn event_id(seq: i64) -> String {
    format!("${seq}")
}

fn row(seq: i64) -> RoomLogRow {
    RoomLogRow {
        event_id: event_id(seq),
        pos: 1_000 + seq * 10,
        standing: 0,
        overlay: None,
        resolved: None,
        stripped: None,
        goes_out: false,
        after_gap: false,
        transaction: None,
        pdu: RawValue::from_string(format!("{{\"n\":{seq}}}")).unwrap(),
    }
}

fn projections(seq: i64) -> Vec<Write> {
    let stamp = row(seq).pos;
    let location = EventLocationRow { room: ROOM.into(), seq };
    let head = RoomHeadRow { version: "12".into(), projected_seq: seq, pos: stamp };
    let mut writes = vec![
        put::<EventLocation>((event_id(seq),), (), &location, stamp),
        put::<RoomHead>((ROOM,), (), &head, stamp),
    ];
    if seq % 100 == 0 {
        let (kind, state_key) = ("m.room.name".to_owned(), String::new());
        let current = CurrentStateRow { event_id: event_id(seq), seq };
        let version = StateHistoryRow { event_id: Some(event_id(seq)), seq, word: None };
        let changes = vec![Change { kind, state_key, new: Some(seq), old: None }];
        let changes = StateChangeRow { changes };
        writes.push(put::<CurrentState>((ROOM,), ("m.room.name", ""), &current, stamp));
        writes.push(put::<StateHistory>((ROOM, "m.room.name", 0), ("", seq), &version, stamp));
        writes.push(put::<StateChange>((ROOM, seq.div_euclid(CHANGE_BUCKET)), (seq,), &changes, stamp));
    }
    writes
}

/// A store with one sound room, and the means to spoil it.
async fn sound() -> (Store, MemoryBackend) {
    let memory = MemoryBackend::new(1, Adversity::none());
    let store = Store::new(memory.clone());
    let mut fence = 0;
    for seq in 0..EVENTS {
        let partition = (ROOM, bucket_of(seq)).to_key();
        let first = seq % BUCKET_ROWS == 0;
        if first {
            fence = store.backend().fence(RoomLog::DEF, &partition).await.unwrap().fence;
        }
        let append = Append {
            table: RoomLog::DEF,
            partition,
            fence,
            expected_head_seq: (!first).then(|| seq - 1),
            new_head_seq: seq,
            head: Bytes::from_static(b"{}"),
            rows: vec![((seq,).to_key(), encode(&row(seq)))],
            projections: projections(seq),
        };
        assert_eq!(store.backend().append(append).await.unwrap(), Outcome::Applied);
    }
    (store, memory)
}

async fn findings(store: &Store) -> Vec<Finding> {
    let mut findings = Vec::new();
    let summary = check(store, &mut findings).await.unwrap();
    assert_eq!(summary.findings, findings.len() as u64);
    assert!(summary.rooms <= 1 && summary.rows > 600);
    findings
}

const LATER: i64 = 1_000_000;

fn raw(
    table: &'static playhouse_storage::TableDef,
    partition: Vec<KeyValue>,
    clustering: Vec<KeyValue>,
) -> Write {
    Write::Put { table, partition, clustering, value: Bytes::from_static(b"{"), stamp: LATER, ttl: None }
}

#[tokio::test]
async fn a_sound_store_passes() {
    assert_eq!(findings(&sound().await.0).await, []);
}

#[tokio::test]
async fn whatever_is_broken_is_found_and_named() {
    let log = |seq: i64, row: &RoomLogRow| put::<RoomLog>((ROOM, bucket_of(seq)), (seq,), row, LATER);
    let gone = |seq: i64| delete::<RoomLog>((ROOM, bucket_of(seq)), (seq,), LATER);
    let head = |projected_seq| RoomHeadRow { version: "12".into(), projected_seq, pos: 0 };
    let name = ("m.room.name", "");
    let version = StateHistoryRow { event_id: Some("$600".into()), seq: 599, word: None };
    let change = Change { kind: "k".into(), state_key: String::new(), new: Some(9_999), old: None };
    let cases: Vec<(Write, &str)> = vec![
        (raw(Account::DEF, ("@a:b",).to_key(), vec![]), "account user=\"@a:b\": EOF while parsing"),
        (gone(7), "room_log room=\"!a:b\" bucket=0 seq=8: follows 6"),
        (
            gone(EVENTS - 1),
            "room_log room=\"!a:b\" bucket=1: the guard's head is Some(601), the last row Some(600)",
        ),
        (
            gone(BUCKET_ROWS - 1),
            "room_log room=\"!a:b\" bucket=0: the guard's head is Some(511), the last row Some(510)",
        ),
        (
            log(7, &RoomLogRow { pos: 1_060, ..row(7) }),
            "bucket=0 seq=7: has position 1060, the event before it 1060",
        ),
        (put::<RoomLog>((ROOM, 1), (3,), &row(3), LATER), "bucket=1 seq=3: belongs in bucket 0"),
        (put::<RoomLog>((ROOM, 5), (2_560,), &row(2_560), LATER), "bucket=5: has rows and no guard"),
        (
            log(7, &RoomLogRow { event_id: "$x".into(), ..row(7) }),
            "event_location event_id=\"$x\": is missing",
        ),
        (
            put::<EventLocation>(("$7",), (), &EventLocationRow { room: ROOM.into(), seq: 8 }, LATER),
            "event_location event_id=\"$7\": points to !a:b 8; it is !a:b 7",
        ),
        (
            put::<RoomHead>((ROOM,), (), &head(700), LATER),
            "room_head room=\"!a:b\": is at 700, the log ends at 601",
        ),
        (delete::<RoomHead>((ROOM,), (), LATER), "room_head room=\"!a:b\": is missing"),
        (
            put::<CurrentState>((ROOM,), name, &CurrentStateRow { event_id: "$5".into(), seq: 600 }, LATER),
            "current_state room=\"!a:b\" kind=\"m.room.name\" state_key=\"\": names $5 at 600, the log has $600 there",
        ),
        (
            put::<CurrentState>(
                (ROOM,),
                ("k", ""),
                &CurrentStateRow { event_id: "$5".into(), seq: 5 },
                LATER,
            ),
            "kind=\"k\" state_key=\"\": has no version in the state history",
        ),
        (
            delete::<StateHistory>((ROOM, "m.room.name", 0), ("", 600), LATER),
            "state_history room=\"!a:b\" kind=\"m.room.name\" shard=0 state_key=\"\" since=500: the newest version is",
        ),
        (
            put::<StateHistory>((ROOM, "m.room.name", 0), ("", 600), &version, LATER),
            "the newest version is at 599, the current state says 600",
        ),
        (
            delete::<CurrentState>((ROOM,), name, LATER),
            "since=600: the newest version is Some(\"$600\"), the current state None",
        ),
        (
            put::<StateChange>((ROOM, 0), (3_000,), &StateChangeRow { changes: vec![] }, LATER),
            "state_change room=\"!a:b\" bucket=0 seq=3000: has no event in the log",
        ),
        (
            put::<StateChange>((ROOM, 0), (100,), &StateChangeRow { changes: vec![change] }, LATER),
            "state_change room=\"!a:b\" bucket=0 seq=100: names 9999, which the log does not have",
        ),
    ];
    for (break_it, expected) in cases {
        let (store, memory) = sound().await;
        memory.spoil(&break_it);
        let found: Vec<String> = findings(&store).await.iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|finding| finding.contains(expected)), "{expected}\n  in {found:#?}");
    }
}

#[tokio::test]
async fn projections_beyond_the_projected_head_are_not_missed() {
    let (store, _) = sound().await;
    let behind = RoomHeadRow { version: "12".into(), projected_seq: 599, pos: 0 };
    let writes = vec![
        put::<RoomHead>((ROOM,), (), &behind, LATER),
        delete::<EventLocation>(("$600",), (), LATER),
        delete::<EventLocation>(("$601",), (), LATER),
        delete::<StateHistory>((ROOM, "m.room.name", 0), ("", 600), LATER),
        delete::<StateChange>((ROOM, 0), (600,), LATER),
    ];
    store.write(writes).await.unwrap();
    assert_eq!(findings(&store).await, []);
}

async fn lines(store: &Store, filter: Filter) -> Vec<String> {
    let mut out = Vec::new();
    dump(store, &filter, &mut out).await.unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

fn columns<const N: usize>(columns: [(&str, &str); N]) -> Vec<(String, String)> {
    columns.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[tokio::test]
async fn a_dump_reads_like_the_tables() {
    let (store, _) = sound().await;

    let log = Filter { tables: vec!["room_log".into()], ..Filter::default() };
    let all = lines(&store, log.clone()).await;
    assert_eq!(all.len() as i64, EVENTS + 2);
    assert_eq!(all[0], "room_log room=\"!a:b\" bucket=0 guard fence=1 head_seq=511 {}");
    assert_eq!(
        all[1],
        "room_log room=\"!a:b\" bucket=0 seq=0 {\"event_id\":\"$0\",\"pos\":1000,\"standing\":0,\"pdu\":{\"n\":0}}"
    );

    let one = Filter { columns: columns([("room", ROOM), ("bucket", "1"), ("seq", "600")]), ..log.clone() };
    let one = lines(&store, one).await;
    assert_eq!(one.len(), 2);
    assert!(one[1].starts_with("room_log room=\"!a:b\" bucket=1 seq=600 {"), "{one:?}");

    assert_eq!(lines(&store, Filter { limit: Some(5), ..log }).await.len(), 6);
    let of_event =
        lines(&store, Filter { columns: columns([("event_id", "$7")]), ..Filter::default() }).await;
    assert_eq!(of_event, ["event_location event_id=\"$7\" {\"room\":\"!a:b\",\"seq\":7}"]);
    let of_room = lines(&store, Filter { columns: columns([("room", ROOM)]), ..Filter::default() }).await;
    assert!(of_room.len() as i64 > EVENTS && of_room.iter().any(|line| line.starts_with("state_history ")));
    assert_eq!(
        lines(&store, Filter { columns: columns([("room", "!x:b")]), ..Filter::default() }).await.len(),
        0
    );
}

#[tokio::test]
async fn a_dump_of_what_there_is_not_says_what_there_is() {
    let (store, _) = sound().await;
    let unknown = Filter { tables: vec!["room_lag".into()], ..Filter::default() };
    let error = dump(&store, &unknown, &mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("room_log, room_head"), "{error}");
    let unknown = Filter { columns: columns([("colour", "red")]), ..Filter::default() };
    assert!(matches!(dump(&store, &unknown, &mut Vec::new()).await, Err(DumpError::UnknownColumn(_))));
}

#[tokio::test]
async fn keys_are_read_back_as_they_were_written() {
    let key = (ROOM, 7).to_key();
    assert_eq!(<RoomLog as Table>::Partition::from_key(&key), Some((ROOM.to_owned(), 7)));
    assert_eq!(<StateHistory as Table>::Clustering::from_key(&key[..1]), None);
}
