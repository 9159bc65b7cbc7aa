//! The directory in which a node's term, vote, log and snapshot survive a crash.
//!
//! ```text
//! lock    locked while a process uses the directory      store
//! state   the term and vote                              state_file
//! log/    entries, in segments of bounded size           log_files, segment, frame
//! snap/   the newest snapshot of the state machine       snapshot_store, snapshot_file
//! ```
//!
//! # What relies on what
//!
//! The caller writes in the order in which the protocol asks: hard state before
//! entries, a received snapshot before the entries after it. Each of these is
//! durable when its call returns, and nothing is told to anyone before. Removing
//! comes last and is repeated on opening: segments that a durable snapshot covers,
//! then nothing else.
//!
//! # One frame a sync
//!
//! Entries are grouped into frames (`frame`): one frame is one write followed by
//! one sync, and the next frame is not written before that. So whatever a crash
//! leaves half-written is at the end of the newest segment, and nobody was told
//! about it: it is cut off on opening. A frame that is damaged although a sound one
//! or another segment follows was once synced, and others rely on it: the node
//! refuses to start. Damage to the last frame cannot be told from a crash while it
//! was written. Entries that replace others are appended like any; on reading, an
//! entry removes what stood at its index and after it.
//!
//! # Errors
//!
//! After a failed write or sync nothing is known about the file, not even by
//! asking again, so a [`Storage`] must not be used after an error; the node stops.
//!
//! Absent: entries in memory, which the protocol's core keeps, and any thread.

mod durable_dir;
mod error;
mod file_io;
mod frame;
mod log_files;
mod log_shape;
mod segment;
mod snapshot_file;
mod snapshot_store;
mod state_file;
mod store;

pub use error::StorageError;
pub use file_io::{Durability, Fault, Faults, Operation};
pub use snapshot_store::{Piece, Saved, SnapshotStore};
pub use store::{Recovered, Storage, StorageOptions};
