//! A disk whose power fails: copies of a store's folder, and the sectors that were not synced when it was cut.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use playhouse_storage::backends::fjall::{CommitHook, CommitStage, Fault};
use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};
use tokio::sync::oneshot;

const SECTOR: usize = 512;

/// Files by their path in the folder, journals without the zeros that they end in, and the length of each.
type Files = BTreeMap<PathBuf, (Vec<u8>, usize)>;

/// The files at a cut, and the journals as they were about to become.
#[derive(Default)]
pub struct Disk {
    synced: Files,
    unsynced: Files,
}

impl Disk {
    pub fn read(folder: &Path) -> Self {
        Self { synced: copy(folder), unsynced: Files::new() }
    }

    /// The disk after the cut: any of the un-synced sectors have reached it.
    pub fn write_torn(&self, folder: &Path, rng: &mut Xoshiro256PlusPlus) {
        let reach = [0.0, 0.1, 0.5, 0.9, 1.0][rng.random_range(0..5)];
        let mut files = self.synced.clone();
        for (path, (new, _)) in self.unsynced.iter().filter(|(path, _)| is_journal(path)) {
            let Some((old, _)) = files.get_mut(path) else { continue };
            old.resize(old.len().max(new.len()).next_multiple_of(SECTOR), 0);
            for (sector, bytes) in new.chunks(SECTOR).enumerate() {
                let place = &mut old[sector * SECTOR..sector * SECTOR + bytes.len()];
                if place != bytes && rng.random_bool(reach) {
                    place.copy_from_slice(bytes);
                }
            }
        }
        write(folder, &files);
    }

    /// The disk with a byte changed in the first batch of its journal.
    pub fn write_damaged(&self, folder: &Path) {
        let mut files = self.synced.clone();
        let (_, (journal, _)) = files.iter_mut().find(|(path, _)| is_journal(path)).unwrap();
        journal[20] ^= 0xff;
        write(folder, &files);
    }
}

/// Cuts the power at some group.
pub struct Knife {
    state: Arc<Mutex<State>>,
    done: oneshot::Receiver<(Disk, Vec<i64>)>,
}

struct State {
    folder: PathBuf,
    groups_left: u32,
    seen: Box<dyn Fn() -> Vec<i64> + Send>,
    cut: Option<(Files, Vec<i64>)>,
    done: Option<oneshot::Sender<(Disk, Vec<i64>)>>,
}

impl Knife {
    /// Cuts at the group after `groups`; `seen` says what is acknowledged at a moment.
    pub fn new(folder: &Path, groups: u32, seen: impl Fn() -> Vec<i64> + Send + 'static) -> Self {
        let (sender, done) = oneshot::channel();
        let state = State {
            folder: folder.to_owned(),
            groups_left: groups,
            seen: Box::new(seen),
            cut: None,
            done: Some(sender),
        };
        Self { state: Arc::new(Mutex::new(state)), done }
    }

    /// What the committer calls.
    pub fn hook(&self) -> CommitHook {
        let state = Arc::clone(&self.state);
        CommitHook::new(move |stage| {
            state.lock().meet(stage);
            Fault::None
        })
    }

    /// Waits for the cut; answers the disk and what was acknowledged before.
    pub async fn cut(self) -> (Disk, Vec<i64>) {
        self.done.await.unwrap()
    }
}

impl State {
    fn meet(&mut self, stage: CommitStage) {
        match stage {
            CommitStage::Before if self.groups_left > 0 => self.groups_left -= 1,
            CommitStage::Before if self.cut.is_none() && self.done.is_some() => {
                let acknowledged = (self.seen)();
                self.cut = Some((copy(&self.folder), acknowledged));
            }
            CommitStage::Synced if self.cut.is_some() => {
                if let (Some((synced, acknowledged)), Some(done)) = (self.cut.take(), self.done.take()) {
                    let _ = done.send((Disk { synced, unsynced: copy(&self.folder) }, acknowledged));
                }
            }
            CommitStage::Before | CommitStage::Synced => {}
        }
    }
}

fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jnl")
}

/// Copies a folder that background threads may be writing tables into: again and again until it held still.
fn copy(folder: &Path) -> Files {
    loop {
        let before = list(folder);
        let files = before.as_ref().and_then(|before| {
            before
                .keys()
                .map(|path| Some((path.clone(), read(&folder.join(path)).ok()?)))
                .collect::<Option<Files>>()
        });
        if let Some(files) = files
            && list(folder) == before
        {
            return files;
        }
    }
}

fn read(path: &Path) -> std::io::Result<(Vec<u8>, usize)> {
    let mut bytes = std::fs::read(path)?;
    let length = bytes.len();
    if is_journal(path) {
        // By blocks first: tests are not optimized, and a journal is 64 MB of zeros.
        while bytes.len() >= 4096 && bytes[bytes.len() - 4096..] == [0; 4096] {
            bytes.truncate(bytes.len() - 4096);
        }
    }
    Ok((bytes, length))
}

/// Files with their length and time of change; `None` while a file comes or goes.
fn list(folder: &Path) -> Option<BTreeMap<PathBuf, (u64, std::time::SystemTime)>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).ok()? {
            let entry = entry.ok()?;
            let about = entry.metadata().ok()?;
            if about.is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(folder).ok()?.to_owned();
                files.insert(path, (about.len(), about.modified().ok()?));
            }
        }
    }
    Some(files)
}

fn write(folder: &Path, files: &Files) {
    for (path, (bytes, length)) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len((*length).max(bytes.len()) as u64).unwrap();
    }
    // Empty folders are part of the layout too.
    std::fs::create_dir_all(folder.join("db/keyspaces")).unwrap();
}
