//! What only the store on a CQL cluster promises: how it is opened, what it refuses, how its rows look. Tried where
//! `PLAYHOUSE_TEST_CQL` names a server.

#![allow(clippy::unwrap_used)]

mod lease;
mod stage;

use std::time::Duration;

use playhouse_storage::{
    Append, Backend, Claim, Expect, IntoKey as _, Order, Outcome, Slice, StoreError, Table, Write, WrittenBy,
    backends::scylla::{CqlBackend, CqlOptions, OpenError, Quorum, Replication, Tls},
    clock::ManualClock,
    store::put,
    tables::{
        self, LoginToken, Profile, RoomLog, TransactionAnswer, profile::ProfileRow,
        transaction::TransactionAnswerRow,
    },
};

use crate::stage::Stage;

/// The tables beside the logical ones: the schema's version and the lease.
const OUR_OWN: usize = 2;

fn token(conditions: Expect) -> Claim {
    Claim {
        table: LoginToken::DEF,
        partition: ("hash",).to_key(),
        conditions: vec![(vec![], conditions)],
        writes: vec![(vec![], Some("{}".into()))],
        projections: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_is_made_once_and_mended_where_a_start_was_cut_off() {
    let Some(stage) = Stage::set("made").await else { return };
    let missing = CqlBackend::open(&CqlOptions { make: false, ..stage.options.clone() }).await.unwrap_err();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
    assert_eq!(stage.tables().await, 0);

    // Two processes that start at once: one makes it, the other waits.
    let (one, other) = tokio::join!(stage.open(), stage.open());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(stage.tables().await, tables::ALL.len() + OUR_OWN);
    assert_eq!(one.claim(token(Expect::Absent)).await.unwrap(), Outcome::Applied);
    assert_eq!(other.claim(token(Expect::Absent)).await.unwrap(), Outcome::Refused);

    // A start that was killed before it had made everything, and a table that a new version brings.
    stage.cql("DROP TABLE ks.profile").await;
    stage.cql("UPDATE ks.schema_version SET version = 0 WHERE name = 'playhouse' IF version = 1").await;
    stage.open().await.unwrap();
    assert_eq!(stage.tables().await, tables::ALL.len() + OUR_OWN);
    assert_eq!(
        stage.cql("SELECT name FROM ks.schema_version WHERE version = 1 ALLOW FILTERING").await.len(),
        1
    );

    stage.cql("UPDATE ks.schema_version SET version = 99 WHERE name = 'playhouse' IF version = 1").await;
    let newer = stage.open().await.unwrap_err();
    assert!(matches!(newer, OpenError::NewerSchema { found: 99, known: 1, .. }), "{newer}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_refused_before_anything_is_made() {
    let Some(stage) = Stage::set("refused").await else { return };
    let with = |change: &dyn Fn(&mut CqlOptions)| {
        let mut options = stage.options.clone();
        change(&mut options);
        options
    };
    let nodes = stage.session.get_cluster_state().get_nodes_info().len() as u32;
    let cases: [(CqlOptions, &str); 8] = [
        (with(&|o| o.contact_points.clear()), "scylla.contact_points: name at least one node"),
        (
            with(&|o| o.contact_points = vec!["127.0.0.1:9".into()]),
            "no node of scylla.contact_points (127.0.0.1:9)",
        ),
        (with(&|o| o.keyspace = "Play; DROP".into()), "scylla.keyspace: a name has lower-case letters"),
        (
            with(&|o| o.datacenter = Some("moon".into())),
            "no node is in data centre moon of scylla.datacenter; there",
        ),
        (
            with(&|o| o.replication = Replication::Factor(nodes + 1)),
            "add nodes, or lower scylla.replication_factor",
        ),
        (
            with(&|o| o.replication = Replication::Datacenters([("moon".to_owned(), 1)].into())),
            "keeps each row 1 times in data centre moon, which has 0 nodes",
        ),
        (
            with(&|o| o.clock = ManualClock::at(1_000_000).clock()),
            "s behind that of the cluster: set both by NTP",
        ),
        (
            with(&|o| o.tls = Some(Tls { ca: "/dev/null".into(), identity: None })),
            "scylla.tls_ca: /dev/null: there is no certificate in it",
        ),
    ];
    for (options, expected) in cases {
        let refused = CqlBackend::open(&options).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{expected}\n  in {refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    assert_eq!(stage.tables().await, 0);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_readable_and_end_as_their_tables_say() {
    let Some(stage) = Stage::set("rows").await else { return };
    let options = CqlOptions { consistency: Quorum::Global, ..stage.options.clone() };
    let store = CqlBackend::open(&options).await.unwrap();
    let log = ("!a:b", 0).to_key();
    let fence = store.fence(RoomLog::DEF, &log).await.unwrap().fence;
    let answer = TransactionAnswerRow { event_id: Some("$1".into()) };
    let append = Append {
        table: RoomLog::DEF,
        partition: log,
        fence,
        expected_head_seq: None,
        new_head_seq: 0,
        head: "{}".into(),
        rows: vec![((0,).to_key(), "{\"n\":1}".into())],
        projections: vec![put::<TransactionAnswer>(("@a:b", "D"), ("p", "1"), &answer, 1_234)],
    };
    assert_eq!(store.append(append).await.unwrap(), Outcome::Applied);
    assert_eq!(store.claim(token(Expect::Absent)).await.unwrap(), Outcome::Applied);

    let row = stage.cql("SELECT JSON room, bucket, seq, value, fence, head_seq, head FROM ks.room_log").await;
    let row = row[0].columns[0].as_ref().unwrap().as_text().unwrap().clone();
    assert_eq!(
        row,
        r#"{"room": "!a:b", "bucket": 0, "seq": 0, "value": "{\"n\":1}", "fence": 1, "head_seq": 0, "head": "{}"}"#
    );
    let seconds = |column: &Option<scylla::value::CqlValue>| column.as_ref().unwrap().as_int().unwrap();
    let at = stage.cql("SELECT WRITETIME(value), TTL(value) FROM ks.transaction").await.remove(0).columns;
    assert_eq!(at[0].as_ref().unwrap().as_bigint(), Some(1_234));
    assert!((86_000..=86_400).contains(&seconds(&at[1])));
    let token = stage.cql("SELECT TTL(value) FROM ks.login_token").await.remove(0).columns;
    assert!((500..=600).contains(&seconds(&token[0])));
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_bound_of_statements_under_way_the_store_is_unavailable() {
    let Some(stage) = Stage::set("bound").await else { return };
    let narrow = CqlOptions {
        max_in_flight: 1,
        queue_timeout: Duration::from_millis(1),
        statement_timeout: Duration::from_millis(500),
        ..stage.options.clone()
    };
    stage.open().await.unwrap();
    let store = CqlBackend::open(&narrow).await.unwrap();
    let slice = || Slice {
        from: std::ops::Bound::Unbounded,
        to: std::ops::Bound::Unbounded,
        order: Order::Forward,
        limit: 10,
    };
    let reads: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.slice(RoomLog::DEF, &("!a:b", n).to_key(), slice()).await })
        })
        .collect();
    let (mut answered, mut refused) = (0, 0);
    for read in reads {
        match read.await.unwrap() {
            Ok(_) => answered += 1,
            Err(StoreError::Unavailable { reason, .. }) if reason.contains("under way") => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answered > 0 && refused > 0, "{answered} {refused}");

    store.close().await;
    let closed = store.write(vec![]).await.and(store.ready().await);
    assert!(matches!(closed, Err(StoreError::Unavailable { .. })), "{closed:?}");
    stage.strike().await;
}

/// A large call is cut into batches that every server takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_many_megabytes_is_whole() {
    let Some(stage) = Stage::set("large").await else { return };
    let store = stage.open().await.unwrap();
    let table = tables::ALL.iter().find(|table| table.name == "backup_session").unwrap();
    assert_eq!(table.written_by, WrittenBy::Write);
    let value = "x".repeat(8_000);
    let writes = (0..2_000).map(|n| Write::Put {
        table,
        partition: ("@a:b", 1, 0).to_key(),
        clustering: ("!r:b", format!("{n:05}")).to_key(),
        value: value.clone().into(),
        stamp: 1,
        ttl: None,
    });
    store.write(writes.collect()).await.unwrap();
    let all = Slice {
        from: std::ops::Bound::Unbounded,
        to: std::ops::Bound::Unbounded,
        order: Order::Backward,
        limit: 5_000,
    };
    let page = store.slice(table, &("@a:b", 1, 0).to_key(), all).await.unwrap();
    assert_eq!((page.rows.len(), page.more), (2_000, false));
    stage.strike().await;
}

/// Nothing but an operator mends it, so nobody waits for it to pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_the_cluster_rejects_is_not_tried_again() {
    let Some(stage) = Stage::set("rejected").await else { return };
    let store = stage.open().await.unwrap();
    let value = serde_json::value::to_raw_value("A").unwrap();
    let name = put::<Profile>(("@a:b",), ("displayname",), &ProfileRow { value }, 1);
    store.write(vec![name.clone()]).await.unwrap();
    stage.cql("DROP TABLE ks.profile").await;
    stage.cql("DROP TABLE ks.login_token").await;

    let began = std::time::Instant::now();
    let known = store.write(vec![name]).await;
    let fresh = store.claim(token(Expect::Absent)).await;

    for error in [known.unwrap_err(), fresh.unwrap_err()] {
        assert!(matches!(error, StoreError::Rejected { .. }), "{error:?}");
        assert!(error.to_string().contains("start the server again, which makes it"), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let mended = stage.open().await.unwrap();
    assert_eq!(mended.claim(token(Expect::Absent)).await.unwrap(), Outcome::Applied);
    stage.strike().await;
}
