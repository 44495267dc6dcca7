//! One server process: spawned from the built binary, killed on drop by its own process id.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{Http, Keyspace, Setup};

const START_DEADLINE: Duration = Duration::from_secs(30);
/// On a CQL server: the first start makes forty tables.
const CQL_START_DEADLINE: Duration = Duration::from_mins(4);
const STOP_DEADLINE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(5);

/// Ports below the range from which the kernel takes those of outgoing connections: a server that is down for a moment
/// finds its port free again.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A server process and the temporary folder with its configuration, store and log.
///
/// The binary is `$PLAYHOUSE_BIN`, or else `playhouse` in the target folder from which the test itself runs.
#[derive(Debug)]
pub struct Server {
    process: Option<Child>,
    folder: TempDir,
    port: u16,
    binary: PathBuf,
    /// Dropped after the process has ended.
    keyspace: Option<Arc<Keyspace>>,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub async fn start(setup: &Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("playhouse-").tempdir().expect("a temporary folder");
        let port = free_port();
        let data = folder.path().join("data");
        let setup = setup.clone().in_this_world();
        let text = setup.render(&format!("127.0.0.1:{port}"), &data.display().to_string());
        std::fs::write(folder.path().join("playhouse.toml"), text).expect("a configuration file");
        let binary = setup.binary().map_or_else(usual_binary, Path::to_owned);
        let binary = binary.canonicalize().unwrap_or(binary);
        if let Some(key) = setup.signing_key() {
            std::fs::create_dir_all(&data).expect("a data folder");
            std::fs::copy(key, data.join("signing.key")).expect("a signing key");
        }
        let keyspace = setup.keyspace().cloned();
        let mut server = Self { process: None, folder, port, binary, keyspace };
        server.start_again().await;
        server
    }

    /// Starts the process on what an earlier one left, and waits until it answers.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        let process = self
            .command()
            .args(["serve", "--config"])
            .arg(self.config_file())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; build it with `cargo build`", self.binary.display()));
        self.process = Some(process);
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let (http, began) = (Http::new(&self.url()), Instant::now());
        let deadline = if self.keyspace.is_some() { CQL_START_DEADLINE } else { START_DEADLINE };
        while !matches!(http.send("GET", "/_matrix/client/versions", None, None).await, Ok(r) if r.is_ok()) {
            let exited = self.process.as_mut().and_then(|p| p.try_wait().ok().flatten());
            let log = || self.log();
            assert!(exited.is_none(), "the server ended at its start: {exited:?}\n{}", log());
            assert!(began.elapsed() < deadline, "the server does not answer\n{}", log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Where its client API answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// The folder that holds its configuration, its log and its `data`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("playhouse.toml")
    }

    /// Where its signing key is.
    pub(crate) fn signing_key(&self) -> PathBuf {
        self.folder.path().join("data/signing.key")
    }

    /// Runs another command of the binary on this server's configuration, such as `store check`.
    pub fn runs(&self, command: &[&str]) -> Output {
        let mut playhouse = self.command();
        playhouse.args(command).arg("--config").arg(self.config_file());
        playhouse.stdin(Stdio::null()).output().expect("the binary runs")
    }

    /// The binary, in the server's folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        // The tests' own settings (`PLAYHOUSE_SEEDS` and the like) are no keys of the server, which refuses them.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PLAYHOUSE_"))
        {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path());
        command
    }

    /// All that it has printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// `kill -9`: no chance to finish anything.
    pub fn kill_minus_nine(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process is ours");
            process.wait().expect("the process is ours");
        }
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().expect("the server runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
        assert!(sent.success(), "no process {pid}");
    }

    /// SIGTERM, then waits until it has gone.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        let (mut process, began) = (self.process.take().expect("the server runs"), Instant::now());
        loop {
            if let Some(status) = process.try_wait().expect("the process is ours") {
                return status;
            }
            if began.elapsed() > STOP_DEADLINE {
                self.process = Some(process);
                panic!("the server does not stop\n{}", self.log());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill_minus_nine();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}---", self.log());
        }
    }
}

fn usual_binary() -> PathBuf {
    std::env::var_os("PLAYHOUSE_BIN").map_or_else(beside_this_program, PathBuf::from)
}

/// `target/debug/playhouse`, seen from `target/debug/crash` or `target/debug/deps/client_api-0123`.
fn beside_this_program() -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let folder = this.parent().expect("it is in a folder");
    let target = if folder.ends_with("deps") { folder.parent().expect("a target folder") } else { folder };
    target.join("playhouse")
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(PORTS)).find(is_free).expect("endless")
}
