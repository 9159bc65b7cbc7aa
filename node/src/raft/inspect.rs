//! What a node can tell about itself beyond its [`Status`](super::Status).

use super::core::{Raft, RoleState};
use super::types::{LogIndex, NodeId};

impl Raft {
    /// Returns the index of the first entry the log holds, or would hold if it is
    /// empty; those before it are in a snapshot.
    pub fn first_index(&self) -> LogIndex {
        self.log.base().index.next()
    }

    /// Returns for a leader up to where the log of each other member is known to
    /// agree with its own, in the order of the names; nothing for other nodes.
    pub fn followers(&self) -> Vec<(NodeId, LogIndex)> {
        match &self.role {
            RoleState::Leader(leadership) => leadership.matched().collect(),
            _ => Vec::new(),
        }
    }
}
