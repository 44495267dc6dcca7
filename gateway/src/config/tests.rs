//! What operators read when a configuration is wrong, and that the example shows every key.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::*;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("playhouse.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let (_folder, path) = written(text);
    load_from(Some(&path), variables)
}

fn load_from(path: Option<&Path>, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load_with(path, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// What is printed, with the folder left out.
fn complaint(text: &str, variables: &[(&str, &str)]) -> String {
    let (folder, path) = written(text);
    let error = load_from(Some(&path), variables).expect_err("a configuration that is wrong");
    error.to_string().replace(&format!("{}/", folder.path().display()), "").trim_end().to_owned()
}

#[test]
fn without_any_file_the_server_is_for_this_machine_only() {
    let config = load_from(None, &[]).unwrap();

    assert_eq!(config.server_name, "localhost");
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:8008");
    assert!(config.registration.open);
}

#[test]
fn a_real_server_needs_three_lines() {
    let config =
        load_text("server_name = \"example.org\"\n[[listener]]\naddress = \"[::]:8008\"\n", &[]).unwrap();

    assert_eq!(config.server_name, "example.org");
    assert!(!config.registration.open);
}

#[test]
fn mistakes_are_shown_with_line_key_and_what_is_allowed() {
    let cases = [
        (
            "server_nam = \"a\"",
            "line 1",
            "unknown field `server_nam`, expected one of `server_name`, `data_dir`",
        ),
        ("\n[log]\nlvl = \"info\"", "line 3", "unknown field `lvl`, expected `level` or `format`"),
        (
            "store = \"oracle\"",
            "line 1",
            "unknown variant `oracle`, expected one of `fjall`, `scylla`, `memory`",
        ),
        ("memory_limit = \"much\"", "line 1", "`much` is no size; write \"512 MiB\""),
        ("default_room_version = \"5\"", "line 1", "it has 6, 7, 8, 9, 10, 11, 12"),
        ("\n[[listener]]\naddress = \"localhost\"", "line 3", "write \"127.0.0.1:8008\""),
        ("[[listener]]\nparts = [\"client\"]", "line 1", "missing field `address`"),
        (
            "[[listener]]\naddress = \"127.0.0.1:1\"\nparts = [\"web\"]",
            "line 3",
            "expected one of `client`, `federation`",
        ),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "line 1", "is no network; write \"10.0.0.0/8\""),
        ("[registration]\ntokens = [\"a b\"]", "line 2", "1 to 64 of the characters A-Z"),
        ("[rate_limits]\nmessages = { per_second = 0, burst = 1 }", "line 2", "the rate must be above 0"),
        ("[rate_limits]\nmessages = { per_second = 1, burst = 0 }", "line 2", "the burst must be at least 1"),
        ("[sessions]\nlogin_token_lifetime = \"soon\"", "line 2", "write \"90 s\""),
        ("[federation]\nallowed_networks = [\"10.0.0.0/33\"]", "line 2", "is no network; write"),
        ("[federation]\ndeny_servers = [\"https://a\"]", "line 2", "is no server; write \"example.org\""),
        ("[federation]\nnotaries = [\"a b\"]", "line 2", "server name"),
        (
            "[federation]\nold_keys = [{ id = \"a_b\", key = \"\", expired_ms = 1 }]",
            "line 2",
            "`a_b` is no key id",
        ),
        ("server_name = ", "line 1", "string values must be quoted"),
    ];
    for (text, line, message) in cases {
        let complaint = complaint(text, &[]);
        assert!(complaint.starts_with("playhouse.toml: "), "{complaint}");
        assert!(complaint.contains(line), "{text}: no {line} in\n{complaint}");
        assert!(complaint.contains(message), "{text}: no {message:?} in\n{complaint}");
    }
}

#[test]
fn impossible_combinations_are_all_shown_at_once() {
    let text = "memory_limit = \"1 MiB\"\n\n[[listener]]\naddress = \"0.0.0.0:8008\"\ntls_key = \"key.pem\"\n\n\
                [registration]\nopen = true\ntokens = [\"a\"]\n";

    let complaint = complaint(text, &[]);

    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(lines.len(), 4, "{complaint}");
    assert_eq!(lines[0], "playhouse.toml line 5: `listener[0].tls_key`: needs `tls_certificate` beside it");
    assert!(lines[1].starts_with("playhouse.toml line 8: `registration.open`: a listener can be reached"));
    assert!(lines[2].starts_with("playhouse.toml line 9: `registration.tokens`: have no effect"));
    assert_eq!(lines[3], "playhouse.toml line 1: `memory_limit`: the server needs at least \"64 MiB\"");
}

#[test]
fn a_cluster_that_cannot_be_is_complained_of_only_where_it_is_the_store() {
    let text = "[scylla]\nkeyspace = \"Play-house\"\ncontact_points = []\nuser = \"matrix\"\n";
    assert!(load_text(text, &[]).is_ok());

    let complaint = complaint(text, &[("PLAYHOUSE_STORE", "scylla")]);

    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(lines.len(), 2, "{complaint}");
    assert!(lines[0].starts_with("playhouse.toml line 3: `scylla.contact_points`: name at least one"));
    assert_eq!(lines[1], "playhouse.toml line 4: `scylla.user`: needs `password` beside it");
    let keyspace = load_text("store = \"scylla\"\n[scylla]\nkeyspace = \"Play-house\"\n", &[]);
    assert!(keyspace.unwrap_err().to_string().contains("line 3: `scylla.keyspace`: a name has lower-case"));
}

#[test]
fn dealings_with_others_that_cannot_be_are_complained_of() {
    let text = "server_name = \"a.example\"\n[federation]\ntimeout = \"1 s\"\nconnect_timeout = \"2 s\"\n\
                notaries = [\"a.example\"]\ndeny_servers = [\"*.example\"]\n";

    let complaint = complaint(text, &[("PLAYHOUSE_FEDERATION__TIMEOUT", "6 m")]);

    let expected = [
        "environment variable PLAYHOUSE_FEDERATION__TIMEOUT: `federation.timeout`: must be between",
        "playhouse.toml line 5: `federation.notaries`: this server cannot be its own notary",
        "playhouse.toml line 5: `federation.notaries`: one of them is not among the servers to talk to",
    ];
    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{complaint}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{complaint}");
    }
    assert!(load_text(text, &[]).unwrap_err().to_string().contains("must not be longer than `timeout`"));
}

