//! What the protocol wants done, and what it may assume once it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::core::{Raft, Role, RoleState};
use super::membership::Membership;
use super::message::{AppendReply, Body, Message};
use super::reads::{ReadId, ReadReady};
use super::types::{Entry, HardState, NodeId, Position};
use crate::bugs::Bug;

/// Entries that gather before [`Bug::ApplyBeforePersist`] has them written.
const LAZY_ENTRIES: u64 = 512;

/// What the protocol wants done, in any order except where said otherwise.
#[derive(Debug, Default)]
pub struct Ready {
    /// Messages that may leave at once. Losing some is allowed.
    pub messages: Vec<Message>,
    /// What has to reach the disk. Writes are done in the order of their
    /// numbers; [`Raft::written`] is told when.
    pub write: Option<Write>,
    /// What to apply to the state machine, before the reads are answered.
    pub apply: Apply,
    /// Reads that may be answered once enough is applied.
    pub reads: Vec<ReadReady>,
    /// Reads that will not be answered, because the node no longer leads.
    pub refused_reads: Vec<ReadId>,
    /// Pieces of the newest snapshot that followers need. The caller reads each
    /// and hands it to [`Raft::send_chunk`].
    pub chunks: Vec<ChunkOrder>,
}

/// What a snapshot stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The last entry applied to the state it holds.
    pub last: Position,
    /// The newest membership up to that entry.
    pub membership: Membership,
}

/// A state machine as of some entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it stands for.
    pub meta: SnapshotMeta,
    /// The state, opaque to the protocol; shared, for it may be large.
    pub data: Arc<Vec<u8>>,
}

/// A snapshot received from the leader, to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// The snapshot, which stands for all entries up to its last one.
    pub snapshot: Snapshot,
    /// What becomes of the entries after that.
    pub suffix: Suffix,
}

/// What becomes of the entries on disk after a snapshot's last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// They stay: the log on disk holds the snapshot's last entry too.
    Keep,
    /// They go: they continue another log.
    Discard,
}

/// A piece of a snapshot to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkOrder {
    /// To whom.
    pub to: NodeId,
    /// Of the snapshot with this last entry.
    pub last: Position,
    /// From this byte on; at most [`Config::chunk_bytes_max`] bytes.
    ///
    /// [`Config::chunk_bytes_max`]: super::Config::chunk_bytes_max
    pub offset: u64,
}

/// What to apply to the state machine.
#[derive(Debug)]
pub enum Apply {
    /// These entries, after those applied before.
    Onwards(Vec<Entry>),
    /// The snapshot in place of everything applied before, then these entries.
    Restore(Snapshot, Vec<Entry>),
}

impl Default for Apply {
    fn default() -> Self {
        Self::Onwards(Vec::new())
    }
}

/// A numbered write.
///
/// Its parts reach the disk in the order in which they stand here. Entries replace
/// those on disk from the first one's index on. A crash may leave none of it, all
/// of it, or its beginning: the hard state, the snapshot, the first entries; never
/// a later write without an earlier one.
#[derive(Debug)]
pub struct Write {
    /// The number, counting up from one.
    pub number: u64,
    /// The new hard state, if it changed.
    pub hard_state: Option<HardState>,
    /// A snapshot received from the leader.
    pub snapshot: Option<Install>,
    /// Consecutive entries.
    pub entries: Vec<Entry>,
    /// Messages that may leave only when this write and all before it are done.
    /// A write may consist of nothing else.
    pub messages: Vec<Message>,
}

/// How far the disk is behind the protocol.
#[derive(Default)]
pub(super) struct Writes {
    /// The number of the newest write.
    number: u64,
    /// The hard state as it was last handed out to be written.
    hard_state: HardState,
    /// The newest write that carried a hard state and is not done.
    hard_state_pending: Option<u64>,
}

