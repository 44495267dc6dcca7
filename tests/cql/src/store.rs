//! The back end itself, without a server around it.

use std::net::SocketAddr;
use std::time::Duration;

use playhouse_storage::Backend;
use playhouse_storage::backends::scylla::{CqlBackend, CqlOptions, Replication};
use playhouse_tests::Keyspace;

/// Short, since each request that gets lost takes as long.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens a keyspace through `node`.
pub async fn open(node: SocketAddr, keyspace: &Keyspace) -> Box<dyn Backend> {
    let options = CqlOptions {
        replication: Replication::Factor(keyspace.replicas().into()),
        statement_timeout: STATEMENT_TIMEOUT,
        ..CqlOptions::new(vec![node.to_string()], keyspace.name())
    };
    Box::new(CqlBackend::open(&options).await.expect("the node answers"))
}
