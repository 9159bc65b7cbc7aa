//! What nodes say to each other.
//!
//! Messages go one way; a reply is a message of its own. The network may lose,
//! repeat and reorder them.

use serde::{Deserialize, Serialize};

use super::membership::Membership;
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
    /// A node asks whether it would be voted for, before it begins a term
    /// (Ongaro 2014, 9.6). The message carries the sender's current term.
    PreVoteRequest {
        /// The term it would begin.
        term: Term,
        /// The last entry of its log.
        last: Position,
    },
    /// The answer to the question whether a vote would be given.
    PreVoteReply {
        /// The term that was asked about.
        term: Term,
        /// The answer; it binds nobody.
        reply: VoteReply,
    },
    /// A candidate asks for the vote.
    VoteRequest {
        /// The last entry of the candidate's log.
        last: Position,
        /// Why it stands.
        campaign: Campaign,
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
    /// A leader asks the receiver to stand for election at once, because it is
    /// to take over (Ongaro 2014, 3.10).
    TimeoutNow,
    /// A leader sends a piece of its snapshot to a follower that needs entries
    /// the leader no longer holds (Ongaro 2014, 5.3 and figure 5.3).
    SnapshotChunk {
        /// The last entry the snapshot covers.
        last: Position,
        /// The membership as of that entry.
        membership: Membership,
        /// Where in the snapshot `data` begins, in bytes.
        offset: u64,
        /// The length of the whole snapshot in bytes.
        total: u64,
        /// The piece; empty only if the snapshot is.
        data: Vec<u8>,
    },
    /// The answer to a piece of a snapshot that is not yet whole. What answers the
    /// last piece is an accepted append that matches the snapshot's last entry.
    SnapshotReply {
        /// Which snapshot.
        last: Position,
        /// How many bytes of it the follower holds, from the beginning; the piece
        /// wanted next begins there.
        received: u64,
    },
}

/// Why a candidate stands for election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Campaign {
    /// It has not heard from a leader.
    Timeout,
    /// The leader asked it to; voters need not wait for the leader's silence.
    Transfer,
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
