//! How a server of the tests is configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::{Table, Value};

use crate::{Authority, Keyspace, Server, server::free_port};

/// The configuration of one server, as its TOML file will hold it. Address and data folder come from [`crate::Server`].
#[derive(Clone, Debug)]
pub struct Setup {
    table: Table,
    binary: Option<PathBuf>,
    keyspace: Option<Arc<Keyspace>>,
    signing_key: Option<PathBuf>,
    /// Listeners besides the first.
    listeners: Vec<Table>,
}

impl Default for Setup {
    /// Open registration, cheap password hashes, no rate limits, no metrics: what most tests want.
    fn default() -> Self {
        Self { table: Table::new(), binary: None, keyspace: None, signing_key: None, listeners: Vec::new() }
            .set("server_name", "localhost")
            .set("registration.open", true)
            .set("registration.shared_secret", "a shared secret")
            .set("rate_limits.enabled", false)
            .set("passwords.cost", "test")
            .set("metrics.address", "")
            .set("log.level", std::env::var("PLAYHOUSE_TEST_LOG").unwrap_or_else(|_| "warn".to_owned()))
    }
}

impl Setup {
    /// Sets the key that dots lead to, such as `registration.open`.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let (sections, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.table;
        for section in sections.split('.').filter(|s| !s.is_empty()) {
            let inner = table.entry(section).or_insert_with(|| Table::new().into());
            table = inner.as_table_mut().expect("a section");
        }
        table.insert(name.to_owned(), value.into());
        self
    }

    /// Answers other servers over TLS on `host`, an address or name of loopback, which with a port is the server's name. The
    /// certificate is of `authority`, which it believes about others.
    pub fn federating(self, authority: &Authority, host: &str) -> Self {
        let name = format!("{host}:{}", free_port());
        let (certificate, key) = authority.certifies(host);
        let mut listener = Table::new();
        listener.insert("address".to_owned(), name.replace("localhost", "127.0.0.1").into());
        listener.insert("parts".to_owned(), vec!["federation"].into());
        listener.insert("tls_certificate".to_owned(), certificate.display().to_string().into());
        listener.insert("tls_key".to_owned(), key.display().to_string().into());
        let mut setup = self
            .set("server_name", name)
            .set("federation.ca_file", authority.file().display().to_string())
            .set("federation.allowed_networks", vec!["127.0.0.0/8"])
            .set("federation.timeout", "5 s")
            .set("federation.connect_timeout", "2 s");
        setup.listeners.push(listener);
        setup
    }

    /// The name of the server.
    pub fn server_name(&self) -> &str {
        self.table["server_name"].as_str().expect("a name")
    }

    /// Keeps the rows in this keyspace.
    pub fn in_keyspace(self, keyspace: &Arc<Keyspace>) -> Self {
        let nodes: Vec<Value> = keyspace.nodes().iter().map(|node| node.as_str().into()).collect();
        let mut setup = self
            .set("store", "scylla")
            .set("scylla.contact_points", nodes)
            .set("scylla.keyspace", keyspace.name())
            .set("scylla.replication_factor", i64::from(keyspace.replicas()));
        setup.keyspace = Some(Arc::clone(keyspace));
        setup
    }

    /// Signs as another server does: a second process of the same server.
    pub fn signing_as(self, server: &Server) -> Self {
        Self { signing_key: Some(server.signing_key()), ..self }
    }

    /// The signing key to begin with, where it is not a new one.
    pub(crate) fn signing_key(&self) -> Option<&Path> {
        self.signing_key.as_deref()
    }

    /// The keyspace of the rows, where they are in one.
    pub(crate) fn keyspace(&self) -> Option<&Arc<Keyspace>> {
        self.keyspace.as_ref()
    }

    /// With a keyspace of its own, if the environment asks for it and nothing else was set.
    pub(crate) fn in_this_world(self) -> Self {
        match (std::env::var("PLAYHOUSE_TEST_WORLD"), std::env::var("PLAYHOUSE_TEST_CQL")) {
            (Ok(world), Ok(nodes)) if world == "cql" && !self.table.contains_key("store") => {
                self.in_keyspace(&Arc::new(Keyspace::new(&nodes)))
            }
            _ => self,
        }
    }

    /// Starts this binary instead of the usual one.
    pub fn with_binary(mut self, binary: &Path) -> Self {
        self.binary = Some(binary.to_owned());
        self
    }

    /// The binary to start, where it is not the usual one.
    pub(crate) fn binary(&self) -> Option<&Path> {
        self.binary.as_deref()
    }

    /// The file's text, with a listener for everything that needs no TLS at `address`.
    pub fn render(&self, address: &str, data_dir: &str) -> String {
        let mut listener = Table::new();
        listener.insert("address".to_owned(), address.into());
        listener.insert("parts".to_owned(), vec!["client", "admin", "health", "federation"].into());
        let listeners = std::iter::once(&listener).chain(&self.listeners).cloned().map(Value::Table);
        let whole = self.clone().set("data_dir", data_dir).set("listener", listeners.collect::<Vec<_>>());
        whole.table.to_string()
    }
}
