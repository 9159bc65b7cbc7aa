//! The snapshots of a node: the newest one, and the one before for as long as
//! somebody may still be reading it.
//!
//! A snapshot is written under another name, synced, renamed, and the directory
//! synced; only then is the older one removed. So a file with the name of a
//! snapshot was whole once, and damage to it is never the trace of a crash: it is
//! refused. An older snapshot is never taken instead, for the disk that lost this
//! one has no claim to be believed about the rest; whoever decides otherwise
//! removes the file by hand, and the node starts if the log reaches back to the
//! older one, or to the beginning.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::StorageError;
use super::file_io::FileIo;
use super::snapshot_file::{self, SnapshotFile, SnapshotWriter};
use crate::raft::{LogIndex, Position, Snapshot, SnapshotMeta, Term};

/// What a half-written snapshot is called.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// A handle to the snapshots on disk; clones share them, from any thread.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    io: FileIo,
    dir: PathBuf,
    held: Mutex<Held>,
    temporaries: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    newest: Option<Arc<SnapshotFile>>,
    /// Its name is gone, but a follower may be in the middle of receiving it.
    before: Option<Arc<SnapshotFile>>,
}

impl Held {
    /// Returns how the newest compares to others, if there is one.
    fn newest_order(&self) -> Option<(LogIndex, Term)> {
        self.newest.as_ref().map(|newest| order(&newest.meta().last))
    }
}

/// What became of a snapshot that was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is durable, and the newest.
    Newest,
    /// One as new or newer came first, from the leader; it was dropped.
    Superseded,
}

/// A piece of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What the snapshot stands for.
    pub meta: SnapshotMeta,
    /// The length of the whole snapshot in bytes.
    pub total: u64,
    /// The bytes, fewer than asked for only at the end.
    pub data: Vec<u8>,
}

impl SnapshotStore {
    /// Opens the snapshots in `dir`, reads the newest and removes all else.
    pub(super) fn open(dir: &Path, io: &FileIo) -> Result<(Self, Option<Snapshot>), StorageError> {
        let mut found = Vec::new();
        for name in io.list(dir)? {
            if name.ends_with(TEMPORARY_SUFFIX) {
                io.remove(&dir.join(name))?;
            } else {
                found.extend(snapshot_file::parse_name(&name));
            }
        }
        let newest = found.iter().copied().max_by_key(order);
        let mut held = Held::default();
        let mut snapshot = None;
        if let Some(last) = newest {
            let file = open_named(io, dir, last)?;
            let length = usize::try_from(file.data_bytes()).map_err(|source| StorageError::Io {
                operation: super::Operation::Read,
                path: file.path().to_owned(),
                source: io::Error::other(source),
            })?;
            let data = file.read(io, 0, length)?;
            snapshot = Some(Snapshot { meta: file.meta().clone(), data: Arc::new(data) });
            held.newest = Some(Arc::new(file));
        }
        // The name read may be in memory only, from a process that was killed.
        io.sync_dir(dir)?;
        for older in found.into_iter().filter(|&last| Some(last) != newest) {
            io.remove(&dir.join(snapshot_file::name(older)))?;
        }
        let shared = Shared {
            io: io.clone(),
            dir: dir.to_owned(),
            held: Mutex::new(held),
            temporaries: AtomicU64::new(0),
        };
        Ok((Self { shared: Arc::new(shared) }, snapshot))
    }

    /// Writes a snapshot whose data `produce` writes to what it is given, and
    /// returns once it is durable.
    ///
    /// Meant for a thread of its own: it takes as long as producing, writing and
    /// syncing take, and holds up neither the log nor [`SnapshotStore::read`].
    /// Memory: one block, whatever the length.
    ///
    /// # Errors
    /// The disk or `produce` failed. The older snapshot is still there; the node
    /// must stop nevertheless.
    pub fn save(
        &self,
        meta: &SnapshotMeta,
        produce: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Saved, StorageError> {
        let temporary = self.write(meta, produce)?;
        let mut held = self.held();
        if held.newest_order() >= Some(order(&meta.last)) {
            self.shared.io.remove(&temporary)?;
            return Ok(Saved::Superseded);
        }
        self.publish(&mut held, &temporary, meta.last)?;
        Ok(Saved::Newest)
    }

    /// Makes a snapshot of the leader durable, in place of any that is not newer.
    ///
    /// The node goes on with the leader's state before this is done, and another thread may
    /// have saved what it came to in the meantime. That one stays: it stands for more.
    pub(super) fn install(&self, snapshot: &Snapshot) -> Result<(), StorageError> {
        let meta = &snapshot.meta;
        let temporary = self.write(meta, |file| file.write_all(&snapshot.data))?;
        let mut held = self.held();
        if held.newest_order() > Some(order(&meta.last)) {
            return self.shared.io.remove(&temporary);
        }
        self.publish(&mut held, &temporary, meta.last)
    }

    /// Reads up to `length` bytes from `offset` on of the snapshot that ends with
    /// `last`, and verifies them; `None` if neither the newest nor the one before
    /// does.
    ///
    /// # Errors
    /// The disk failed or the file is damaged; the node must stop.
    pub fn read(
        &self,
        last: Position,
        offset: u64,
        length: usize,
    ) -> Result<Option<Piece>, StorageError> {
        let file = {
            let held = self.held();
            let files = [&held.newest, &held.before];
            files.into_iter().flatten().find(|file| file.meta().last == last).cloned()
        };
        let Some(file) = file else { return Ok(None) };
        let data = file.read(&self.shared.io, offset, length)?;
        Ok(Some(Piece { meta: file.meta().clone(), total: file.data_bytes(), data }))
    }

    /// Returns what the newest snapshot stands for.
    pub fn newest(&self) -> Option<SnapshotMeta> {
        self.held().newest.as_ref().map(|file| file.meta().clone())
    }

    /// Writes and syncs a snapshot under a temporary name.
    fn write(
        &self,
        meta: &SnapshotMeta,
        produce: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<PathBuf, StorageError> {
        let Shared { io, dir, temporaries, .. } = &*self.shared;
        let number = temporaries.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{number}{TEMPORARY_SUFFIX}", snapshot_file::name(meta.last));
        let temporary = dir.join(name);
        let mut writer = SnapshotWriter::create(io, &temporary, meta)?;
        let produced = produce(&mut writer);
        writer.finish(produced)?;
        Ok(temporary)
    }

    /// Gives a written snapshot its name and removes the one before.
    fn publish(
        &self,
        held: &mut Held,
        temporary: &Path,
        last: Position,
    ) -> Result<(), StorageError> {
        let Shared { io, dir, .. } = &*self.shared;
        io.rename(temporary, &dir.join(snapshot_file::name(last)))?;
        io.sync_dir(dir)?;
        let file = Arc::new(open_named(io, dir, last)?);
        let before = held.newest.replace(file);
        if let Some(before) = &before
            && before.meta().last != last
        {
            io.remove(before.path())?;
        }
        held.before = before;
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.shared.held.lock().expect("nobody panics while holding it")
    }
}

/// Snapshots are compared as their names are: index first.
fn order(last: &Position) -> (LogIndex, Term) {
    (last.index, last.term)
}

fn open_named(io: &FileIo, dir: &Path, last: Position) -> Result<SnapshotFile, StorageError> {
    let path = dir.join(snapshot_file::name(last));
    let file = SnapshotFile::open(io, path.clone())?;
    if file.meta().last != last {
        return Err(StorageError::Corrupt { path, offset: 0, what: "the file was renamed" });
    }
    Ok(file)
}
