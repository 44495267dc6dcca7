//! Brings a keyspace to the schema that this server knows: in numbered steps, each of which may be done twice, by one
//! process at a time. A process that is killed in between leaves the rest to the next.

use std::time::Duration;

use scylla::{statement::unprepared::Statement, value::CqlValue};
use tokio::time::Instant;

use super::{
    cluster::Cluster,
    lease::{Attempt, Lease},
    open::OpenError,
    options::CqlOptions,
    probe::tablets,
    schema::{
        LEASE_TABLE, SCHEMA_TABLE, create_keyspace, create_lease_table, create_schema_table, create_table,
    },
    unprepared::{ask, conditional},
};
use crate::tables;

/// A step from one version of the schema to the next.
struct Migration {
    /// The version after it.
    version: i32,
    /// What it does, for the log.
    what: &'static str,
    /// Its statements for a keyspace, each harmless when run again.
    statements: fn(&str) -> Vec<String>,
}

/// The steps, in order. A table that is merely new needs none: what is missing is made.
const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, what: "make the tables", statements: |_| Vec::new() }];

/// The version that this server knows.
const KNOWN: i32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// How long a change of the schema may take.
const DDL_TIMEOUT: Duration = Duration::from_mins(1);
/// How long to wait for another process that changes it, and how often to look.
const PATIENCE: Duration = Duration::from_mins(10);
const LOOK: Duration = Duration::from_millis(500);

/// What the keyspace says of itself.
struct State {
    version: i32,
    /// The same as it stands there, if it does.
    read_version: Option<i32>,
    missing: Vec<&'static crate::TableDef>,
}

impl State {
    fn is_current(&self) -> bool {
        self.version == KNOWN && self.missing.is_empty()
    }
}

/// Makes what is missing and brings the rest up to date, which only the holder of the lease does. Gives the lease to
/// those who must be alone, and to nobody else.
pub(super) async fn bring_up(cluster: &Cluster, options: &CqlOptions) -> Result<Option<Lease>, OpenError> {
    make_lease_table(cluster, options).await?;
    let mut lease = Lease::new(&options.clock);
    let done = if options.alone {
        bring_up_alone(cluster, options, &mut lease).await
    } else {
        bring_up_with(cluster, options, &mut lease).await
    };
    if options.alone && done.is_ok() {
        return Ok(Some(lease));
    }
    if let Err(error) = lease.release(cluster).await {
        tracing::debug!(%error, "the lease is not given back");
    }
    done.map(|()| None)
}

async fn bring_up_alone(cluster: &Cluster, options: &CqlOptions, lease: &mut Lease) -> Result<(), OpenError> {
    claim(cluster, lease).await?;
    bring_up_with(cluster, options, lease).await?;
    // It may have been lost over a long migration.
    claim(cluster, lease).await
}

/// The keyspace and the table that says who may do more to it.
async fn make_lease_table(cluster: &Cluster, options: &CqlOptions) -> Result<(), OpenError> {
    let keyspace = &cluster.keyspace;
    let there = tables_of(cluster).await?;
    let is_there = |name| there.iter().any(|table| table == name);
    if is_there(LEASE_TABLE) {
        return Ok(());
    }
    if options.make {
        // Also where the keyspace is there: its owner may have made it, with a replication of their own.
        change(cluster, create_keyspace(keyspace, &options.replication, tablets(&cluster.session))).await?;
        return change(cluster, create_lease_table(keyspace)).await;
    }
    Err(if is_there(SCHEMA_TABLE) {
        OpenError::OlderSchema { keyspace: keyspace.clone(), found: 0, known: KNOWN }
    } else {
        OpenError::Missing { keyspace: keyspace.clone() }
    })
}

/// Takes the lease, or finds out that its holder lives.
async fn claim(cluster: &Cluster, lease: &mut Lease) -> Result<(), OpenError> {
    loop {
        match lease.attempt(cluster).await? {
            Attempt::Held => return Ok(()),
            Attempt::Waiting => tokio::time::sleep(LOOK).await,
            Attempt::Lives => return Err(lease.in_the_way(cluster)),
        }
    }
}

