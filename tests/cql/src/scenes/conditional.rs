//! A single write whose request or answer is lost or cut in half: what the store says of it is true.

use std::net::SocketAddrV4;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use playhouse_storage::tables::{Alias, Profile, RoomLog};
use playhouse_storage::{
    Append, Backend, Claim, Expect, Guard, IntoKey as _, Key, Order, Outcome as Answer, Row, Slice,
    StoreError, Table as _, TableDef, Write, WrittenBy,
};
use playhouse_tests::Keyspace;

use crate::outcome::Outcome;
use crate::proxy::{Fault, LATE_BY, Proxy};
use crate::store;

/// Each fault befalls an append, a fence, a claim and a plain write. "Applied" is there, "refused" is not; of an
/// unknown outcome the next fence or a serial read tells the truth, and it stays true.
pub async fn plays(node: SocketAddrV4) -> Outcome {
    let mut outcome = Outcome::default();
    let proxy = Proxy::start(node).await.expect("a free port");
    let keyspace = Arc::new(Keyspace::new(&node.to_string()));
    let witness = store::open(node.into(), &keyspace).await;
    let subject = store::open(proxy.address(), &keyspace).await;
    let mut seen = Vec::new();
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        let mut trial = Trial { proxy: &proxy, fault, number, outcome: &mut outcome, seen: &mut seen };
        trial.append(&*subject, &*witness).await;
        trial.fence(&*subject, &*witness).await;
        trial.claim(&*subject, &*witness).await;
        trial.write(&*subject, &*witness).await;
    }
    overtaken(&proxy, &*subject, &*witness, &mut outcome).await;
    for (what, seen) in seen {
        let now = seen.look(&*witness).await;
        outcome.law(seen.may_be(&now), || format!("{what}, after what was late: {seen:?} became {now:?}"));
    }
    subject.close().await;
    witness.close().await;
    outcome
}

/// An append comes to the server after another holder has taken the room over and gone on: it is never applied.
async fn overtaken(proxy: &Proxy, subject: &dyn Backend, witness: &dyn Backend, outcome: &mut Outcome) {
    let partition = ("!overtaken:a", 0).to_key();
    let append = |fence, value: &str| Append {
        table: RoomLog::DEF,
        partition: partition.clone(),
        fence,
        expected_head_seq: None,
        new_head_seq: 0,
        head: Bytes::from_static(b"{}"),
        rows: vec![((0,).to_key(), Bytes::copy_from_slice(value.as_bytes()))],
        projections: Vec::new(),
    };
    let fence = subject.fence(RoomLog::DEF, &partition).await.expect("no fault yet").fence;
    proxy.set_trap("{\"overtaken\":1}", Fault::LateRequest);
    let late = async { subject.append(append(fence, "{\"overtaken\":1}")).await };
    let other = async {
        while proxy.trap_is_set() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let fence = witness.fence(RoomLog::DEF, &partition).await.expect("the witness").fence;
        witness.append(append(fence, "{\"other\":1}")).await.expect("the witness")
    };
    let (late, other) = tokio::join!(late, other);
    until_all_late_ones_came(proxy, outcome).await;

    let row = witness.get(RoomLog::DEF, &partition, &(0,).to_key()).await.expect("the witness");
    outcome.tells(format!("an append that was overtaken: {late:?}"));
    outcome.law(other == Answer::Applied, || format!("the overtaker's append: {other:?}"));
    outcome.law(matches!(late, Ok(Answer::Refused | Answer::Unknown)), || {
        format!("an append that was overtaken: {late:?}")
    });
    outcome.law(row.is_some_and(|row| row.value == "{\"other\":1}"), || {
        "an append that was overtaken is in the log".to_owned()
    });
}

/// How many requests come late: one in each trial of that fault, and the one that is overtaken.
const LATE_ONES: usize = 5;

