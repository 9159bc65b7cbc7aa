//! Raft.
mod types;

pub use types::{BadNodeId, Entry, HardState, LogIndex, NodeId, Payload, Position, Term};
