//! What administrators ask of a node, and what it tells them.

use std::net::SocketAddr;

use crate::raft::{LogIndex, Membership, NodeId, Status};

/// Something to be done to the cluster rather than to its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Add a node that receives the log and does not vote yet.
    AddLearner { id: NodeId, address: SocketAddr },
    /// Let a learner vote.
    Promote { id: NodeId },
    /// Remove a member.
    Remove { id: NodeId },
    /// Hand the lead over.
    Transfer { to: NodeId },
    /// Take a snapshot of this node's state now, and drop what it covers from the log.
    Snapshot,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrderAnswer {
    /// It is carried out: a change of members is committed with the entry at this
    /// index, a snapshot that covers the entries up to it is durable, or the lead was
    /// handed over with the log ending here.
    Done(LogIndex),
    /// Nothing was done nor ever will be.
    Refused(String),
    /// It is not known whether it was or will be done.
    Unknown(&'static str),
}

/// What a node knows about itself, all at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) status: Status,
    pub(crate) membership: Membership,
    /// The first entry that the log still holds.
    pub(crate) first_index: LogIndex,
    /// The last entry that the newest snapshot covers; zero if there is none.
    pub(crate) snapshot_index: LogIndex,
    /// The digest of the state after the entry at `status.applied`.
    pub(crate) digest: u64,
    pub(crate) keys: usize,
    pub(crate) sessions: usize,
    /// For a leader, up to where the log of each other member is known to agree.
    pub(crate) followers: Vec<(NodeId, LogIndex)>,
}
