//! The key file: `ed25519 a_AbCd <seed>` a line, the seed in unpadded base64, as Synapse writes it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD_NO_PAD,
};
use ed25519_dalek::SigningKey;

use super::{NamedKey, ServerKeyError};

/// The most bytes of a key file: a hundred keys.
const MAX_FILE_BYTES: u64 = 8 * 1024;
/// The most bytes of a key's version.
const MAX_VERSION_BYTES: usize = 64;

/// Written by hand, a seed may have its padding; that of the specification's test vectors has trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The keys of the file, current first, or `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<NamedKey>>, ServerKeyError> {
    let fault = |source| ServerKeyError::Io { action: "read", path: path.to_owned(), source };
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    if length > MAX_FILE_BYTES {
        return Err(fault(io::Error::other(format!("more than {MAX_FILE_BYTES} bytes"))));
    }
    let text = fs::read_to_string(path).map_err(fault)?;
    warn_if_readable_by_others(path);
    parse(path, &text).map(Some)
}

/// The keys of the file that was there or has just been created.
pub(super) fn read_back(path: &Path) -> Result<Vec<NamedKey>, ServerKeyError> {
    read(path)?.ok_or_else(|| ServerKeyError::Io {
        action: "read",
        path: path.to_owned(),
        source: io::Error::from(io::ErrorKind::NotFound),
    })
}

fn parse(path: &Path, text: &str) -> Result<Vec<NamedKey>, ServerKeyError> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let mut keys: Vec<NamedKey> = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
        let fault = |reason| ServerKeyError::Line { path: path.to_owned(), line, reason };
        let key = parse_line(text).map_err(fault)?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err(fault("the version is already used by another line"));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(ServerKeyError::Empty { path: path.to_owned() });
    }
    Ok(keys)
}

fn parse_line(line: &str) -> Result<NamedKey, &'static str> {
    let mut words = line.split_whitespace();
    let (Some(algorithm), Some(version), Some(seed), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("expected three words");
    };
    if algorithm != "ed25519" {
        return Err("the algorithm is not ed25519");
    }
    let is_version_char = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if version.len() > MAX_VERSION_BYTES || !version.bytes().all(is_version_char) {
        return Err("the version may have only letters, digits and `_`");
    }
    let seed = LENIENT.decode(seed).map_err(|_| "the seed is not base64")?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| "the seed is not 32 bytes")?;
    // A disk that lost the file's contents gives zeros, and a placeholder repeats one byte.
    if seed.iter().all(|byte| *byte == seed[0]) {
        return Err("the seed is not random");
    }
    Ok(NamedKey { id: format!("ed25519:{version}"), key: SigningKey::from_bytes(&seed) })
}

/// Writes a file with one new key, whole or not at all. Returns false if another process was faster.
pub(super) fn create(path: &Path) -> Result<bool, ServerKeyError> {
    let fault = |source| ServerKeyError::Io { action: "create", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(fault)?;
    let draft = draft_path(path).map_err(fault)?;
    let outcome = write_draft(&draft).and_then(|()| publish(&draft, path));
    let _ = fs::remove_file(&draft);
    let created = outcome.map_err(fault)?;
    // Without this the file's name may be lost with the power, and the next start would make another identity.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
    Ok(created)
}

/// A name of our own, so that two starting processes do not write one draft.
fn draft_path(path: &Path) -> io::Result<PathBuf> {
    let mut chance = [0; 8];
    getrandom::fill(&mut chance).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_le_bytes(chance)));
    Ok(path.with_file_name(name))
}

fn write_draft(draft: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(new_line()?.as_bytes())?;
    file.sync_all()
}

/// A hard link appears at once with the whole contents and, unlike a rename, never replaces a key. A file system that
/// knows no links gets the rename.
fn publish(draft: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(_) if !path.exists() => fs::rename(draft, path).map(|()| true),
        Err(error) => Err(error),
    }
}

/// A line with a new key, its version chosen at random as Synapse does: `a_AbCd`.
fn new_line() -> io::Result<String> {
    const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut seed = [0; 32];
    let mut chance = [0; 4];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    getrandom::fill(&mut chance).map_err(io::Error::other)?;
    let version: String =
        chance.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    Ok(format!("ed25519 a_{version} {}\n", BASE64_STANDARD_NO_PAD.encode(seed)))
}

#[cfg(unix)]
fn warn_if_readable_by_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "other users of this machine can read the signing key: chmod 600 it");
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_: &Path) {}
