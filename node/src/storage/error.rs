//! What can go wrong with a data directory.

use std::io;
use std::path::PathBuf;

use super::file_io::Operation;
use super::frame;
use crate::raft::LogIndex;

/// Why a node's state cannot be read or written.
///
/// None of these is ever tried again: after a failed write or sync nothing is
/// known about the file, not even by asking once more, so the node stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused something.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was being done.
        operation: Operation,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process uses the directory.
    #[error("open {}: another process is using it; stop it or choose another --data", path.display())]
    InUse {
        /// Which file is locked.
        path: PathBuf,
    },
    /// The directory was written by an earlier version, all in one file.
    #[error(
        "open {}: it is the one-file log of an earlier version, which this version cannot read; \
         run that version, or start with an empty --data as a new node", path.display()
    )]
    OldFormat {
        /// The file of the earlier version.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("open {}: it is not a file of this version", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A file is damaged in a way no crash can explain.
    #[error(
        "read {} at offset {offset}: {what}; what this node acknowledged is lost, so \
         it must not rejoin: restore the file or replace the node", path.display()
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Where the damage begins, in bytes from the beginning of the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A file that must be there is not.
    #[error(
        "open {}: {what}; what this node acknowledged is lost, so it must not rejoin: \
         restore the file or replace the node", path.display()
    )]
    Missing {
        /// Which file, or the directory in which files are missing.
        path: PathBuf,
        /// What its absence means.
        what: &'static str,
    },
    /// The entries given do not continue the log.
    #[error("append to {}: entry {next} does not continue the log, which ends at {last}", path.display())]
    Gap {
        /// The directory of the log.
        path: PathBuf,
        /// The last entry of the log.
        last: LogIndex,
        /// The first entry given.
        next: LogIndex,
    },
    /// The entries given are more than one frame holds.
    #[error("append to {}: the entries exceed {} bytes", path.display(), frame::PAYLOAD_BYTES_MAX)]
    TooLarge {
        /// The directory of the log.
        path: PathBuf,
    },
    /// The state machine could not be written out.
    #[error("encode the state for {}", path.display())]
    Encode {
        /// The snapshot that was being written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A thread that reads or writes files could not be started.
    #[error("start a thread for the disk")]
    Thread(#[source] io::Error),
    /// A thread that reads or writes files panicked; its message is in the log.
    #[error("go on: the thread `{0}` panicked")]
    Panicked(&'static str),
}
