//! A copy is what its source is, whatever cuts it off; what is not as it must be is refused or found.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use playhouse_storage::{
    Append, Claim, Expect, IntoKey as _, Outcome, Store, Table, Write,
    backends::{Adversity, FjallBackend, FjallOptions, MemoryBackend},
    offline::{CopyError, Finding, compare, copy, finish, is_half_copied},
    store::{delete, put},
    tables::{
        Account, ActiveRoom, EventLocation, OneTimeKey, RoomLog, Server, Slot, ToDevice,
        active_room::ActiveRoomRow, event_location::EventLocationRow, server::ServerRow, slot::SlotRow,
    },
};

const DAY: Duration = Duration::from_hours(24);

fn memory() -> MemoryBackend {
    MemoryBackend::new(1, Adversity::none())
}

fn text(value: String) -> Bytes {
    Bytes::from(value)
}

fn raw(table: &'static playhouse_storage::TableDef, at: (&str, &str, i64), stamp: i64) -> Write {
    let (user, device, pos) = at;
    let (partition, clustering) = ((user, device).to_key(), (pos,).to_key());
    Write::Put { table, partition, clustering, value: text(format!("{{\"n\":{pos}}}")), stamp, ttl: None }
}

async fn claim(
    store: &Store,
    table: &'static playhouse_storage::TableDef,
    at: (playhouse_storage::Key, playhouse_storage::Key),
    value: Bytes,
) {
    let claim = Claim {
        table,
        partition: at.0,
        conditions: vec![(at.1.clone(), Expect::Absent)],
        writes: vec![(at.1, Some(value))],
        projections: Vec::new(),
    };
    assert_eq!(store.backend().claim(claim).await.unwrap(), Outcome::Applied);
}

/// A log bucket of `rows` rows of `bytes` bytes each, appended one by one.
async fn room(store: &Store, name: &str, rows: i64, bytes: usize) {
    let partition = (name, 0).to_key();
    let fence = store.backend().fence(RoomLog::DEF, &partition).await.unwrap().fence;
    for seq in 0..rows {
        let append = Append {
            table: RoomLog::DEF,
            partition: partition.clone(),
            fence,
            expected_head_seq: (seq > 0).then(|| seq - 1),
            new_head_seq: seq,
            head: text(format!("{{\"head\":{seq}}}")),
            rows: vec![((seq,).to_key(), text(seq.to_string().repeat(bytes)))],
            projections: vec![put::<EventLocation>(
                (format!("${name}{seq}"),),
                (),
                &EventLocationRow { room: name.into(), seq },
                1_000 + seq,
            )],
        };
        assert_eq!(store.backend().append(append).await.unwrap(), Outcome::Applied);
    }
}

/// A small server: rows of every way to write, several pages, a log of several appends, lives and deletions.
async fn server(store: &Store) {
    for (name, value) in [("server_name", "a.example"), ("token_secret", "secret")] {
        let row = ServerRow { value: value.to_owned() };
        let made = store.insert_if_absent::<Server>((name,), (), &row, Vec::new()).await.unwrap();
        assert_eq!(made, Outcome::Applied);
    }
    store.write(vec![put::<Slot>((3,), (), &SlotRow { pos_limit: 7 }, 7)]).await.unwrap();
    room(store, "!small:a", 3, 10).await;
    room(store, "!long:a", 250, 10).await;
    room(store, "!heavy:a", 5, 400_000).await;
    store.backend().fence(RoomLog::DEF, &("!founded:a", 0).to_key()).await.unwrap();
    for user in 0..40 {
        claim(store, Account::DEF, ((format!("@u{user}:a"),).to_key(), ().to_key()), text("{}".into())).await;
    }
    for key in 0..220 {
        let at = (("@u0:a", "D").to_key(), ("curve", i64::from(key), format!("k{key}")).to_key());
        claim(store, OneTimeKey::DEF, at, text(format!("{{\"n\":{key}}}"))).await;
    }
    let mut rows: Vec<Write> = (0..230).map(|n| raw(ToDevice::DEF, ("@u0:a", "D", n), 50 + n)).collect();
    let mut marker = raw(ToDevice::DEF, ("@u0:a", "D", -5), 9);
    if let Write::Put { ttl, .. } = &mut marker {
        *ttl = Some(DAY);
    }
    rows.push(marker);
    rows.push(delete::<ToDevice>(("@u0:a", "D"), (17,), 60_000));
    store.write(rows).await.unwrap();
}

async fn findings(source: &Store, target: &Store) -> Vec<Finding> {
    let mut findings = Vec::new();
    let compared = compare(source, target, &mut findings).await.unwrap();
    assert_eq!(compared.findings, findings.len() as u64);
    findings
}

