//! Small things to store, and ways to look at a data directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use squall_node::raft::{
    Entry, HardState, Install, LogIndex, Membership, NodeId, Payload, Position, Snapshot,
    SnapshotMeta, Suffix, Term,
};
use squall_node::storage::{Recovered, Storage, StorageError, StorageOptions};
use tempfile::TempDir;

pub(crate) fn position(index: u64, term: u64) -> Position {
    Position { term: Term(term), index: LogIndex(index) }
}

pub(crate) fn entry(index: u64, term: u64, command: &[u8]) -> Entry {
    Entry { position: position(index, term), payload: Payload::Command(command.to_vec()) }
}

pub(crate) fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

pub(crate) fn hard_state(term: u64, vote: &str) -> HardState {
    HardState { term: Term(term), vote: Some(node(vote)) }
}

pub(crate) fn meta(index: u64, term: u64) -> SnapshotMeta {
    let membership = Membership::of_voters(["n1", "n2", "n3"].map(node));
    SnapshotMeta { last: position(index, term), membership }
}

pub(crate) fn snapshot(index: u64, term: u64, data: &[u8]) -> Snapshot {
    Snapshot { meta: meta(index, term), data: Arc::new(data.to_vec()) }
}

pub(crate) fn install(index: u64, term: u64, data: &[u8]) -> Install {
    Install { snapshot: snapshot(index, term, data), suffix: Suffix::Keep }
}

/// Returns a directory in memory, where there is one: for what is simulated to
/// be lost or kept, a real sync changes nothing.
pub(crate) fn fast_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

pub(crate) fn small_segments(segment_bytes: u64) -> StorageOptions {
    StorageOptions { segment_bytes, ..StorageOptions::default() }
}

pub(crate) fn open(dir: &Path) -> Result<(Storage, Recovered), StorageError> {
    Storage::open(dir, small_segments(4_096))
}

pub(crate) fn recover(dir: &Path) -> Recovered {
    open(dir).unwrap().1
}

/// Returns the files in a part of the directory, in the order of their names.
pub(crate) fn files(dir: &Path, part: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(dir.join(part)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
