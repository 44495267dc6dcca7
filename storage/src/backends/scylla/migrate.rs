//! Brings a keyspace to the schema that this server knows: in numbered steps, each of which may be done twice, by one
//! process at a time. A process that is killed in between leaves the rest to the next.

use std::time::Duration;

use scylla::{
    errors::{DbError, ExecutionError, RequestAttemptError},
    statement::unprepared::Statement,
    value::CqlValue,
};
use tokio::time::Instant;

use super::{
    cluster::{Cluster, is_applied},
    error::{Failure, one_line},
    open::OpenError,
    options::CqlOptions,
    probe::{ask, tablets},
    schema::{SCHEMA_TABLE, create_keyspace, create_schema_table, create_table},
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
/// How long a process that changes the schema is taken to live without a sign of it.
const LOCK_SECONDS: u32 = 120;
/// How long to wait for another process that changes it, and how often to look.
const PATIENCE: Duration = Duration::from_mins(10);
const LOOK: Duration = Duration::from_millis(500);

/// What the keyspace says of itself.
struct State {
    version: i32,
    /// The same as it stands there, if it does.
    read_version: Option<i32>,
    migrating: Option<String>,
    missing: Vec<&'static crate::TableDef>,
}

impl State {
    fn is_current(&self) -> bool {
        self.version == KNOWN && self.missing.is_empty()
    }
}

/// Makes what is missing and brings the rest up to date.
pub(super) async fn bring_up(cluster: &Cluster, options: &CqlOptions) -> Result<(), OpenError> {
    let keyspace = &cluster.keyspace;
    if tables_of(cluster).await?.iter().all(|table| table != SCHEMA_TABLE) {
        if !options.make {
            return Err(OpenError::Missing { keyspace: keyspace.clone() });
        }
        // Also where the keyspace is there: its owner may have made it, with a replication of their own.
        change(cluster, create_keyspace(keyspace, &options.replication, tablets(&cluster.session))).await?;
        change(cluster, create_schema_table(keyspace)).await?;
    }
    let me = format!("{} on {}", std::process::id(), cluster.session.session_id());
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
        if take_lock(cluster, &me, state.read_version).await? {
            migrate(cluster, &me, &state).await?;
        } else if Instant::now() > ends {
            let who = state.migrating.unwrap_or_default();
            return Err(OpenError::Migrating { keyspace: keyspace.clone(), who });
        } else {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Runs the steps that are left. Stops where the lock is lost; the caller looks again.
async fn migrate(cluster: &Cluster, me: &str, state: &State) -> Result<(), OpenError> {
    let keyspace = &cluster.keyspace;
    let steps: Vec<&Migration> = MIGRATIONS.iter().filter(|step| step.version > state.version).collect();
    let mut statements: Vec<String> =
        state.missing.iter().map(|table| create_table(keyspace, table)).collect();
    for step in &steps {
        tracing::info!(keyspace, version = step.version, "migrating the schema: {}", step.what);
        statements.extend((step.statements)(keyspace));
    }
    let total = statements.len().max(1);
    for (done, statement) in statements.into_iter().enumerate() {
        cluster.metrics.migration.set(done as f64 / total as f64);
        change(cluster, statement).await?;
        if !hold_lock(cluster, me).await? {
            return Ok(());
        }
    }
    let set = format!(
        "UPDATE \"{keyspace}\".\"{SCHEMA_TABLE}\" SET \"version\" = {KNOWN}, \"migrating\" = NULL \
         WHERE \"name\" = 'playhouse' IF \"migrating\" = '{me}'"
    );
    conditional(cluster, set).await.map(drop)
}

/// Takes the lock for a while, if nobody has it and the version is still the one that was read.
async fn take_lock(cluster: &Cluster, me: &str, read_version: Option<i32>) -> Result<bool, OpenError> {
    let version = read_version.map_or_else(|| "NULL".to_owned(), |version| version.to_string());
    lock(cluster, me, &format!("\"migrating\" = NULL AND \"version\" = {version}")).await
}

/// Holds the lock for longer.
async fn hold_lock(cluster: &Cluster, me: &str) -> Result<bool, OpenError> {
    lock(cluster, me, &format!("\"migrating\" = '{me}'")).await
}

async fn lock(cluster: &Cluster, me: &str, condition: &str) -> Result<bool, OpenError> {
    let lock = format!(
        "UPDATE \"{}\".\"{SCHEMA_TABLE}\" USING TTL {LOCK_SECONDS} SET \"migrating\" = '{me}' \
         WHERE \"name\" = 'playhouse' IF {condition}",
        cluster.keyspace
    );
    conditional(cluster, lock).await
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
    let mut select = Statement::new(format!(
        "SELECT \"version\", \"migrating\" FROM \"{}\".\"{SCHEMA_TABLE}\" WHERE \"name\" = 'playhouse'",
        cluster.keyspace
    ));
    select.set_consistency(cluster.profiles.serial_reads);
    let row = ask(&cluster.session, select, "read the version of the schema").await?.into_iter().next();
    let mut columns = row.map(|row| row.columns).unwrap_or_default().into_iter();
    let read_version = match columns.next() {
        Some(Some(CqlValue::Int(version))) => Some(version),
        _ => None,
    };
    let migrating = match columns.next() {
        Some(Some(CqlValue::Text(who))) => Some(who),
        _ => None,
    };
    let there = tables_of(cluster).await?;
    let missing = tables::ALL.iter().copied().filter(|table| !there.iter().any(|name| name == table.name));
    let version = read_version.unwrap_or(0);
    Ok(State { version, read_version, migrating, missing: missing.collect() })
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

async fn conditional(cluster: &Cluster, statement: String) -> Result<bool, OpenError> {
    let mut statement = Statement::new(statement);
    statement.set_execution_profile_handle(Some(cluster.profiles.once()));
    let applied = match cluster.session.query_unpaged(statement, ()).await {
        Ok(result) => is_applied(result),
        Err(error) => Err(Failure::Sent(error)),
    };
    applied.map_err(|failure| {
        let (keyspace, reason) = (cluster.keyspace.clone(), one_line(&failure));
        match failure {
            Failure::Sent(ExecutionError::LastAttemptError(RequestAttemptError::DbError(
                DbError::Invalid | DbError::ServerError | DbError::ConfigError,
                _,
            ))) => OpenError::Conditional { keyspace, reason },
            _ => OpenError::Failed { doing: "make a conditional write".to_owned(), reason },
        }
    })
}
