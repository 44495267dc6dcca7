//! The laws of the key file and of signing.

use std::fs;

use ed25519_dalek::{Signature, VerifyingKey};
use ruma::server_name;
use tempfile::TempDir;

use super::*;

/// A seed whose line and public key Synapse's `signedjson` agrees on (the test vector of the specification).
const SEED: &str = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1";

fn load(path: &Path) -> Result<(ServerKey, Created), ServerKeyError> {
    ServerKey::load_or_create(path, server_name!("domain").to_owned())
}

fn with_file(contents: &str) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("signing.key");
    fs::write(&path, contents).unwrap();
    (folder, path)
}

#[test]
fn the_first_start_creates_a_key_that_later_starts_load() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deep/er/signing.key");

    let (first, created) = load(&path).unwrap();
    let (second, loaded) = load(&path).unwrap();

    assert_eq!((created, loaded), (Created::Yes, Created::No));
    assert_eq!(first.key_id(), second.key_id());
    assert_eq!(first.verify_key_base64(), second.verify_key_base64());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_created_key() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("signing.key");

    load(&path).unwrap();

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn starts_at_the_same_time_agree_on_one_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("signing.key");

    let keys: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| load(&path).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });

    assert_eq!(keys.iter().filter(|(_, created)| *created == Created::Yes).count(), 1);
    assert!(keys.iter().all(|(key, _)| key.verify_key_base64() == keys[0].0.verify_key_base64()));
}

#[test]
fn the_first_line_signs_and_the_others_are_published() {
    let (_folder, path) = with_file(&format!(
        "# a comment\n\ned25519 1 {SEED}\ned25519 old {}=\n",
        BASE64_STANDARD_NO_PAD.encode((0..32).collect::<Vec<u8>>())
    ));

    let (key, _) = load(&path).unwrap();

    assert_eq!(key.key_id(), "ed25519:1");
    let ids: Vec<_> = key.verify_keys().map(|(id, _)| id.to_owned()).collect();
    assert_eq!(ids, ["ed25519:1", "ed25519:old"]);
}

/// The vectors of <https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors>.
#[test]
fn signatures_are_those_of_the_specification() {
    let (_folder, path) = with_file(&format!("ed25519 1 {SEED}\n"));
    let (key, _) = load(&path).unwrap();

    for (object, signature) in [
        ("{}", "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            r#"{"one":1,"two":"Two"}"#,
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ] {
        let mut object: CanonicalJsonObject = serde_json::from_str(object).unwrap();
        key.sign_json(&mut object).unwrap();
        let signatures = serde_json::to_value(&object["signatures"]).unwrap();
        assert_eq!(signatures["domain"]["ed25519:1"], signature);
    }
}

#[test]
fn signing_keeps_other_signatures_and_unsigned_data() {
    let (_folder, path) = with_file(&format!("ed25519 1 {SEED}\n"));
    let (key, _) = load(&path).unwrap();
    let text =
        r#"{"a":1,"signatures":{"domain":{"ed25519:0":"x"},"other":{"ed25519:9":"y"}},"unsigned":{"age":5}}"#;
    let mut object: CanonicalJsonObject = serde_json::from_str(text).unwrap();

    key.sign_json(&mut object).unwrap();

    let value = serde_json::to_value(&object).unwrap();
    assert_eq!(value["signatures"]["other"]["ed25519:9"], "y");
    assert_eq!(value["signatures"]["domain"]["ed25519:0"], "x");
    assert_eq!(value["unsigned"]["age"], 5);
    let signature = value["signatures"]["domain"]["ed25519:1"].as_str().unwrap();
    let signature = Signature::from_slice(&BASE64_STANDARD_NO_PAD.decode(signature).unwrap()).unwrap();
    let public = BASE64_STANDARD_NO_PAD.decode(key.verify_key_base64()).unwrap();
    let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    public.verify_strict(br#"{"a":1}"#, &signature).unwrap();
}

#[test]
fn an_object_with_bad_signatures_is_not_signed() {
    let (_folder, path) = with_file(&format!("ed25519 1 {SEED}\n"));
    let (key, _) = load(&path).unwrap();
    for text in [r#"{"signatures":1}"#, r#"{"signatures":{"domain":[]}}"#] {
        let mut object: CanonicalJsonObject = serde_json::from_str(text).unwrap();
        assert!(matches!(key.sign_json(&mut object), Err(ServerKeyError::NotSignable)), "{text}");
    }
}

#[test]
fn a_bad_file_stops_the_start_and_is_left_as_it_is() {
    let zeros = BASE64_STANDARD_NO_PAD.encode([0_u8; 32]);
    for contents in [
        String::new(),
        "\n# nothing\n".to_owned(),
        "ed25519 1".to_owned(),
        format!("rsa 1 {SEED}"),
        format!("ed25519 a:b {SEED}"),
        format!("ed25519 {} {SEED}", "v".repeat(65)),
        format!("ed25519 1 {SEED} more"),
        "ed25519 1 !!!".to_owned(),
        "ed25519 1 AAAA".to_owned(),
        format!("ed25519 1 {zeros}"),
        format!("ed25519 1 {SEED}\ned25519 1 {SEED}"),
        "x".repeat(9000),
    ] {
        let (_folder, path) = with_file(&contents);

        let error = load(&path).unwrap_err().to_string();

        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        assert!(!error.contains(SEED), "no secret in an error: {error}");
    }
}

#[test]
fn the_secret_is_in_no_debug_output() {
    let (_folder, path) = with_file(&format!("ed25519 1 {SEED}\n"));
    let (key, _) = load(&path).unwrap();

    let debug = format!("{key:?}");

    assert!(!debug.contains("YJDBA9") && !debug.contains("96, 144"), "{debug}");
}
