//! A session with a cluster: prepared statements, the bound on those under way, and what is counted.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, RwLock};
use scylla::{
    client::session::Session,
    errors::{ExecutionError, PrepareError},
    response::{PagingState, PagingStateResponse, query_result::QueryResult},
    statement::{
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
    value::{CqlValue, Row as CqlRow},
};

use super::{
    bind::Value,
    error::{Failure, one_line, unavailable},
    flight::Flight,
    lanes::Lanes,
    lease::Keeper,
    operations::Operations,
    options::CqlOptions,
    rejection::{Rejection, Rejections},
    session::Profiles,
    statement::Shape,
};
use crate::{
    StoreError,
    metrics::{CqlMetrics, Requests},
    table::TableDef,
};

/// The most rows that one answer carries: events of 64 KiB stay below 32 MB.
const PAGE_ROWS: i32 = 500;

/// Everything that operations share.
pub(super) struct Cluster {
    pub session: Session,
    pub keyspace: String,
    pub profiles: Profiles,
    pub statement_timeout: Duration,
    pub lanes: Lanes,
    pub metrics: CqlMetrics,
    pub flight: Flight,
    pub operations: Operations,
    rejections: Rejections,
    /// Keeps the lease, where this process must be alone.
    pub keeper: Mutex<Option<Keeper>>,
    /// Bounded by the tables and the shapes of their statements.
    statements: RwLock<HashMap<(u8, Shape), Arc<PreparedStatement>>>,
}

/// A statement of a batch with its values.
pub(super) type Part<'a> = (Shape, Vec<Value<'a>>);

impl Cluster {
    pub fn new(session: Session, options: &CqlOptions, profiles: Profiles, metrics: CqlMetrics) -> Self {
        let (in_flight, refused) = (metrics.in_flight.clone(), metrics.refused.clone());
        let rejections = Rejections::new(metrics.rejected.clone());
        let flight = Flight::new(options.max_in_flight, options.queue_timeout, in_flight, refused);
        Self {
            session,
            keyspace: options.keyspace.clone(),
            profiles,
            statement_timeout: options.statement_timeout,
            lanes: Lanes::new(options.statement_timeout),
            metrics,
            flight,
            operations: Operations::default(),
            rejections,
            keeper: Mutex::default(),
            statements: RwLock::default(),
        }
    }

    /// The statement of a shape for a table.
    pub async fn prepared(
        &self,
        table: &'static TableDef,
        shape: Shape,
    ) -> Result<Arc<PreparedStatement>, Failure> {
        let key = (table.id, shape);
        if let Some(statement) = self.statements.read().get(&key) {
            return Ok(Arc::clone(statement));
        }
        let text = shape.cql(&self.keyspace, table);
        let prepared = tokio::time::timeout(self.statement_timeout, self.session.prepare(text)).await;
        let mut statement = prepared
            .map_err(|_| Failure::Unsent(unavailable("no node prepares a statement in time")))?
            .map_err(|error| Failure::Unsent(self.not_prepared(&error)))?;
        self.profiles.fit(&mut statement, shape);
        statement.set_page_size(PAGE_ROWS);
        let statement = Arc::new(statement);
        self.statements.write().insert(key, Arc::clone(&statement));
        Ok(statement)
    }

    /// Runs one statement that answers with few rows or none.
    pub async fn run(
        &self,
        table: &'static TableDef,
        shape: Shape,
        values: &[Value<'_>],
        requests: &Requests,
    ) -> Result<QueryResult, Failure> {
        let statement = self.prepared(table, shape).await?;
        let _seat = self.flight.board().await.map_err(Failure::Unsent)?;
        let result = self.session.execute_unpaged(&statement, values).await;
        self.count(requests, 1, result)
    }

    /// Runs one page of a statement that reads.
    pub async fn page(
        &self,
        statement: &PreparedStatement,
        values: &[Value<'_>],
        state: PagingState,
    ) -> Result<(QueryResult, PagingStateResponse), Failure> {
        let _seat = self.flight.board().await.map_err(Failure::Unsent)?;
        let result = self.session.execute_single_page(statement, values, state).await;
        self.count(&self.metrics.read_requests, 1, result)
    }

    /// Runs statements on one partition as one unlogged batch: all of them, or none.
    pub async fn batch(
        &self,
        table: &'static TableDef,
        parts: Vec<Part<'_>>,
        requests: &Requests,
    ) -> Result<QueryResult, Failure> {
        let mut batch = Batch::new(BatchType::Unlogged);
        let mut values = Vec::with_capacity(parts.len());
        let mut conditional = false;
        for (shape, bound) in parts {
            conditional |= shape.is_conditional();
            batch.append_statement(PreparedStatement::clone(&*self.prepared(table, shape).await?));
            values.push(bound);
        }
        self.profiles.fit_batch(&mut batch, conditional);
        let _seat = self.flight.board().await.map_err(Failure::Unsent)?;
        let statements = values.len() as u64;
        let result = self.session.batch(&batch, values).await;
        self.count(requests, statements, result)
    }

    fn count<T>(
        &self,
        requests: &Requests,
        statements: u64,
        result: Result<T, ExecutionError>,
    ) -> Result<T, Failure> {
        requests.statements.increment(statements);
        match &result {
            Ok(_) => requests.answered.increment(1),
            Err(error) => {
                requests.failed.increment(1);
                if let Some(rejection) = Rejection::of(error) {
                    self.rejections.count(rejection, error);
                }
            }
        }
        result.map_err(Failure::Sent)
    }

    fn not_prepared(&self, error: &PrepareError) -> StoreError {
        let Some(rejection) = Rejection::of_preparation(error) else {
            return unavailable(one_line(error));
        };
        self.rejections.count(rejection, error);
        rejection.with(error)
    }
}

/// The rows of an answer.
pub(super) fn rows_of(result: QueryResult) -> Result<Vec<CqlRow>, Failure> {
    let unread =
        |error: &dyn std::fmt::Display| Failure::Unread(format!("an answer cannot be read: {error}"));
    let rows = result.into_rows_result().map_err(|error| unread(&error))?;
    let rows = rows.rows::<CqlRow>().map_err(|error| unread(&error))?;
    rows.collect::<Result<_, _>>().map_err(|error| unread(&error))
}

/// Whether a conditional statement or batch was applied. That column is the first; which others there are depends on
/// the server.
pub(super) fn is_applied(result: QueryResult) -> Result<bool, Failure> {
    let rows = rows_of(result)?;
    match rows.first().and_then(|row| row.columns.first()) {
        Some(Some(CqlValue::Boolean(applied))) => Ok(*applied),
        other => Err(Failure::Unread(format!("a conditional write was answered with {other:?}"))),
    }
}
