//! Synapse as a peer: from PyPI, on SQLite, with its rate limits lifted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use playhouse_tests::{Http, Value, json};

use crate::subject::{OwnProcess, Subject};

const START_DEADLINE: Duration = Duration::from_mins(1);

/// Installs it where it is missing, starts it and waits until it answers.
pub async fn starts() -> Subject {
    let python = installed();
    let folder = tempfile::Builder::new().prefix("synapse-").tempdir().expect("a folder").keep();
    let port = free_port();
    write_configuration(&folder, port);
    run(&python, &folder, &["--generate-keys"]).wait().expect("keys");
    let process = OwnProcess(run(&python, &folder, &[]));
    let url = format!("http://127.0.0.1:{port}");
    let (http, began) = (Http::new(&url), Instant::now());
    while http.send("GET", "/_matrix/client/versions", None, None).await.is_err() {
        assert!(began.elapsed() < START_DEADLINE, "Synapse does not answer: {}/log", folder.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Subject::at(&url, None, None).owns("Synapse", process)
}

fn installed() -> PathBuf {
    let cache = std::env::var_os("PLAYHOUSE_CACHE").map(PathBuf::from);
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let venv = cache.unwrap_or_else(|| home.join(".cache/playhouse")).join("synapse");
    let python = venv.join("bin/python");
    if !python.exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).status().expect("python3");
        assert!(made.success(), "python3 -m venv failed");
    }
    let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "matrix-synapse"];
    let got = Command::new(&python).args(pip).status().expect("pip");
    assert!(got.success(), "matrix-synapse could not be installed");
    python
}

fn run(python: &Path, folder: &Path, more: &[&str]) -> std::process::Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    Command::new(python)
        .args(["-m", "synapse.app.homeserver", "-c", "homeserver.yaml"])
        .args(more)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("python")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn write_configuration(folder: &Path, port: u16) {
    let lifted = json!({ "per_second": 1e6, "burst_count": 1_000_000 });
    let mut whole = json!({
        "server_name": "localhost",
        "listeners": [{
            "port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{ "names": ["client"] }],
        }],
        "database": { "name": "sqlite3", "args": { "database": folder.join("homeserver.db") } },
        "media_store_path": folder.join("media"),
        "signing_key_path": folder.join("signing.key"),
        "pid_file": folder.join("pid"),
        "log_config": folder.join("log.json"),
        "trusted_key_servers": [],
        "report_stats": false,
        "suppress_key_server_warning": true,
        "enable_registration": true,
        "enable_registration_without_verification": true,
        "presence": { "enabled": false },
        "bcrypt_rounds": 4,
        "rc_login": { "address": lifted, "account": lifted, "failed_attempts": lifted },
        "rc_joins": { "local": lifted, "remote": lifted },
        "rc_invites": { "per_room": lifted, "per_user": lifted, "per_issuer": lifted },
    });
    for limit in ["rc_message", "rc_registration", "rc_joins_per_room", "rc_room_creation"] {
        whole[limit] = lifted.clone();
    }
    let logging = json!({
        "version": 1, "handlers": { "out": { "class": "logging.StreamHandler" } },
        "root": { "level": "WARNING", "handlers": ["out"] },
    });
    let write =
        |name: &str, value: &Value| std::fs::write(folder.join(name), value.to_string()).expect("a disk");
    write("homeserver.yaml", &whole); // JSON is YAML
    write("log.json", &logging);
}
