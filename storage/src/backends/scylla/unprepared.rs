//! Statements about the keyspace itself: its schema and its lease. They are few, so they are not prepared.

use scylla::{
    client::session::Session,
    errors::{DbError, ExecutionError, RequestAttemptError},
    statement::unprepared::Statement,
    value::Row,
};

use super::{
    cluster::{Cluster, is_applied},
    error::{Failure, one_line},
    open::OpenError,
};

/// The rows of a query about the cluster or the keyspace.
pub(super) async fn ask(
    session: &Session,
    query: impl Into<Statement>,
    doing: &str,
) -> Result<Vec<Row>, OpenError> {
    let failed = |reason: String| OpenError::Failed { doing: doing.to_owned(), reason };
    let result = session.query_unpaged(query, ()).await.map_err(|error| failed(one_line(&error)))?;
    let Ok(rows) = result.into_rows_result() else { return Ok(Vec::new()) };
    let rows = rows.rows::<Row>().map_err(|error| failed(one_line(&error)))?;
    rows.collect::<Result<_, _>>().map_err(|error| failed(one_line(&error)))
}

/// Whether a conditional write was applied. After an error it may have been.
pub(super) async fn conditional(
    cluster: &Cluster,
    statement: impl Into<Statement>,
) -> Result<bool, OpenError> {
    let mut statement = statement.into();
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