async fn copies(source: &Store, target: &Store) -> playhouse_storage::offline::Copied {
    let copied = copy(source, target, &mut Vec::new()).await.unwrap();
    assert!(is_half_copied(target).await.unwrap());
    finish(source, target).await.unwrap();
    assert!(!is_half_copied(target).await.unwrap());
    copied
}

#[tokio::test]
async fn a_copy_is_what_its_source_is_and_so_is_the_copy_of_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let source = Store::new(memory());
    server(&source).await;
    let embedded = Store::new(FjallBackend::open(folder.path(), FjallOptions::default()).unwrap());

    let copied = copies(&source, &embedded).await;
    let again = Store::new(memory());
    copies(&embedded, &again).await;

    assert!(!copied.resumed && copied.rows > 1_000, "{copied:?}");
    assert_eq!(findings(&source, &embedded).await, []);
    assert_eq!(findings(&source, &again).await, []);
    let compared = compare(&again, &source, &mut Vec::<Finding>::new()).await.unwrap();
    assert_eq!(compared.rows, copied.rows);
}

#[tokio::test]
async fn a_copied_row_keeps_its_stamp_and_the_rest_of_its_life() {
    let (source, target) = (Store::new(memory()), Store::new(memory()));
    server(&source).await;
    copies(&source, &target).await;

    let mut late = raw(ToDevice::DEF, ("@u0:a", "D", 5), 54);
    if let Write::Put { value, .. } = &mut late {
        *value = text("{\"late\":1}".into());
    }
    target.write(vec![late]).await.unwrap();

    assert_eq!(findings(&source, &target).await, []);
    let marker = playhouse_storage::Slice {
        from: std::ops::Bound::Unbounded,
        to: std::ops::Bound::Unbounded,
        order: playhouse_storage::Order::Forward,
        limit: 1,
    };
    let page = target.backend().export(ToDevice::DEF, &("@u0:a", "D").to_key(), marker).await.unwrap();
    let life = page.rows[0].life.unwrap();
    assert!(life <= DAY && life + Duration::from_mins(5) > DAY, "{life:?}");
}

#[tokio::test]
async fn a_server_goes_on_with_a_copied_log() {
    let (source, target) = (Store::new(memory()), Store::new(memory()));
    server(&source).await;
    copies(&source, &target).await;

    let partition = ("!heavy:a", 0).to_key();
    let guard = target.backend().fence(RoomLog::DEF, &partition).await.unwrap();

    assert_eq!((guard.head_seq, &guard.head[..]), (Some(4), &b"{\"head\":4}"[..]));
}

