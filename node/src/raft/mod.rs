//! The Raft protocol, as a state machine without sockets, files or clocks.
//!
//! [`Raft`] is driven from outside: messages from peers go in by
//! [`Raft::step`], the passing of time by [`Raft::tick`], what clients want by
//! [`Raft::propose`] and [`Raft::read`], what administrators want by
//! [`Raft::propose_membership`] and [`Raft::transfer`], finished disk writes by
//! [`Raft::written`], durable snapshots by [`Raft::compact`]. What the protocol
//! wants done in return is collected by
//! [`Raft::ready`]: messages to send, state to write, entries to apply, reads
//! to answer. Equal inputs give equal outputs; the only chance in it, the
//! length of election timeouts, comes from a generator handed in by the caller.
//!
//! # How agreement is reached
//!
//! Time is divided into terms with at most one leader each. A node that hears
//! no leader for a random time becomes a candidate of the next term and asks
//! for votes, after it has made sure that others would vote for it (`election`).
//! A vote goes to the first candidate who asks, if its log is at least as new as
//! the voter's; with a majority the candidate is leader. Only the leader takes
//! commands. It appends them to its log and sends them on (`leader`); a follower
//! accepts entries that continue its own log and replaces those that contradict
//! the leader's (`follower`). An entry of the leader's own term that a majority
//! holds is committed, and everything before it with it. Since a candidate with
//! an older log than some majority cannot be elected, a committed entry is in the
//! log of every later leader. A leader that no longer hears from a majority steps
//! down by itself (`check_quorum`).
//!
//! The log does not grow for ever: the caller takes snapshots of the state machine
//! and tells the core ([`Raft::compact`]), which drops what they cover. A follower
//! that needs it is sent the snapshot (`snapshot`).
//!
//! # What makes it safe on real disks
//!
//! A node may only tell others what it will still know after a crash. Writes
//! are numbered, and the messages that depend on one travel with it
//! ([`Write::messages`]): a vote, the acknowledgement of an append, and whatever
//! mentions a term that is not on disk yet. A snapshot a follower receives is one
//! more thing to write before it is acknowledged ([`Write::snapshot`]). The leader's entries go to the
//! followers while its own disk still works on them (Ongaro 2014, 10.2.1); it
//! counts itself among their holders once its write is done.
//!
//! # Deliberately absent
//!
//! Joint consensus: members change one at a time (`changes`).

mod changes;
mod check_quorum;
mod core;
mod election;
mod fixed_timeout;
mod follower;
mod inspect;
mod leader;
mod lease;
mod log;
mod membership;
mod memberships;
mod message;
mod progress;
mod reads;
mod ready;
mod snapshot;
mod transfer;
mod types;

pub use self::core::{Config, Elections, Persisted, Raft, ReadMode, Role, Status};
pub use changes::{Change, ChangeRefused};
pub use follower::CommittedConflict;
pub use leader::{NotLeader, ProposeRefused};
pub use membership::{Member, Membership, Part};
pub use message::{AppendReply, Body, Campaign, Hint, Message, VoteReply};
pub use reads::{ReadId, ReadReady};
pub use ready::{Apply, ChunkOrder, Install, Ready, Snapshot, SnapshotMeta, Suffix, Write};
pub use transfer::TransferRefused;
pub use types::{BadNodeId, Entry, HardState, LogIndex, NodeId, Payload, Position, Term};
