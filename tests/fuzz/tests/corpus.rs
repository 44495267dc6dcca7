//! Feeds the corpus and mutations of it. `PLAYHOUSE_FUZZ_ROUNDS=n` says how many mutations of each file (200).

use std::{fs, path::Path};

use playhouse_fuzz::{TARGETS, Target};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Bytes that break parsers more often than others.
const PIECES: [&[u8]; 14] = [
    b"\"",
    b"\\",
    b"{",
    b"[",
    b"]",
    b"}",
    b":",
    b",",
    b"\\ud800",
    b"9007199254740993",
    b"-0",
    b"1e400",
    b"null",
    b"\x00",
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file")).collect()
}

/// One to eight changes: a byte flipped, a piece put in, a part cut out or doubled.
fn mutate(bytes: &[u8], chance: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..chance.random_range(1..=8) {
        let at = chance.random_range(0..=bytes.len());
        let end = chance.random_range(at..=bytes.len());
        match chance.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.random_range(0..8),
            1 => drop(bytes.splice(at..at, PIECES[chance.random_range(0..PIECES.len())].iter().copied())),
            2 => drop(bytes.drain(at..end)),
            _ => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
        }
    }
    bytes
}

fn feed(name: &str, target: Target) {
    let rounds = std::env::var("PLAYHOUSE_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let files = corpus(name);
    assert!(!files.is_empty(), "{name} has no corpus");
    for (index, file) in files.iter().enumerate() {
        target(file);
        let mut chance = StdRng::seed_from_u64(index as u64);
        for _ in 0..rounds {
            target(&mutate(file, &mut chance));
        }
    }
}

#[test]
fn no_bytes_break_a_target() {
    for (name, target) in TARGETS {
        feed(name, target);
    }
}
