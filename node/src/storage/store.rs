//! A node's data directory as a whole.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::StorageError;
use super::durable_dir;
use super::file_io::{Durability, Faults, FileIo};
use super::log_files::LogFiles;
use super::snapshot_store::SnapshotStore;
use super::state_file::StateFile;
use crate::raft::{Entry, HardState, Install, LogIndex, Position, Snapshot, Suffix};

/// The file that held everything before there were several.
const OLD_FORMAT_NAME: &str = "raft.log";

/// The size of a segment unless said otherwise, in bytes.
const SEGMENT_BYTES: u64 = 16 << 20;

/// How a data directory is written.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Where a segment of the log ends, in bytes; a single longer frame has a
    /// segment of its own.
    pub segment_bytes: u64,
    /// Whether anything is synced.
    pub durability: Durability,
    /// What makes file operations fail, in tests.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT_BYTES, durability: Durability::Synced, faults: None }
    }
}

/// What a data directory held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The newest term and vote.
    pub hard_state: HardState,
    /// The newest snapshot.
    pub snapshot: Option<Snapshot>,
    /// Consecutive entries from the one after the snapshot's last, or from index 1.
    pub entries: Vec<Entry>,
    /// Bytes of an unfinished frame that were cut off at the end of the log.
    pub torn_bytes: u64,
}

/// A data directory, locked and open for writing.
///
/// Belongs to one thread; [`Storage::snapshots`] is for the others. After an error
/// it must not be used again: nothing is known about the files then.
#[derive(Debug)]
pub struct Storage {
    state: StateFile,
    log: LogFiles,
    snapshots: SnapshotStore,
    /// Held, not used: closing it ends the lock.
    _lock: File,
}

impl Storage {
    /// Opens the directory `dir`, creating it if it does not exist, and reads what
    /// it holds. An unfinished frame at the end of the log is cut off for good.
    ///
    /// What is returned is on disk: the node may have been killed before, with
    /// the machine still to go down. Costs reading the snapshot and the segments
    /// that it does not cover, each once, and memory for what is returned plus one
    /// segment.
    ///
    /// # Errors
    /// Files cannot be opened, are in use by another process, are of another
    /// version, or are damaged in a way no crash explains.
    pub fn open(dir: &Path, options: StorageOptions) -> Result<(Self, Recovered), StorageError> {
        let StorageOptions { segment_bytes, durability, faults } = options;
        let io = FileIo::new(durability, faults);
        durable_dir::create(dir, &io)?;
        let old = dir.join(OLD_FORMAT_NAME);
        if old.exists() {
            return Err(StorageError::OldFormat { path: old });
        }
        let lock = io.lock(&dir.join("lock"))?;
        let (mut state, hard_state) = StateFile::open(dir, &io)?;
        let log_dir = dir.join("log");
        let snapshot_dir = dir.join("snap");
        let hard_state = match hard_state {
            Some(hard_state) => hard_state,
            None if log_dir.exists() || snapshot_dir.exists() => {
                let what = "the term and vote are gone although there is a log";
                return Err(StorageError::Missing { path: state.path(), what });
            }
            // Always there from now on, so that its loss is noticed.
            None => {
                let hard_state = HardState::default();
                state.replace(hard_state)?;
                hard_state
            }
        };
        durable_dir::create(&log_dir, &io)?;
        durable_dir::create(&snapshot_dir, &io)?;
        let (snapshots, snapshot) = SnapshotStore::open(&snapshot_dir, &io)?;
        let covered =
            snapshot.as_ref().map_or_else(Position::default, |snapshot| snapshot.meta.last);
        let (log, found) = LogFiles::open(&log_dir, covered, segment_bytes, &io)?;
        let recovered = Recovered {
            hard_state,
            snapshot,
            entries: found.entries,
            torn_bytes: found.torn_bytes,
        };
        Ok((Self { state, log, snapshots, _lock: lock }, recovered))
    }

    /// Replaces the term and vote; durable on return. Costs two syncs.
    ///
    /// # Errors
    /// The disk failed.
    pub fn set_hard_state(&mut self, hard_state: HardState) -> Result<(), StorageError> {
        self.state.replace(hard_state)
    }

    /// Appends consecutive entries, in place of what stood at the first one's index
    /// and after it; on return all are durable, after a crash all or none. Costs
    /// one write and one sync, and a few more when a segment is full.
    ///
    /// # Errors
    /// The disk failed, or the entries do not continue the log, or are longer than
    /// a frame may be: 64 MiB.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), StorageError> {
        self.log.append(entries)
    }

    /// Makes a snapshot of the leader durable in place of the one there is, unless that is
    /// newer by now. Entries up to its last are void then; those after it stay only if they are to and the
    /// log holds that very entry (Ongaro 2014, figure 5.3).
    ///
    /// The order of writes: first the snapshot, then, if the log ends or differs
    /// there, a segment that makes all before it void. After a crash between the two
    /// [`Storage::open`] does the second, for it compares as this does.
    ///
    /// # Errors
    /// The disk failed.
    pub fn install_snapshot(&mut self, install: &Install) -> Result<(), StorageError> {
        let Install { snapshot, suffix } = install;
        let last = snapshot.meta.last;
        self.snapshots.install(snapshot)?;
        let continues = self.log.shape().position_at(last.index) == Some(last);
        if *suffix == Suffix::Discard || !continues {
            self.log.begin_afresh(last)?;
        }
        Ok(())
    }

    /// Gives back the space of the log up to `through`, which a durable snapshot
    /// covers, in whole segments.
    ///
    /// # Errors
    /// The disk failed.
    pub fn compact(&mut self, through: LogIndex) -> Result<(), StorageError> {
        self.log.compact(through)
    }

    /// Returns a handle to the snapshots, for any thread.
    pub fn snapshots(&self) -> SnapshotStore {
        self.snapshots.clone()
    }
}
