//! What a cluster is, before it is trusted: its data centres, its clock, its nodes for the rows' replicas.

use std::collections::BTreeMap;

use scylla::{client::session::Session, value::CqlValue};

use super::{
    open::OpenError,
    options::{CqlOptions, Replication},
    schema::Tablets,
    unprepared::ask,
};

/// How many nodes each data centre has.
fn nodes(session: &Session) -> BTreeMap<String, u32> {
    let mut nodes = BTreeMap::new();
    for node in session.get_cluster_state().get_nodes_info() {
        *nodes.entry(node.datacenter.clone().unwrap_or_default()).or_default() += 1;
    }
    nodes
}

/// Whether the configured data centre is there.
pub(super) fn datacenter(session: &Session, options: &CqlOptions) -> Result<(), OpenError> {
    let there = nodes(session);
    match &options.datacenter {
        Some(wanted) if !there.contains_key(wanted) => {
            let there = there.into_keys().collect::<Vec<_>>().join(", ");
            Err(OpenError::Datacenter { wanted: wanted.clone(), there })
        }
        _ => Ok(()),
    }
}

/// Whether the clock of this machine and of a node are close to each other.
pub(super) async fn clock(session: &Session, options: &CqlOptions) -> Result<(), OpenError> {
    let before = options.clock.now_ms();
    let rows = ask(session, "SELECT toUnixTimestamp(now()) FROM system.local", "ask for the time").await?;
    let after = options.clock.now_ms();
    let Some(Some(CqlValue::BigInt(theirs))) = rows.first().and_then(|row| row.columns.first()) else {
        return Err(OpenError::Failed {
            doing: "ask for the time".into(),
            reason: "no time in the answer".into(),
        });
    };
    let theirs = u64::try_from(*theirs).unwrap_or_default();
    // Anywhere between the two is as good as exact.
    let (off_ms, direction) = if theirs < before {
        (before - theirs, "ahead of")
    } else {
        (theirs.saturating_sub(after), "behind")
    };
    if u128::from(off_ms) > options.max_clock_skew.as_millis() {
        return Err(OpenError::Clock { seconds: off_ms / 1_000, direction });
    }
    Ok(())
}

/// Whether there are nodes for each replica of a row: of the keyspace, or of one made by these options.
pub(super) async fn replicas(session: &Session, options: &CqlOptions) -> Result<(), OpenError> {
    let nodes = nodes(session);
    let factors = match stored_replication(session, &options.keyspace).await? {
        Some(stored) => stored,
        None => planned(&options.replication, &nodes),
    };
    for (datacenter, factor) in factors {
        let nodes = if datacenter == ANYWHERE {
            nodes.values().sum()
        } else {
            nodes.get(&datacenter).copied().unwrap_or_default()
        };
        if factor > nodes {
            let keyspace = options.keyspace.clone();
            return Err(OpenError::TooFewNodes { keyspace, datacenter, factor, nodes });
        }
    }
    Ok(())
}

/// What stands for a data centre where replicas are placed without regard to them.
const ANYWHERE: &str = "replication_factor";

fn planned(replication: &Replication, nodes: &BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    match replication {
        Replication::Factor(factor) => nodes.keys().map(|datacenter| (datacenter.clone(), *factor)).collect(),
        Replication::Datacenters(factors) => factors.clone(),
    }
}

/// The replication of a keyspace, where it is there.
async fn stored_replication(
    session: &Session,
    keyspace: &str,
) -> Result<Option<BTreeMap<String, u32>>, OpenError> {
    let query = format!("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = '{keyspace}'");
    let rows = ask(session, query, "read how the keyspace is replicated").await?;
    let Some(Some(CqlValue::Map(entries))) =
        rows.into_iter().next().and_then(|row| row.columns.into_iter().next())
    else {
        return Ok(None);
    };
    // What is no number is the class, or a way to say it that a newer server has: it knows what it does.
    let factors = entries.into_iter().filter_map(|(name, factor)| match (name, factor) {
        (CqlValue::Text(name), CqlValue::Text(factor)) => Some((name, factor.parse().ok()?)),
        _ => None,
    });
    Ok(Some(factors.collect()))
}

/// What a keyspace on this cluster must say of tablets. Only ScyllaDB's nodes have shards.
pub(super) fn tablets(session: &Session) -> Tablets {
    let state = session.get_cluster_state();
    let scylla = state.get_nodes_info().iter().any(|node| node.sharder().is_some());
    if scylla { Tablets::Off } else { Tablets::Unknown }
}