/// Waits for the requests that are late. Each must run, or it would prove nothing that it changed nothing.
async fn until_all_late_ones_came(proxy: &Proxy, outcome: &mut Outcome) {
    let ends = Instant::now() + LATE_BY * 2;
    let mut late = proxy.late();
    while late.answered + late.failed.len() < LATE_ONES && Instant::now() < ends {
        tokio::time::sleep(Duration::from_millis(50)).await;
        late = proxy.late();
    }
    outcome.tells(format!("{} requests came late", late.answered));
    outcome.law(late.answered == LATE_ONES && late.failed.is_empty(), || format!("{late:?}"));
}

/// What stood in the store after a trial, and what may still become of it.
#[derive(Debug)]
struct Seen {
    table: &'static TableDef,
    partition: Key,
    stands: Stands,
    /// Whether a row that is not there may still come: nothing bars a claim or a plain write that is on its way, and
    /// neither was acknowledged.
    may_come: bool,
}

/// A partition's guard, where it has one, and its rows.
#[derive(Debug, PartialEq, Eq)]
struct Stands {
    guard: Option<Guard>,
    rows: Vec<Row>,
}

impl Seen {
    async fn of(table: &'static TableDef, partition: &Key, may_come: bool, witness: &dyn Backend) -> Self {
        Self {
            table,
            partition: partition.clone(),
            stands: stands(table, partition, witness).await,
            may_come,
        }
    }

    async fn look(&self, witness: &dyn Backend) -> Stands {
        stands(self.table, &self.partition, witness).await
    }

    fn may_be(&self, now: &Stands) -> bool {
        *now == self.stands || (self.may_come && self.stands.rows.is_empty())
    }
}

async fn stands(table: &'static TableDef, partition: &Key, witness: &dyn Backend) -> Stands {
    let guard = match table.written_by {
        WrittenBy::Append => witness.guard(table, partition).await.expect("the witness has no faults"),
        WrittenBy::Claim | WrittenBy::Write => None,
    };
    let everything = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: 10 };
    let page = witness.slice(table, partition, everything).await.expect("the witness has no faults");
    Stands { guard, rows: page.rows }
}

struct Trial<'a> {
    proxy: &'a Proxy,
    fault: Fault,
    number: usize,
    outcome: &'a mut Outcome,
    seen: &'a mut Vec<(String, Seen)>,
}

