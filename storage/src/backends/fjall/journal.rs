//! A look at fjall's journals before fjall opens them.
//!
//! After a power cut the last, un-synced batch may be on disk in part: some sectors and not others. fjall drops such
//! a batch where its shape is broken, but refuses to open at all where only its contents are, and where a journal is
//! damaged in the middle it drops the synced batches behind the damage without a word. So: a broken batch with
//! nothing sound behind it, at the end of the newest journal, is cut off, for nobody was told that it is there;
//! anything else is damage, and the store is not opened.
//!
//! A batch is `1`, the number of items (u32) and a sequence number (u64); the items; `3`, the XXH3 of the items (u64)
//! and a magic. An item is `2`, its kind and compression (u8 each), a keyspace (u64), the lengths of key (u16), value
//! and stored value (u32 each), key, stored value; or `4` and a keyspace (u64). All little-endian; behind the last
//! batch the file is zeros.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::Xxh3;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: &[u8] = b"FJL\x03";
const ZEROS: [u8; 4096] = [0; 4096];

/// What a journal looks like.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Sound,
    /// Broken from here on, nothing sound behind it.
    Torn(usize),
    /// Broken here, and sound again behind it.
    Damaged(usize),
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    Damaged { journal: PathBuf, at: usize },
}

/// Cuts off what a power cut left of the last batch.
pub(super) fn mend(db: &Path) -> Result<(), Trouble> {
    let mut journals = journals(db).map_err(Trouble::Io)?;
    let newest = journals.pop();
    for (_, journal) in journals {
        match inspect(&contents(&journal).map_err(Trouble::Io)?) {
            Finding::Sound => {}
            Finding::Torn(at) | Finding::Damaged(at) => return Err(Trouble::Damaged { journal, at }),
        }
    }
    let Some((_, journal)) = newest else { return Ok(()) };
    match inspect(&contents(&journal).map_err(Trouble::Io)?) {
        Finding::Sound => Ok(()),
        Finding::Damaged(at) => Err(Trouble::Damaged { journal, at }),
        Finding::Torn(at) => {
            tracing::warn!(at, "the last write before the power cut was never acknowledged; it is dropped");
            let cut = OpenOptions::new().write(true).open(&journal).and_then(|file| {
                file.set_len(at as u64)?;
                file.sync_all()
            });
            cut.map_err(Trouble::Io)
        }
    }
}

/// The journals by number, oldest first.
fn journals(db: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    if !db.is_dir() {
        return Ok(Vec::new());
    }
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(db)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(number)) = (is_journal, number) {
            journals.push((number, path));
        }
    }
    journals.sort_unstable();
    Ok(journals)
}

