//! What nodes say to each other.
//!
//! Messages go one way; a reply is a message of its own. The network may lose,
//! repeat and reorder them.

use serde::{Deserialize, Serialize};

use super::types::{Entry, LogIndex, NodeId, Position, Term};

/// One message from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who sends it.
    pub from: NodeId,
    /// Whom it is meant for.
    pub to: NodeId,
    /// The sender's term.
    pub term: Term,
    /// What it says.
    pub body: Body,
}

/// The content of a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A candidate asks for the vote.
    VoteRequest {
        /// The last entry of the candidate's log.
        last: Position,
    },
    /// The answer to a request for the vote.
    VoteReply(VoteReply),
    /// A leader sends the entries after `prev`.
    Append {
        /// The entry before the first of `entries`.
        prev: Position,
        /// Consecutive entries; at least one.
        entries: Vec<Entry>,
        /// How far the leader's log is committed.
        commit: LogIndex,
    },
    /// The answer to an append.
    AppendReply(AppendReply),
    /// A leader says that it leads.
    Heartbeat {
        /// How far the log is committed, at most as far as the follower is known
        /// to agree with the leader.
        commit: LogIndex,
        /// The newest round of reads to confirm.
        round: u64,
    },
    /// A follower agrees that the sender of a heartbeat leads.
    HeartbeatReply {
        /// The round of the heartbeat.
        round: u64,
    },
    /// The answer to a leader of an earlier term; the term says it all.
    Deposed,
}

/// The answer to a request for the vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoteReply {
    /// The sender votes for the candidate in this term.
    Granted,
    /// It does not: its vote is given, or its log is newer.
    Denied,
}

/// The answer to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendReply {
    /// The follower holds the leader's log on disk up to here.
    Accepted {
        /// The last entry known to agree.
        matched: LogIndex,
    },
    /// The follower has no entry equal to the one before those sent.
    Refused {
        /// The index of the entry it lacks.
        prev: LogIndex,
        /// Where the logs may agree instead.
        hint: Hint,
    },
}

/// Where a follower suggests to go on after a refusal, a term at a time instead
/// of an entry at a time (Ongaro 2014, 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hint {
    /// The follower's log ends before the refused index; this is its first
    /// missing index.
    Short(LogIndex),
    /// The follower has an entry of another term there.
    Conflict {
        /// That term.
        term: Term,
        /// The first index with that term in the follower's log.
        first: LogIndex,
    },
}