#[test]
fn the_password_of_a_cluster_is_never_printed() {
    let variables = [("PLAYHOUSE_SCYLLA__USER", "matrix"), ("PLAYHOUSE_SCYLLA__PASSWORD", "12345")];
    let config = load_text("store = \"scylla\"\n", &variables).unwrap();
    assert!(config.scylla.options().credentials.is_some_and(|who| who.password == "12345"));
    assert!(!format!("{config:?} {:?}", config.scylla.options()).contains("12345"));
}

#[test]
fn registration_is_never_open_to_the_world_by_accident() {
    let listener = ("PLAYHOUSE_LISTENER", "[{ address = \"0.0.0.0:8008\" }]");
    let refused = load_from(None, &[listener]).unwrap_err().to_string();
    assert!(refused.contains("registration.open_to_everyone = true"), "{refused}");

    assert!(load_from(None, &[listener, ("PLAYHOUSE_REGISTRATION__OPEN_TO_EVERYONE", "true")]).is_ok());
    assert!(load_from(None, &[listener, ("PLAYHOUSE_REGISTRATION__OPEN", "false")]).is_ok());
    let federation = ("PLAYHOUSE_LISTENER", "[{ address = \"0.0.0.0:8448\", parts = [\"federation\"] }]");
    assert!(load_from(None, &[federation]).is_ok());
}

#[test]
fn variables_come_on_top_of_the_file() {
    let variables = [
        ("PLAYHOUSE_SERVER_NAME", "example.org"),
        ("PLAYHOUSE_LOG__LEVEL", "debug"),
        ("PLAYHOUSE_RATE_LIMITS__ENABLED", "false"),
        ("PLAYHOUSE_RATE_LIMITS__MESSAGES__BURST", "7"),
        ("PLAYHOUSE_REGISTRATION__SHARED_SECRET", "12345"),
        ("PLAYHOUSE_CONFIG", "is not a key"),
        ("PATH", "/usr/bin"),
    ];
    let text = "server_name = \"other\"\n[rate_limits]\nmessages = { per_second = 3.0, burst = 5 }\n";

    let config = load_text(text, &variables).unwrap();

    assert_eq!((config.server_name.as_str(), config.log.level.as_str()), ("example.org", "debug"));
    assert!(!config.rate_limits.enabled);
    assert_eq!(config.rate_limits.messages, ClassRate { per_second: 3.0, burst: 7 });
    assert_eq!(config.registration.shared_secret.as_deref(), Some("12345"));
}

