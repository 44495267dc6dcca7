//! The folder of a store: `lock`, held while it is open, and `db`, fjall's own.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    journal::{self, Trouble},
    options::{FjallOptions, OpenError},
    trees::{FORMAT, Trees},
};

/// A folder that this process holds the lock of. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: Arc<File>,
}

impl Folder {
    /// Makes the folder if need be and locks it.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        make(path).map_err(io)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let pid = lock.read_to_string(&mut pid).is_ok().then(|| pid.trim().to_owned());
                let pid = pid.filter(|pid| !pid.is_empty());
                return Err(OpenError::Locked { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        lock.set_len(0).and_then(|()| lock.rewind()).map_err(io)?;
        writeln!(lock, "{}", std::process::id()).map_err(io)?;
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) })
    }

    /// Opens the database in it.
    pub fn open(&self, options: &FjallOptions) -> Result<Trees, OpenError> {
        forget_unfinished_start(&self.db()).map_err(|error| self.io(error))?;
        journal::mend(&self.db()).map_err(|trouble| match trouble {
            Trouble::Io(error) => self.io(error),
            Trouble::Damaged { journal, at } => OpenError::Damaged {
                path: self.path.clone(),
                reason: format!("journal {} is broken at byte {at}, before sound data", journal.display()),
            },
        })?;
        let trees = Trees::open(self.clone(), options).map_err(|error| self.damaged(&error))?;
        let found = trees.format().map_err(|error| self.damaged(&error))?;
        if found != FORMAT.to_string() {
            return Err(OpenError::Format { path: self.path.clone(), found, known: FORMAT });
        }
        Ok(trees)
    }

    /// Where fjall keeps its files.
    pub fn db(&self) -> PathBuf {
        self.path.join("db")
    }

    pub fn io(&self, error: std::io::Error) -> OpenError {
        OpenError::Io { path: self.path.clone(), error }
    }

    pub fn damaged(&self, error: &fjall::Error) -> OpenError {
        match error {
            fjall::Error::Io(error) => self.io(std::io::Error::new(error.kind(), error.to_string())),
            fjall::Error::Locked => OpenError::Locked { path: self.path.clone(), pid: None },
            error => OpenError::Damaged { path: self.path.clone(), reason: format!("{error:?}") },
        }
    }
}

/// Removes a database whose making was cut off before it could take anything: fjall would stumble over it. It writes
/// its version last, and the first tree after that.
fn forget_unfinished_start(db: &Path) -> std::io::Result<()> {
    if !db.is_dir() || db.join("version").exists() {
        return Ok(());
    }
    let trees = db.join("keyspaces");
    if trees.is_dir() && std::fs::read_dir(&trees)?.next().is_some() {
        return Ok(());
    }
    std::fs::remove_dir_all(db)
}

/// Makes a folder so that a power cut does not take it away again: its own name is synced too.
fn make(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)?;
    match path.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
