//! Random histories against a naive model: every write is kept in a list, and what stands is worked out from scratch.

use std::{collections::BTreeMap, ops::Bound};

use playhouse_storage::{Backend, Expect, Key, Order, Outcome, Slice, TableDef, Write};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    bench::Subject,
    vocabulary::{CLAIMS, PAIRS, bytes, claim, delete, delete_range, key, put, text},
};

/// A step of a history, in a partition that the case has for itself.
#[derive(Debug, Clone)]
enum Step {
    Put(Key, String, i64),
    Delete(Key, i64),
    DeleteRange(Bound<Key>, Bound<Key>, i64),
    Claim { row: Key, expect: Expect, write: Option<String> },
    Read(Bound<Key>, Bound<Key>, Order, usize),
}

/// What the store should hold of one partition of [`PAIRS`] and of one of [`CLAIMS`].
#[derive(Debug, Default)]
struct Model {
    /// Every write of a row that ever arrived; `None` for a deletion.
    writes: BTreeMap<Key, Vec<(i64, Option<String>)>>,
    ranges: Vec<(Bound<Key>, Bound<Key>, i64)>,
    claimed: BTreeMap<Key, String>,
}

fn within(row: &Key, from: &Bound<Key>, to: &Bound<Key>) -> bool {
    let head = |edge: &Key| row[..edge.len()].cmp(edge);
    (match from {
        Bound::Unbounded => true,
        Bound::Included(edge) => head(edge).is_ge(),
        Bound::Excluded(edge) => head(edge).is_gt(),
    }) && match to {
        Bound::Unbounded => true,
        Bound::Included(edge) => head(edge).is_le(),
        Bound::Excluded(edge) => head(edge).is_lt(),
    }
}

impl Model {
    /// Everything that was ever done to a row, range deletions included.
    fn history(&self, row: &Key) -> impl Iterator<Item = (i64, Option<String>)> {
        let ranges = self.ranges.iter().filter(|(from, to, _)| within(row, from, to));
        let own = self.writes.get(row).into_iter().flatten().cloned();
        own.chain(ranges.map(|(_, _, stamp)| (*stamp, None)))
    }

    fn get(&self, row: &Key) -> Option<String> {
        self.history(row).max_by_key(|(stamp, value)| (*stamp, value.is_none(), value.clone()))?.1
    }

    /// What stands in a table, in order.
    fn rows(&self, table: &TableDef) -> Vec<(Key, String)> {
        if table.name == CLAIMS.name {
            return self.claimed.clone().into_iter().collect();
        }
        self.writes.keys().filter_map(|row| Some((row.clone(), self.get(row)?))).collect()
    }

    fn slice(&self, table: &TableDef, slice: &Slice) -> (Vec<(Key, String)>, bool) {
        let mut rows = self.rows(table);
        rows.retain(|(row, _)| within(row, &slice.from, &slice.to));
        if slice.order == Order::Backward {
            rows.reverse();
        }
        let more = rows.len() > slice.limit;
        rows.truncate(slice.limit);
        (rows, more)
    }

    fn claim(&mut self, row: &Key, expect: &Expect, write: Option<&String>) -> Outcome {
        let held = self.claimed.get(row);
        let holds = match expect {
            Expect::Absent => held.is_none(),
            Expect::Present => held.is_some(),
            Expect::Value(value) => held.is_some_and(|held| *held == *value),
        };
        if !holds {
            return Outcome::Refused;
        }
        match write {
            Some(write) => self.claimed.insert(row.clone(), write.clone()),
            None => self.claimed.remove(row),
        };
        Outcome::Applied
    }
}

fn columns() -> impl Strategy<Value = Key> {
    let word =
        prop_oneof![Just(""), Just("\0"), Just("a"), Just("a\0"), Just("ab"), Just("\u{7f}"), Just("é")];
    prop::collection::vec(word.prop_map(text), 0..=2)
}

fn row() -> impl Strategy<Value = Key> {
    columns().prop_map(|mut row| {
        row.resize(2, text("a"));
        row
    })
}