impl Trial<'_> {
    async fn append(&mut self, subject: &dyn Backend, witness: &dyn Backend) {
        let partition = (format!("!append{}:a", self.number), 0).to_key();
        let fence = subject.fence(RoomLog::DEF, &partition).await.expect("no fault yet").fence;
        let needle = format!("{{\"needle\":\"append {}\"}}", self.number);
        let append = Append {
            table: RoomLog::DEF,
            partition: partition.clone(),
            fence,
            expected_head_seq: None,
            new_head_seq: 0,
            head: Bytes::from_static(b"{}"),
            rows: vec![((0,).to_key(), needle.clone().into()), ((1,).to_key(), Bytes::from_static(b"{}"))],
            projections: Vec::new(),
        };
        self.proxy.set_trap(&needle, self.fault);
        let answer = subject.append(append).await;

        let guard = witness.fence(RoomLog::DEF, &partition).await.expect("the witness has no faults");
        let everything =
            Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: 10 };
        let rows = witness.slice(RoomLog::DEF, &partition, everything).await.expect("the witness").rows.len();
        let there = guard.head_seq == Some(0);
        self.remember("an append", Seen::of(RoomLog::DEF, &partition, false, witness).await);
        self.outcome.law(rows == if there { 2 } else { 0 }, || {
            format!(
                "{:?} of an append: the head is {:?} and {rows} rows are there",
                self.fault, guard.head_seq
            )
        });
        self.conditional("an append", answer, there);
    }

    async fn claim(&mut self, subject: &dyn Backend, witness: &dyn Backend) {
        let (partition, needle) = ((format!("#claim{}:a", self.number),).to_key(), "{\"needle\":\"claim\"}");
        let claim = Claim {
            table: Alias::DEF,
            partition: partition.clone(),
            conditions: vec![(Key::new(), Expect::Absent)],
            writes: vec![(Key::new(), Some(Bytes::from_static(needle.as_bytes())))],
            projections: Vec::new(),
        };
        self.proxy.set_trap(needle, self.fault);
        let answer = subject.claim(claim).await;

        let there = witness.get(Alias::DEF, &partition, &Key::new()).await.expect("the witness").is_some();
        let may_come = !matches!(answer, Ok(Answer::Applied | Answer::Refused));
        self.remember("a claim", Seen::of(Alias::DEF, &partition, may_come, witness).await);
        self.conditional("a claim", answer, there);
    }

    fn remember(&mut self, what: &str, seen: Seen) {
        self.seen.push((format!("{:?} of {what}", self.fault), seen));
    }

    /// What is said of a conditional batch is true.
    fn conditional(&mut self, what: &str, answer: Result<Answer, StoreError>, there: bool) {
        let fault = self.fault;
        self.outcome.tells(format!("{fault:?} of {what}: {answer:?}, there: {there}"));
        self.outcome
            .law(!self.proxy.trap_is_set(), || format!("{fault:?} of {what}: nothing went into the trap"));
        let is_true = match answer {
            Ok(Answer::Applied) => there,
            Ok(Answer::Refused) => !there,
            Ok(Answer::Unknown) | Err(StoreError::Unavailable { .. }) => true,
            Err(_) => false,
        };
        self.outcome.law(is_true, || format!("{fault:?} of {what}: {answer:?}, there: {there}"));
    }

    async fn fence(&mut self, subject: &dyn Backend, witness: &dyn Backend) {
        let room = format!("!fence{}:a", self.number);
        let partition = (room.clone(), 0).to_key();
        let held = witness.fence(RoomLog::DEF, &partition).await.expect("the witness").fence;
        self.proxy.set_trap(&room, self.fault);
        let answer = subject.fence(RoomLog::DEF, &partition).await;

        let fence = witness.fence(RoomLog::DEF, &partition).await.expect("the witness").fence;
        self.remember("a fence", Seen::of(RoomLog::DEF, &partition, false, witness).await);
        let fault = self.fault;
        self.outcome.tells(format!("{fault:?} of a fence: {answer:?}"));
        self.outcome
            .law(!self.proxy.trap_is_set(), || format!("{fault:?} of a fence: nothing went into the trap"));
        let is_true = match &answer {
            Ok(guard) => guard.fence > held && fence > guard.fence,
            Err(StoreError::Unavailable { .. }) => fence > held,
            Err(_) => false,
        };
        self.outcome.law(is_true, || format!("{fault:?} of a fence at {held}: {answer:?}, then {fence}"));
    }

    async fn write(&mut self, subject: &dyn Backend, witness: &dyn Backend) {
        let user = format!("@write{}:a", self.number);
        let (partition, clustering) = ((user.as_str(),).to_key(), ("displayname",).to_key());
        let put = Write::Put {
            table: Profile::DEF,
            partition: partition.clone(),
            clustering: clustering.clone(),
            value: Bytes::from_static(b"\"a name\""),
            stamp: 7,
            ttl: None,
        };
        self.proxy.set_trap(&user, self.fault);
        let answer = subject.write(vec![put]).await;

        let there = witness.get(Profile::DEF, &partition, &clustering).await;
        let (there, fault) = (there.expect("the witness").is_some(), self.fault);
        self.remember("a write", Seen::of(Profile::DEF, &partition, answer.is_err(), witness).await);
        self.outcome.tells(format!("{fault:?} of a write: {answer:?}, there: {there}"));
        self.outcome
            .law(!self.proxy.trap_is_set(), || format!("{fault:?} of a write: nothing went into the trap"));
        self.outcome
            .law(answer.is_err() || there, || format!("{fault:?} of a write: acknowledged and not there"));
    }
}
