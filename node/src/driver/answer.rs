//! What clients want, and what they are told; also how nodes say it to each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::{Command, Held, Key, Outcome};

/// An operation that one node passes on to another, which leads as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The operation.
    pub operation: Operation,
    /// How much of its time is left.
    pub budget: Duration,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Read the key.
    Read {
        /// Which key.
        key: Key,
    },
    /// Apply the command.
    Write {
        /// What to apply.
        command: Command,
    },
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The key holds this.
    Found(Held),
    /// The key holds nothing.
    Missing,
    /// The command was applied, with this outcome.
    Applied(Outcome),
    /// Nothing was changed nor ever will be.
    Refused(WhyRefused),
    /// It is not known whether the map was or will be changed.
    Unknown(WhyUnknown),
}

/// Why an operation had no effect and never will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WhyRefused {
    /// The node does not lead.
    #[error("this node does not lead")]
    NotLeader,
    /// Nobody leads, as far as the node knows.
    #[error("no leader is known")]
    NoLeader,
    /// No connection to the leader could be made.
    #[error("the leader could not be reached")]
    Unreachable,
    /// The node has not been told where the leader is reached.
    #[error("the leader's address is not known")]
    NoAddress,
    /// The leader hands the lead over and takes no more writes.
    #[error("the lead is being handed over")]
    Transferring,
    /// The leader was deposed before it could answer.
    #[error("the node lost the lead before the read")]
    LeadLost,
    /// A majority did not say in time that the leader still leads.
    #[error("the lead was not confirmed in time")]
    NotConfirmed,
    /// The leader was asked for a read and did not answer.
    #[error("the leader did not answer the read in time")]
    ReadLost,
    /// The entry of the write was replaced by one that is committed.
    #[error("another leader's entry took the place of the write")]
    Replaced,
    /// Too many operations wait.
    #[error("the node is overloaded")]
    Overloaded,
    /// The node stops.
    #[error("the node is shutting down")]
    ShuttingDown,
    /// The node stops because of a failure.
    #[error("the node has failed")]
    Failed,
}

impl WhyRefused {
    /// Returns whether another node, or this one a little later, may well do what
    /// was refused.
    pub(crate) fn may_pass(self) -> bool {
        self != Self::Overloaded
    }
}

/// Why it is not known what an operation did or will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WhyUnknown {
    /// The entry of the write was not committed in time.
    #[error("the write was not committed in time")]
    NotCommitted,
    /// The leader was deposed before it could answer.
    #[error("the lead was lost before the write was committed")]
    LeadLost,
    /// A snapshot of the next leader took the place of the entry.
    #[error("a snapshot covers the write and does not tell what became of it")]
    Covered,
    /// The leader was asked and did not answer.
    #[error("the leader was lost while it was asked")]
    LeaderLost,
    /// A later attempt was refused for what is known of the session.
    #[error("the write was tried again and its first outcome is not known any more")]
    OutcomeLost,
    /// The node stopped before the write was committed.
    #[error("the node shut down before the write was committed")]
    ShutDown,
    /// The node stops because of a failure.
    #[error("the node has failed")]
    Failed,
}