fn bound() -> impl Strategy<Value = Bound<Key>> {
    prop_oneof![
        Just(Bound::Unbounded),
        columns().prop_map(Bound::Included),
        columns().prop_map(Bound::Excluded)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let value = "[a-c]{0,2}";
    let order = prop_oneof![Just(Order::Forward), Just(Order::Backward)];
    let expect = prop_oneof![
        Just(Expect::Absent),
        Just(Expect::Present),
        value.prop_map(|value| Expect::Value(bytes(&value)))
    ];
    prop_oneof![
        4 => (row(), value, -3..6_i64).prop_map(|(row, value, stamp)| Step::Put(row, value, stamp)),
        2 => (row(), -3..6_i64).prop_map(|(row, stamp)| Step::Delete(row, stamp)),
        1 => (bound(), bound(), -3..6_i64).prop_map(|(from, to, stamp)| Step::DeleteRange(from, to, stamp)),
        2 => (row().prop_map(|row| row[..1].to_vec()), expect, prop::option::of(value))
            .prop_map(|(row, expect, write)| Step::Claim { row, expect, write }),
        3 => (bound(), bound(), order, 1..6_usize)
            .prop_map(|(from, to, order, limit)| Step::Read(from, to, order, limit)),
    ]
}

/// One write call of the steps in a row that are writes; the store may see them as one request.
async fn write(store: &dyn Backend, model: &mut Model, partition: &Key, step: &Step) {
    let write: Write = match step {
        Step::Put(row, value, stamp) => {
            model.writes.entry(row.clone()).or_default().push((*stamp, Some(value.clone())));
            put(PAIRS, partition, row, value, *stamp)
        }
        Step::Delete(row, stamp) => {
            model.writes.entry(row.clone()).or_default().push((*stamp, None));
            delete(PAIRS, partition, row, *stamp)
        }
        Step::DeleteRange(from, to, stamp) => {
            model.ranges.push((from.clone(), to.clone(), *stamp));
            delete_range(PAIRS, partition, from.clone(), to.clone(), *stamp)
        }
        Step::Claim { .. } | Step::Read(..) => return,
    };
    store.write(vec![write]).await.unwrap();
}

async fn compare(
    store: &dyn Backend,
    model: &Model,
    table: &'static TableDef,
    partition: &Key,
    slice: Slice,
) -> Result<(), TestCaseError> {
    let expected = model.slice(table, &slice);
    let page = store.slice(table, partition, slice).await.unwrap();
    let rows = page.rows.into_iter();
    let rows = rows.map(|row| (row.clustering, String::from_utf8(row.value.to_vec()).unwrap())).collect();
    prop_assert_eq!((rows, page.more), expected);
    Ok(())
}

async fn play(store: &dyn Backend, partition: &Key, steps: Vec<Step>) -> Result<Model, TestCaseError> {
    let mut model = Model::default();
    for step in steps {
        write(store, &mut model, partition, &step).await;
        match step {
            Step::Claim { row, expect, write } => {
                let expected = model.claim(&row, &expect, write.as_ref());
                let writes = vec![(row.clone(), write.as_deref().map(bytes))];
                let outcome = store.claim(claim(partition, vec![(row, expect)], writes)).await.unwrap();
                prop_assert_eq!(outcome, expected);
            }
            Step::Read(from, to, order, limit) => {
                compare(store, &model, PAIRS, partition, Slice { from, to, order, limit }).await?;
            }
            Step::Put(row, ..) | Step::Delete(row, ..) => {
                let found = store.get(PAIRS, partition, &row).await.unwrap().map(|row| row.value);
                prop_assert_eq!(found, model.get(&row).as_deref().map(bytes));
            }
            Step::DeleteRange(..) => {}
        }
    }
    Ok(model)
}

/// Plays `cases` random histories, then compares all of them again after a restart.
pub fn agrees(subject: &impl Subject, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bench = runtime.block_on(subject.open());
    let played = std::cell::RefCell::new(Vec::new());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..50), |steps| {
            let partition = key([&format!("@{}:b", played.borrow().len())]);
            let model = runtime.block_on(play(&*bench.store, &partition, steps));
            played.borrow_mut().push((partition, model?));
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        let bench = bench.restart().await;
        for (partition, model) in played.into_inner() {
            for (table, order) in [PAIRS, CLAIMS]
                .into_iter()
                .flat_map(|table| [(table, Order::Forward), (table, Order::Backward)])
            {
                let all = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order, limit: 1000 };
                compare(&*bench.store, &model, table, &partition, all).await.unwrap();
            }
        }
    });
}
