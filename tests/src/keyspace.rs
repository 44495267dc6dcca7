//! A keyspace on a CQL server, for a server of the tests that keeps its rows there.

use std::process::{Command, Stdio};

/// Drops a keyspace, for all the tests.
const DROP_KEYSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cql/drop_keyspace.py");

/// A keyspace with a name of its own, which the first server on it makes. It is dropped with the last handle, so that
/// a CQL server that outlives the tests is left as it was.
#[derive(Debug)]
pub struct Keyspace {
    nodes: Vec<String>,
    replicas: u8,
    name: String,
}

impl Keyspace {
    /// A new name on the nodes that `nodes` lists: `host:port`, separated by commas.
    pub fn new(nodes: &str) -> Self {
        Self::replicated(nodes, 1)
    }

    /// [`new`](Self::new), with each row on so many nodes.
    pub fn replicated(nodes: &str, replicas: u8) -> Self {
        let name = format!("playhouse_test_{:016x}", rand::random::<u64>());
        Self { nodes: nodes.split(',').map(str::to_owned).collect(), replicas, name }
    }

    /// `host:port` of each contact point.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// On how many nodes each row is.
    pub fn replicas(&self) -> u8 {
        self.replicas
    }

    /// The keyspace's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        let is_dropped_by = |node: &String| {
            let mut drop = Command::new(DROP_KEYSPACE);
            drop.args([node, &self.name]).stdin(Stdio::null()).stderr(Stdio::null());
            drop.status().is_ok_and(|status| status.success())
        };
        // A node that a test has killed says nothing; what runs it removes its data.
        let _ = self.nodes.iter().any(is_dropped_by);
    }
}