async fn bring_up_with(cluster: &Cluster, options: &CqlOptions, lease: &mut Lease) -> Result<(), OpenError> {
    let keyspace = &cluster.keyspace;
    let ends = Instant::now() + PATIENCE;
    loop {
        let state = read(cluster).await?;
        if state.version > KNOWN {
            return Err(OpenError::NewerSchema {
                keyspace: keyspace.clone(),
                found: state.version,
                known: KNOWN,
            });
        }
        if state.is_current() {
            cluster.metrics.schema_version.set(f64::from(KNOWN));
            cluster.metrics.migration.set(1.0);
            return probe(cluster).await;
        }
        if !options.make {
            return Err(OpenError::OlderSchema {
                keyspace: keyspace.clone(),
                found: state.version,
                known: KNOWN,
            });
        }
        match lease.attempt(cluster).await? {
            // Another one may have been at it until now.
            Attempt::Held => migrate_holding(cluster, &read(cluster).await?, lease).await?,
            Attempt::Waiting | Attempt::Lives if Instant::now() > ends => {
                return Err(lease.in_the_way(cluster));
            }
            Attempt::Waiting | Attempt::Lives => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Runs the steps that are left, as long as the lease can be kept. The caller looks at what came of it.
async fn migrate_holding(cluster: &Cluster, state: &State, lease: &mut Lease) -> Result<(), OpenError> {
    tokio::select! {
        done = migrate(cluster, state) => done,
        () = lease.hold(cluster) => Ok(()),
    }
}

async fn migrate(cluster: &Cluster, state: &State) -> Result<(), OpenError> {
    let keyspace = &cluster.keyspace;
    let steps: Vec<&Migration> = MIGRATIONS.iter().filter(|step| step.version > state.version).collect();
    let mut statements = vec![create_schema_table(keyspace)];
    statements.extend(state.missing.iter().map(|table| create_table(keyspace, table)));
    for step in &steps {
        tracing::info!(keyspace, version = step.version, "migrating the schema: {}", step.what);
        statements.extend((step.statements)(keyspace));
    }
    let total = statements.len();
    for (done, statement) in statements.into_iter().enumerate() {
        cluster.metrics.migration.set(done as f64 / total as f64);
        change(cluster, statement).await?;
    }
    let seen = state.read_version.map_or_else(|| "NULL".to_owned(), |version| version.to_string());
    let set = format!(
        "UPDATE \"{keyspace}\".\"{SCHEMA_TABLE}\" SET \"version\" = {KNOWN} \
         WHERE \"name\" = 'playhouse' IF \"version\" = {seen}"
    );
    conditional(cluster, set).await.map(drop)
}

/// A conditional write that changes nothing, to know that the cluster does them.
async fn probe(cluster: &Cluster) -> Result<(), OpenError> {
    let same = format!(
        "UPDATE \"{}\".\"{SCHEMA_TABLE}\" SET \"version\" = {KNOWN} WHERE \"name\" = 'playhouse' \
         IF \"version\" = {KNOWN}",
        cluster.keyspace
    );
    conditional(cluster, same).await.map(drop)
}

async fn read(cluster: &Cluster) -> Result<State, OpenError> {
    let there = tables_of(cluster).await?;
    let is_there = |name: &str| there.iter().any(|table| table == name);
    let read_version = if is_there(SCHEMA_TABLE) { read_version(cluster).await? } else { None };
    let missing = tables::ALL.iter().copied().filter(|table| !is_there(table.name)).collect();
    Ok(State { version: read_version.unwrap_or(0), read_version, missing })
}

async fn read_version(cluster: &Cluster) -> Result<Option<i32>, OpenError> {
    let mut select = Statement::new(format!(
        "SELECT \"version\" FROM \"{}\".\"{SCHEMA_TABLE}\" WHERE \"name\" = 'playhouse'",
        cluster.keyspace
    ));
    select.set_consistency(cluster.profiles.serial_reads);
    let row = ask(&cluster.session, select, "read the version of the schema").await?.into_iter().next();
    Ok(match row.and_then(|row| row.columns.into_iter().next()) {
        Some(Some(CqlValue::Int(version))) => Some(version),
        _ => None,
    })
}

/// The tables of the keyspace.
async fn tables_of(cluster: &Cluster) -> Result<Vec<String>, OpenError> {
    let query =
        format!("SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{}'", cluster.keyspace);
    let rows = ask(&cluster.session, query, "read which tables there are").await?;
    let names = rows.into_iter().filter_map(|row| match row.columns.into_iter().next()? {
        Some(CqlValue::Text(name)) => Some(name),
        _ => None,
    });
    Ok(names.collect())
}

/// Changes the schema, and waits until all nodes know.
async fn change(cluster: &Cluster, statement: String) -> Result<(), OpenError> {
    let doing = format!("run {:?}", statement.split(" (").next().unwrap_or_default());
    let mut statement = Statement::new(statement);
    statement.set_request_timeout(Some(DDL_TIMEOUT));
    ask(&cluster.session, statement, &doing).await.map(drop)
}
