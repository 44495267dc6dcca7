//! The binary as an operator uses it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
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