/// Copies with the process killed at one step of the target, then again in another process. Returns whether the first
/// came to its end before the kill.
async fn cut_off_at(step: u64, source: &Store, adversity: Adversity) -> bool {
    let disk = MemoryBackend::new(step, adversity).disk();
    let first = MemoryBackend::open(&disk, adversity);
    first.crash_at(step);
    let cut = copy(source, &Store::new(first), &mut Vec::<Finding>::new()).await;

    let target = Store::new(MemoryBackend::open(&disk, adversity));
    let begun = is_half_copied(&target).await.unwrap();
    let copied = copies(source, &target).await;
    assert_eq!(copied.resumed, begun, "cut off at step {step}");

    assert_eq!(findings(source, &target).await, [], "cut off at step {step}");
    cut.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_cut_off_goes_on_where_it_was() {
    let source = Store::new(memory());
    server(&source).await;
    let mut step = 0;
    while !cut_off_at(step, &source, Adversity::none()).await {
        step += 37;
    }
    assert!(step > 1_000, "{step}");
}

#[tokio::test(start_paused = true)]
async fn a_copy_to_a_store_that_answers_badly_is_right_all_the_same() {
    let adversity = Adversity {
        unknown_per_mille: 20,
        lose_projection_per_mille: 0,
        partial_write_per_mille: 20,
        delay_yields: 2,
    };
    let source = Store::new(memory());
    server(&source).await;
    for step in [500, 1_777, 2_500, 3_333, u64::MAX] {
        cut_off_at(step, &source, adversity).await;
    }
}

#[tokio::test]
async fn two_copies_to_one_target_do_not_mix() {
    let (source, disk) = (Store::new(memory()), memory().disk());
    server(&source).await;
    let adversity = Adversity { delay_yields: 3, ..Adversity::none() };
    let one = Store::new(MemoryBackend::open(&disk, adversity));
    let two = Store::new(MemoryBackend::open(&disk, adversity));
    let (mut first, mut second) = (Vec::<Finding>::new(), Vec::<Finding>::new());

    let (a, b) = tokio::join!(copy(&source, &one, &mut first), copy(&source, &two, &mut second));

    assert!(a.is_err() || b.is_err(), "{a:?} {b:?}");
    copies(&source, &one).await;
    assert_eq!(findings(&source, &one).await, []);
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused_and_left_alone() {
    let source = Store::new(memory());
    let empty = Store::new(memory());
    let refused =
        async |from: &Store, to: &Store| copy(from, to, &mut Vec::<Finding>::new()).await.unwrap_err();
    assert!(matches!(refused(&source, &empty).await, CopyError::NoServer));
    server(&source).await;

    assert!(matches!(refused(&source, &source).await, CopyError::TargetNotEmpty { .. }));

    let disk = memory().disk();
    let cut = MemoryBackend::open(&disk, Adversity::none());
    cut.crash_at(500);
    assert!(matches!(refused(&source, &Store::new(cut)).await, CopyError::Target(_)));
    let half = Store::new(MemoryBackend::open(&disk, Adversity::none()));
    assert!(is_half_copied(&half).await.unwrap());
    assert!(matches!(refused(&half, &empty).await, CopyError::SourceIsHalfCopied));
    assert!(matches!(finish(&source, &half).await, Err(CopyError::NotWhole)));

    source.write(vec![put::<Slot>((3,), (), &SlotRow { pos_limit: 8 }, 8)]).await.unwrap();
    assert!(matches!(refused(&source, &half).await, CopyError::OtherCopy));
    assert!(empty.backend().partitions(Slot::DEF, None, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_crash_left_undone_is_not_copied_to_where_nobody_would_replay_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = Store::new(memory());
    server(&source).await;
    source.write(vec![put::<ActiveRoom>((3,), ("!a:a",), &ActiveRoomRow {}, 7)]).await.unwrap();
    let embedded = Store::new(FjallBackend::open(folder.path(), FjallOptions::default()).unwrap());

    let refused = copy(&source, &embedded, &mut Vec::<Finding>::new()).await;

    assert!(matches!(refused, Err(CopyError::NotSettled)), "{refused:?}");
    copies(&source, &Store::new(memory())).await;
}

#[tokio::test]
async fn whatever_differs_is_found_at_either_end() {
    let row = |pos: i64, value: &str, stamp, ttl| Write::Put {
        table: ToDevice::DEF,
        partition: ("@u0:a", "D").to_key(),
        clustering: (pos,).to_key(),
        value: text(value.into()),
        stamp,
        ttl,
    };
    let cases = [
        (
            row(20, "{\"n\":1}", 1_000, None),
            "pos=20: the values differ: 8 bytes at the source, 7 at the target",
        ),
        (row(20, "{\"n\":20}", 1_000, None), "pos=20: has stamp 70 at the source, 1000 at the target"),
        (row(20, "{\"n\":20}", 70, Some(DAY)), "pos=20: lives None at the source, Some("),
        (row(900, "{}", 1, None), "pos=900: is not in the source"),
        (delete::<ToDevice>(("@u0:a", "D"), (20,), 1_000), "pos=20: is not in the target"),
        (
            raw(ToDevice::DEF, ("@new:a", "D", 1), 1),
            "user=\"@new:a\" device=\"D\" pos=1: is not in the source",
        ),
    ];
    for (change, expected) in cases {
        let (source, target) = (Store::new(memory()), Store::new(memory()));
        server(&source).await;
        copies(&source, &target).await;
        target.write(vec![change]).await.unwrap();

        let found: Vec<String> = findings(&source, &target).await.iter().map(ToString::to_string).collect();

        assert!(found.len() == 1 && found[0].contains(expected), "{expected}\n  in {found:#?}");
    }
}

#[tokio::test]
async fn a_log_that_went_on_is_found() {
    let (source, target) = (Store::new(memory()), Store::new(memory()));
    server(&source).await;
    copies(&source, &target).await;
    let partition = ("!small:a", 0).to_key();
    let fence = target.backend().fence(RoomLog::DEF, &partition).await.unwrap().fence;
    let append = Append {
        table: RoomLog::DEF,
        partition,
        fence,
        expected_head_seq: Some(2),
        new_head_seq: 3,
        head: text("{}".into()),
        rows: vec![((3,).to_key(), text("3".into()))],
        projections: Vec::new(),
    };
    assert_eq!(target.backend().append(append).await.unwrap(), Outcome::Applied);

    let found: Vec<String> = findings(&source, &target).await.iter().map(ToString::to_string).collect();

    let guard = "room_log room=\"!small:a\" bucket=0: the guard's head is Some(2) at the source, Some(3) at the target";
    assert_eq!(found, [guard, "room_log room=\"!small:a\" bucket=0 seq=3: is not in the source"]);
}
