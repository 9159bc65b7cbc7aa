//! The file in which a node's term, vote and log survive a crash.
//!
//! # One file
//!
//! Hard state and entries are records of the same append-only file, `raft.log`.
//! So their order on disk is the order in which the protocol asked for them, and
//! one sync serves whatever has gathered: votes, entries and terms alike. A
//! separate file for the vote would cost a second sync, and a rename and a sync
//! of the directory on top. Entries that replace others are appended like any;
//! on reading, an entry removes what stood at its index and after it.
//!
//! # One frame a sync
//!
//! Records are grouped into frames (`frame`): one frame is one write followed by
//! one sync, and the next frame is not written before that. So whatever a crash
//! leaves half-written is in the last frame, and nobody was told about it: it is
//! cut off on opening. A frame that is damaged although a sound one follows was
//! once synced, and others rely on it: the node refuses to start. Damage to the
//! last frame cannot be told from a crash while it was written.
//!
//! # Errors
//!
//! After a failed write or sync nothing is known about the file, not even by
//! asking again, so [`LogFile::append`] must not be called again after an error;
//! the node stops.
//!
//! Absent: compaction. The file grows until there are snapshots.

mod durable_dir;
mod frame;
mod log_file;
mod replay;

pub use log_file::{LogFile, StorageError};
pub use replay::{Record, Recovered};
