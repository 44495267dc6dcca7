//! A cluster of our own, whose nodes are killed and paused: Apache Cassandra by the launcher in `tests/cassandra`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The first node's address; the others follow. Apart from what `tests/run` and other tests use.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 77, 1);

/// The CQL port of every node.
const PORT: u16 = 9042;

/// A cluster on loopback addresses. Its processes end when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    nodes: u8,
}

impl Cluster {
    /// Starts `nodes` nodes and waits until each answers and sees the others.
    ///
    /// # Errors
    /// What the launcher said.
    pub async fn start(nodes: u8) -> Result<Self, String> {
        let folder =
            tempfile::Builder::new().prefix("playhouse-cql-").tempdir().map_err(|e| e.to_string())?;
        let cluster = Self { folder, nodes };
        let (count, address) = (nodes.to_string(), FIRST_ADDRESS.to_string());
        cluster.launcher("start", &["--nodes", &count, "--first-address", &address]).await?;
        Ok(cluster)
    }

    /// Where the nodes answer.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let [a, b, c, d] = FIRST_ADDRESS.octets();
        let address = |n| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d + n)), PORT);
        (0..self.nodes).map(address).collect()
    }

    /// Brings back what was killed, with its data, and waits until all answer.
    ///
    /// # Errors
    /// What the launcher said.
    pub async fn restart(&self) -> Result<(), String> {
        self.launcher("start", &[]).await
    }

    /// SIGKILL of a node, counted from 1.
    ///
    /// # Errors
    /// What the launcher said.
    pub async fn kill(&self, node: u8) -> Result<(), String> {
        self.launcher("kill", &[&node.to_string()]).await
    }

    /// SIGSTOP of a node: it holds its sockets and says nothing.
    ///
    /// # Errors
    /// What the launcher said.
    pub async fn pause(&self, node: u8) -> Result<(), String> {
        self.launcher("pause", &[&node.to_string()]).await
    }

    /// SIGCONT of a node.
    ///
    /// # Errors
    /// What the launcher said.
    pub async fn resume(&self, node: u8) -> Result<(), String> {
        self.launcher("resume", &[&node.to_string()]).await
    }

    async fn launcher(&self, verb: &str, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.command(verb, arguments);
        let done = tokio::task::spawn_blocking(move || command.output()).await.map_err(|e| e.to_string())?;
        let done = done.map_err(|e| format!("tests/cassandra/cassandra: {e}"))?;
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
    }

    fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let launcher = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cassandra/cassandra");
        let mut command = Command::new(launcher);
        command.arg(verb).arg("--dir").arg(self.folder.path()).args(arguments).stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.command("stop", &["--now"]).output();
    }
}