/// A journal without the zeros behind its last batch: fjall makes it 64 MB long before it writes anything.
fn contents(journal: &Path) -> io::Result<Vec<u8>> {
    const CHUNK: usize = 256 * 1024;
    let mut file = File::open(journal)?;
    let (mut contents, mut zeros) = (Vec::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let bytes = file.read(&mut chunk)?;
        match &chunk[..bytes] {
            [] => return Ok(contents),
            read if is_zero(read) => zeros += bytes,
            read => {
                contents.resize(contents.len() + zeros, 0);
                contents.extend_from_slice(read);
                zeros = 0;
            }
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

fn inspect(journal: &[u8]) -> Finding {
    let mut at = 0;
    while let Some(length) = batch(&journal[at..]) {
        at += length;
    }
    let rest = &journal[at..];
    if is_zero(rest) {
        return Finding::Sound;
    }
    let mut starts = (1..rest.len()).filter(|start| rest[*start] == START);
    if starts.any(|start| batch(&rest[start..]).is_some()) { Finding::Damaged(at) } else { Finding::Torn(at) }
}

/// The length of the batch that `bytes` start with, if it is whole.
fn batch(bytes: &[u8]) -> Option<usize> {
    let mut rest = Cursor(bytes);
    if rest.u8()? != START {
        return None;
    }
    let items = rest.u32()?;
    rest.take(8)?;
    let body = rest.0;
    for _ in 0..items {
        item(&mut rest)?;
    }
    let body = &body[..body.len() - rest.0.len()];
    let mut hash = Xxh3::new();
    hash.update(body);
    let sound = rest.u8()? == END && rest.u64()? == hash.digest() && rest.take(MAGIC.len())? == MAGIC;
    sound.then(|| bytes.len() - rest.0.len())
}

fn item(rest: &mut Cursor<'_>) -> Option<()> {
    match rest.u8()? {
        CLEAR => rest.take(8).map(drop),
        ITEM => {
            rest.take(1 + 1 + 8)?;
            let key = usize::from(rest.u16()?);
            rest.take(4)?;
            let value = rest.u32()? as usize;
            rest.take(key)?;
            rest.take(value).map(drop)
        }
        _ => None,
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.chunk().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.chunk().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::*;

    /// A journal of three batches as fjall writes it, and where each ends.
    fn written() -> (Vec<u8>, Vec<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::builder(folder.path()).open().unwrap();
        let tree = db.keyspace("one", KeyspaceCreateOptions::default).unwrap();
        for n in 0..3_u8 {
            let mut batch = db.batch().durability(Some(PersistMode::SyncData));
            let noise = (0..5_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 22) as u8);
            batch.insert(&tree, [n], noise.collect::<Vec<u8>>());
            batch.insert(&tree, [n, n], b"small");
            batch.remove(&tree, [n, 0]);
            batch.commit().unwrap();
        }
        let (_, path) = journals(folder.path()).unwrap().pop().unwrap();
        let journal = std::fs::read(&path).unwrap();
        assert!(journal.starts_with(&contents(&path).unwrap()));
        let mut ends = vec![0];
        while let Some(length) = batch(&journal[ends[ends.len() - 1]..]) {
            ends.push(ends[ends.len() - 1] + length);
        }
        (journal, ends)
    }

    /// Whether a byte is in a batch's sequence number, the one thing that fjall's hash does not cover. A torn sector
    /// cannot hit it alone: it would take the tag before it or the item behind it too.
    fn is_number(at: usize, ends: &[usize]) -> bool {
        ends.iter().any(|start| (start + 5..start + 13).contains(&at))
    }

    #[test]
    fn a_journal_as_fjall_writes_it_is_sound_to_its_end() {
        let (journal, ends) = written();
        assert_eq!(ends.len(), 4);
        assert_eq!(inspect(&journal), Finding::Sound);
        assert_eq!(inspect(&journal[..ends[3]]), Finding::Sound);
        assert_eq!(inspect(&[]), Finding::Sound);
    }

    #[test]
    fn a_break_in_the_last_batch_is_a_torn_end_wherever_it_is() {
        let (journal, ends) = written();
        let (mut journal, mut breaks) = (journal[..ends[3] + 5_000].to_vec(), 0);
        for at in (ends[2]..ends[3]).filter(|at| !is_number(*at, &ends)) {
            journal[at] ^= 0x55;
            assert_eq!(inspect(&journal), Finding::Torn(ends[2]), "at {at}");
            journal[at] ^= 0x55;
            breaks += 1;
        }
        assert!(breaks > 200);
    }

    #[test]
    fn a_break_before_a_sound_batch_is_damage() {
        let (journal, ends) = written();
        let mut journal = journal[..ends[3] + 5_000].to_vec();
        for at in (ends[0]..ends[2]).filter(|at| !is_number(*at, &ends)) {
            journal[at] ^= 0x55;
            let batch = if at < ends[1] { ends[0] } else { ends[1] };
            assert_eq!(inspect(&journal), Finding::Damaged(batch), "at {at}");
            journal[at] ^= 0x55;
        }
    }
}
