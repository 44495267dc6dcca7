//! A keyspace for a test.

use playhouse_storage::backends::scylla::{CqlBackend, CqlOptions, OpenError, Replication};
use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    value::Row,
};

/// A keyspace of its own for a test, dropped at the end.
pub struct Stage {
    /// What it is opened with.
    pub options: CqlOptions,
    pub session: Session,
}

impl Stage {
    /// A name for a keyspace on the server, where there is one.
    pub async fn set(name: &str) -> Option<Self> {
        let Ok(nodes) = std::env::var("PLAYHOUSE_TEST_CQL") else {
            eprintln!("not tried: PLAYHOUSE_TEST_CQL names no server");
            return None;
        };
        let nodes: Vec<String> = nodes.split(',').map(str::to_owned).collect();
        let session = SessionBuilder::new().known_nodes(&nodes).build().await.unwrap();
        let keyspace = format!("{name}_{}", std::process::id());
        let options = CqlOptions { replication: Replication::Factor(1), ..CqlOptions::new(nodes, keyspace) };
        Some(Self { options, session })
    }

    pub async fn open(&self) -> Result<CqlBackend, OpenError> {
        CqlBackend::open(&self.options).await
    }

    /// Rows of a statement in which `ks` stands for the keyspace.
    pub async fn cql(&self, statement: &str) -> Vec<Row> {
        let statement = statement.replace("ks.", &format!("{}.", self.options.keyspace));
        let result = self.session.query_unpaged(statement, ()).await.unwrap();
        let Ok(rows) = result.into_rows_result() else { return Vec::new() };
        rows.rows::<Row>().unwrap().map(Result::unwrap).collect()
    }

    pub async fn tables(&self) -> usize {
        let keyspace = &self.options.keyspace;
        self.cql(&format!("SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"))
            .await
            .len()
    }

    pub async fn strike(self) {
        let drop = format!("DROP KEYSPACE IF EXISTS {}", self.options.keyspace);
        self.session.query_unpaged(drop, ()).await.unwrap();
    }
}
