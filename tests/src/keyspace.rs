//! A keyspace on a CQL server, for a server of the tests that keeps its rows there.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// Dropping a schema of forty tables takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const QUERY: u8 = 0x07;
const CONSISTENCY_ONE: [u8; 2] = [0, 1];

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
        let statement = format!("DROP KEYSPACE IF EXISTS {}", self.name);
        // A node that a test has killed says nothing; what runs it removes its data.
        let _ = self.nodes.iter().any(|node| ask(node, &statement).is_ok());
    }
}

/// Sends one statement, as the native protocol's version 4 has it, and waits for the answer.
fn ask(node: &str, statement: &str) -> std::io::Result<()> {
    let address = node.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut server = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    server.set_read_timeout(Some(PATIENCE))?;
    let startup = [&1_u16.to_be_bytes()[..], &text("CQL_VERSION"), &text("3.0.0")].concat();
    exchange(&mut server, STARTUP, &startup)?;
    let length = (statement.len() as u32).to_be_bytes();
    exchange(&mut server, QUERY, &[&length[..], statement.as_bytes(), &CONSISTENCY_ONE, &[0]].concat())
}

fn exchange(server: &mut TcpStream, opcode: u8, body: &[u8]) -> std::io::Result<()> {
    let header = [&[4, 0, 0, 0, opcode][..], &(body.len() as u32).to_be_bytes()].concat();
    server.write_all(&[&header, body].concat())?;
    let mut answer = [0; 9];
    server.read_exact(&mut answer)?;
    if answer[4] == ERROR {
        return Err(std::io::Error::other("the node refused"));
    }
    let [.., a, b, c, d] = answer;
    let mut rest = server.take(u64::from(u32::from_be_bytes([a, b, c, d])));
    std::io::copy(&mut rest, &mut std::io::sink()).map(drop)
}

fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u16).to_be_bytes(), value.as_bytes()].concat()
}
