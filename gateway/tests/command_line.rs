//! The binary as an operator uses it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use playhouse_storage::{
    Outcome, Store,
    backends::{FjallBackend, FjallOptions},
    tables::{Server, server::ServerRow},
};

/// A run of the binary in `folder`, with `input` as its standard input.
fn playhouse(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_playhouse"))
        .args(arguments)
        .current_dir(folder)
        .env("PLAYHOUSE_PASSWORDS__COST", "test")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it has a standard input");
    // A command that never reads may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the binary ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_generated_configuration_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    let generated = playhouse(folder.path(), &["generate-config", "--server-name", "example.org"], "");
    std::fs::write(folder.path().join("playhouse.toml"), &generated.stdout).unwrap();

    let checked = playhouse(folder.path(), &["check-config", "--config", "playhouse.toml"], "");

    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert!(text(&checked.stdout).starts_with("playhouse.toml: the configuration of example.org is fine"));
}

#[test]
fn a_wrong_configuration_stops_every_command_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("playhouse.toml"), "\n\nserver_nam = \"a\"\n").unwrap();
    for command in [&["check-config"][..], &["serve"], &["store", "check"], &["user", "create", "alice"]] {
        let arguments = [command, &["--config", "playhouse.toml"]].concat();
        let stopped = playhouse(folder.path(), &arguments, "p\n");
        let complaint = text(&stopped.stderr);
        assert!(!stopped.status.success());
        assert!(complaint.contains("playhouse.toml: ") && complaint.contains("line 3"), "{complaint}");
    }
}

#[test]
fn an_account_is_made_checked_and_shown() {
    let folder = tempfile::tempdir().unwrap();

    let made = playhouse(folder.path(), &["user", "create", "Alice", "--admin"], "secret\n");
    assert_eq!(text(&made.stdout).trim_end(), "@alice:localhost made", "{}", text(&made.stderr));
    let again = playhouse(folder.path(), &["user", "create", "alice"], "secret\n");
    assert!(text(&again.stderr).contains("the user name is taken"));

    let checked = playhouse(folder.path(), &["store", "check"], "");
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    let arguments = ["store", "dump", "--table", "account", "--where", "user=@alice:localhost"];
    let dumped = text(&playhouse(folder.path(), &arguments, "").stdout);
    assert!(
        dumped.starts_with("account user=\"@alice:localhost\"") && dumped.contains("\"admin\":true"),
        "{dumped}"
    );
}

#[test]
fn looking_at_a_store_that_is_not_there_makes_none() {
    let folder = tempfile::tempdir().unwrap();

    let checked = playhouse(folder.path(), &["store", "check"], "");

    assert!(!checked.status.success());
    assert!(text(&checked.stderr).contains("there is no store in data/store"));
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_server_moves_to_another_store_and_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    playhouse(folder.path(), &["user", "create", "alice"], "secret\n");
    let ends = ["store", "copy", "--from", "fjall:data", "--to", "fjall:moved"];

    let copied = playhouse(folder.path(), &ends, "");
    assert!(copied.status.success(), "{}", text(&copied.stderr));
    assert!(text(&copied.stdout).contains("both ends are equal"), "{}", text(&copied.stdout));

    let again = playhouse(folder.path(), &ends, "");
    assert!(text(&again.stderr).contains("the target is not empty"), "{}", text(&again.stderr));
    let verify = [&ends[..], &["--verify"]].concat();
    assert!(playhouse(folder.path(), &verify, "").status.success());

    let arguments = ["user", "create", "bob", "--config", "moved.toml"];
    std::fs::write(folder.path().join("moved.toml"), "data_dir = \"moved\"\n").unwrap();
    let made = playhouse(folder.path(), &arguments, "secret\n");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let differs = playhouse(folder.path(), &verify, "");
    assert!(!differs.status.success());
    let found = text(&differs.stdout);
    assert!(found.contains("account user=\"@bob:localhost\": is not in the source"), "{found}");
}

#[test]
fn a_copy_from_or_to_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("memory.toml"), "store = \"memory\"\n").unwrap();
    for (from, to, expected) in [
        ("fjall:none", "fjall:new", "there is no store in none/store"),
        ("memory.toml", "fjall:new", "memory.toml names a store in memory"),
        ("fjall:a", "fjall:a", "--from and --to name the same store"),
        ("fjall:", "fjall:a", "write fjall:FOLDER"),
    ] {
        let stopped = playhouse(folder.path(), &["store", "copy", "--from", from, "--to", to], "");
        assert!(!stopped.status.success());
        assert!(text(&stopped.stderr).contains(expected), "{}", text(&stopped.stderr));
    }
    assert!(!folder.path().join("new").exists());
}

#[test]
fn no_server_starts_on_a_half_done_copy() {
    let folder = tempfile::tempdir().unwrap();
    let mark = async {
        let store = FjallBackend::open(folder.path().join("data/store"), FjallOptions::default()).unwrap();
        let store = Store::new(store);
        let row = ServerRow { value: "{}".to_owned() };
        store.insert_if_absent::<Server>(("copy",), (), &row, Vec::new()).await.unwrap()
    };
    let marked = tokio::runtime::Runtime::new().unwrap().block_on(mark);
    assert_eq!(marked, Outcome::Applied);

    let stopped = playhouse(folder.path(), &["user", "create", "alice"], "secret\n");

    assert!(!stopped.status.success());
    assert!(text(&stopped.stderr).contains("a copy that was not finished"), "{}", text(&stopped.stderr));
}
