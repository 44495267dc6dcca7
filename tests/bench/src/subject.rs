//! The server that is measured, and what the kernel says of its process.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use playhouse_tests::{Http, Keyspace, Server, Setup, User};

use crate::trips::Trips;
use crate::{Options, accounts};

/// Clock ticks a second in `/proc`, on every Linux.
const TICKS: f64 = 100.0;

/// A server under measurement.
#[derive(Debug)]
pub struct Subject {
    /// What to call it in tables.
    pub name: String,
    /// Plain HTTP to it.
    pub http: Http,
    pid: Option<u32>,
    secret: Option<String>,
    /// Where its metrics are.
    metrics: Option<String>,
    /// Counts the groups of users, so that names never meet.
    groups: usize,
    /// Ends with the subject.
    _server: Option<Server>,
    _process: Option<OwnProcess>,
}

/// A process that ends with its owner.
#[derive(Debug)]
pub struct OwnProcess(pub std::process::Child);

impl Drop for OwnProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Subject {
    /// A server that runs already.
    pub fn at(url: &str, pid: Option<u32>, secret: Option<String>) -> Self {
        let name = url.to_owned();
        Self {
            name,
            http: Http::new(url),
            pid,
            secret,
            metrics: None,
            groups: 0,
            _server: None,
            _process: None,
        }
    }

    /// A new Playhouse on an empty store.
    pub async fn spawns(binary: &Path, options: &Options) -> Self {
        let metrics = free_address();
        let mut setup = Setup::default()
            .set("passwords.cost", &*options.password_cost)
            .set("metrics.address", &*metrics)
            .with_binary(binary);
        if let Some(nodes) = &options.cql {
            setup = setup.in_keyspace(&Arc::new(Keyspace::replicated(nodes, options.cql_replicas)));
        }
        let server = Server::start(&setup).await;
        let subject = Self::at(&server.url(), server.pid(), None);
        Self { name: "Playhouse".to_owned(), metrics: Some(metrics), _server: Some(server), ..subject }
    }

    /// A process that was started for this measurement.
    pub fn owns(self, name: &str, process: OwnProcess) -> Self {
        Self { name: name.to_owned(), pid: Some(process.0.id()), _process: Some(process), ..self }
    }

    /// New users.
    pub async fn users(&mut self, count: usize) -> Vec<User> {
        let prefix = self.next_prefix();
        accounts::make(&self.http, self.secret.as_deref(), &prefix, count).await
    }

    /// A beginning for names that nobody has yet.
    pub fn next_prefix(&mut self) -> String {
        self.groups += 1;
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        format!("u{}-{}-", now.as_secs(), self.groups)
    }

    /// The shared secret to register with.
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// What it has asked of its cluster, if it has one.
    pub fn trips(&self) -> Option<Trips> {
        Trips::at(self.metrics.as_deref()?)
    }

    /// The CPU time that its process has used.
    pub fn cpu(&self) -> Option<Duration> {
        cpu_of(&self.pid?.to_string())
    }

    /// Its resident memory in MiB.
    pub fn memory_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024.0)
    }
}

/// A loopback address that nobody listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// The CPU time of this generator.
pub fn own_cpu() -> Option<Duration> {
    cpu_of("self")
}

fn cpu_of(pid: &str) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold anything but ends at the last ')'.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
    Some(Duration::from_secs_f64(ticks / TICKS))
}