impl Writes {
    /// Starts with what was found on disk.
    pub(super) fn new(hard_state: HardState) -> Self {
        Self { hard_state, ..Self::default() }
    }
}

impl Raft {
    /// Returns what is to be done, or `None` if there is nothing.
    ///
    /// Call it after a batch of inputs rather than after each: everything that
    /// came in since the last call shares messages, writes and rounds of reads.
    pub fn ready(&mut self) -> Option<Ready> {
        if matches!(self.role, RoleState::Leader(_)) {
            self.begin_read_round();
            self.replicate();
            self.see_to_succession();
        }
        let mut ready = Ready {
            reads: std::mem::take(&mut self.reads_ready),
            refused_reads: std::mem::take(&mut self.reads_refused),
            chunks: std::mem::take(&mut self.chunk_orders),
            apply: self.take_applicable(),
            ..Ready::default()
        };
        self.hand_out_write(&mut ready);
        let nothing_to_apply =
            matches!(&ready.apply, Apply::Onwards(entries) if entries.is_empty());
        let idle = ready.messages.is_empty()
            && ready.write.is_none()
            && nothing_to_apply
            && ready.reads.is_empty()
            && ready.refused_reads.is_empty()
            && ready.chunks.is_empty();
        (!idle).then_some(ready)
    }

    /// Learns that the writes up to `number` are on disk.
    pub fn written(&mut self, number: u64) {
        self.writes.hard_state_pending.take_if(|pending| *pending <= number);
        self.log.written(number);
        if self.role() == Role::Leader {
            self.advance_commit();
        }
    }

    /// Sorts the outbox into what may leave now and what waits for the disk.
    fn hand_out_write(&mut self, ready: &mut Ready) {
        let number = self.writes.number + 1;
        let hard_state = self.changed_hard_state();
        if hard_state.is_some() {
            self.writes.hard_state_pending = Some(number);
        }
        let snapshot = self.installing.take();
        if snapshot.is_some() {
            self.log.hand_out_base(number);
        }
        let lazy = self.config.bug == Some(Bug::ApplyBeforePersist)
            && self.log.not_handed_out() < LAZY_ENTRIES;
        let entries = if lazy { Vec::new() } else { self.log.hand_out(number) };
        let outbox = std::mem::take(&mut self.outbox);
        let (now, later): (Vec<_>, Vec<_>) =
            outbox.into_iter().partition(|message| !self.must_wait(message));
        ready.messages = now;
        let needed =
            hard_state.is_some() || snapshot.is_some() || !entries.is_empty() || !later.is_empty();
        if needed {
            self.writes.number = number;
            ready.write = Some(Write { number, hard_state, snapshot, entries, messages: later });
        }
    }

    fn changed_hard_state(&mut self) -> Option<HardState> {
        let current = match self.config.bug {
            Some(Bug::ForgetVote) => HardState { term: self.term, vote: None },
            Some(Bug::ForgetTerm) => HardState::default(),
            _ => HardState { term: self.term, vote: self.vote },
        };
        if current == self.writes.hard_state {
            return None;
        }
        self.writes.hard_state = current;
        Some(current)
    }

    /// Returns whether a message promises what a crash could still undo.
    fn must_wait(&self, message: &Message) -> bool {
        if self.writes.hard_state_pending.is_some() {
            return true;
        }
        match &message.body {
            Body::AppendReply(AppendReply::Accepted { matched }) => {
                *matched > self.log.stable() && self.config.bug != Some(Bug::ApplyBeforePersist)
            }
            _ => false,
        }
    }

    /// Takes what may be applied; what once was is never taken back.
    fn take_applicable(&mut self) -> Apply {
        let last = self.applicable();
        let entries = self.log.range(self.applied.next(), last);
        self.applied = self.applied.max(last);
        match &self.installing {
            Some(install) => Apply::Restore(install.snapshot.clone(), entries),
            None => Apply::Onwards(entries),
        }
    }
}