#[test]
fn a_wrong_variable_is_named() {
    let cases = [
        (("PLAYHOUSE_SERVER_NAM", "a"), "PLAYHOUSE_SERVER_NAM: unknown field `server_nam`"),
        (("PLAYHOUSE_LOG__LVL", "a"), "PLAYHOUSE_LOG__LVL: unknown field `lvl`"),
        (("PLAYHOUSE_MEMORY_LIMIT", "much"), "PLAYHOUSE_MEMORY_LIMIT: `much` is no size"),
        (("PLAYHOUSE_RATE_LIMITS__ENABLED", "maybe"), "PLAYHOUSE_RATE_LIMITS__ENABLED: invalid type"),
        (("PLAYHOUSE_MEMORY_LIMIT", "1 MiB"), "environment variable PLAYHOUSE_MEMORY_LIMIT: `memory_limit`"),
    ];
    for (variable, message) in cases {
        let complaint = complaint("", &[variable]);
        assert!(complaint.contains(message), "{complaint}");
    }
}

#[test]
fn values_with_a_notation_are_read_as_meant() {
    assert_eq!("2 GB".parse::<ByteSize>().unwrap().bytes(), 2_000_000_000);
    assert_eq!("64mib".parse::<ByteSize>().unwrap(), ByteSize::mib(64));
    assert!("99999999999 GiB".parse::<ByteSize>().is_err());
    assert_eq!("2 h".parse::<Span>().unwrap(), Span::hours(2));
    assert_eq!("90".parse::<Span>().unwrap(), Span::seconds(90));
    let network: Network = "10.0.0.0/8".parse().unwrap();
    assert!(
        network.contains("10.255.0.1".parse().unwrap()) && !network.contains("11.0.0.1".parse().unwrap())
    );
    let all: Network = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains("192.0.2.1".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
}

/// The example as a new operator sees it, and with every commented key uncommented.
#[test]
fn the_example_parses_and_shows_every_key_with_its_default() {
    let plain: Table = EXAMPLE.parse().unwrap();
    load_text(EXAMPLE, &[]).unwrap();
    let all = uncommented(EXAMPLE);
    load_text(&all, &[]).unwrap_or_else(|error| panic!("{error}\n{all}"));

    let mut shown: Vec<String> = keys(&all.parse().unwrap());
    shown.sort_unstable();
    assert_eq!(shown, every_key());
    // What is not commented out is the default.
    let (from_example, default) =
        (format!("{:?}", load_text(EXAMPLE, &[]).unwrap()), format!("{:?}", Config::default()));
    assert_eq!(from_example, default, "{plain}");
}

/// Takes `# ` from the lines that are keys or headers, and drops the empty list before an example of the same key.
fn uncommented(text: &str) -> String {
    let is_example = |line: &str| {
        let key = line.split(['=', '[', ']', '"']).next().unwrap_or("").trim();
        line.starts_with('[')
            || (line.starts_with('"') && line.contains("\" = "))
            || (line.contains(" = ") && !key.contains(' '))
    };
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let bare = line.strip_prefix("# ").filter(|bare| is_example(bare));
        if let (Some(bare), Some(last)) = (bare, lines.last())
            && bare.split('=').next() == last.split('=').next()
        {
            lines.pop();
        }
        lines.push(bare.unwrap_or(line));
    }
    lines.join("\n")
}

/// The keys of the top and of its tables, as dotted names; users, data centres and languages have names of their own.
fn keys(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) if name != "users" && name != "replication" => {
                let is_rate = inner.contains_key("burst");
                found.extend(if is_rate { vec![name.clone()] } else { prefixed(name, inner) });
            }
            Value::Array(items) if name == "listener" => {
                found.extend(items.iter().filter_map(Value::as_table).flat_map(|item| prefixed(name, item)));
            }
            _ => found.push(name.clone()),
        }
    }
    found
}

fn prefixed(name: &str, table: &Table) -> Vec<String> {
    keys(table).into_iter().map(|key| format!("{name}.{key}")).collect()
}

const TABLES: [&str; 9] = [
    "scylla",
    "federation",
    "registration",
    "sessions",
    "passwords",
    "rate_limits",
    "metrics",
    "log",
    "well_known",
];

/// Every key that the types take, by the complaint about one that they do not.
fn every_key() -> Vec<String> {
    let mut all = Vec::new();
    for table in TABLES.into_iter().chain([""]) {
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        all.extend(expected(&format!("{header}zzz = 1")).into_iter().map(|key| dotted(table, &key)));
    }
    all.extend(expected("[[listener]]\nzzz = 1").iter().map(|key| dotted("listener", key)));
    all.retain(|key| key != "listener" && !TABLES.contains(&key.as_str()));
    all.sort_unstable();
    all
}

fn dotted(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

fn expected(text: &str) -> Vec<String> {
    let complaint = complaint(text, &[]);
    let list = complaint.split("expected ").nth(1).unwrap_or_else(|| panic!("{complaint}")).to_owned();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
