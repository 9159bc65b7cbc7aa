//! The node's state, and the rules that hold whatever its role.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::ChaCha8Rng;

use super::election::silence_at_start;
use super::follower::CommittedConflict;
use super::leader::Leadership;
use super::log::Log;
use super::membership::Membership;
use super::memberships::Memberships;
use super::message::{Body, Message, VoteReply};
use super::reads::{ReadId, ReadReady};
use super::ready::{ChunkOrder, Install, SnapshotMeta, Writes};
use super::snapshot::{Gathering, Piece};
use super::types::{Entry, HardState, LogIndex, NodeId, Term};
use crate::bugs::Bug;

/// What a node is told once, when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// The members of a cluster that begins; as soon as the log or a snapshot
    /// says otherwise, they count. Empty for a node that waits to be added.
    pub members: Membership,
    /// Ticks between a leader's heartbeats; at least one.
    pub heartbeat_ticks: u32,
    /// Shortest election timeout in ticks; timeouts are drawn from this up to,
    /// but not including, twice this.
    pub election_ticks: u32,
    /// How long a tick lasts, in milliseconds.
    pub tick_ms: u64,
    /// How working leaders are kept from being disturbed.
    pub elections: Elections,
    /// Entries sent in one message, in bytes; a single entry may exceed it.
    pub append_bytes_max: usize,
    /// Entries sent in one message, in number; at least one.
    pub append_entries_max: usize,
    /// Entries a leader takes on before those before them are committed, in bytes.
    /// Beyond that it refuses commands.
    pub uncommitted_bytes_max: usize,
    /// Entries kept in memory although a snapshot covers them, so that followers
    /// a little behind do not need the snapshot.
    pub kept_entries: u64,
    /// The longest piece of a snapshot sent in one message, in bytes; at least one.
    pub chunk_bytes_max: usize,
    /// The longest snapshot a follower takes, in bytes: it gathers the pieces in
    /// memory.
    pub snapshot_bytes_max: u64,
    /// How a leader makes sure that a read is not answered from the past.
    pub reads: ReadMode,
    /// The rule to break, if any.
    pub bug: Option<Bug>,
}

/// How working leaders are kept from being disturbed, and others from believing
/// that they still work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Elections {
    /// A node asks whether it would be elected before it begins a term (pre-vote,
    /// Ongaro 2014, 9.6), nodes that hear a leader do not listen to candidates
    /// (4.2.3), and a leader that does not hear from a majority for an election
    /// timeout steps down (6.2).
    #[default]
    Guarded,
    /// None of this: elections as in 3.4 and nothing else. It is as safe, but for
    /// leases; a single node that comes back from a cut deposes the leader. Meant
    /// for showing what elections do by themselves.
    Plain,
}

/// How a leader makes sure that a read is not answered from the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// It asks a majority (Ongaro 2014, 6.4). Needs no assumption on clocks.
    #[default]
    ReadIndex,
    /// It relies on a lease a majority has given it (Ongaro 2014, 6.4.1). Assumes
    /// that no two clocks of the cluster run at rates that differ by more than a
    /// tenth, pauses included; their settings do not matter.
    Lease,
}

/// What a node finds when it starts: nothing, or what [`Ready::write`] asked to
/// be written before.
///
/// [`Ready::write`]: super::Ready::write
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persisted {
    /// Term and vote.
    pub hard_state: HardState,
    /// What the newest snapshot stands for; the default if there is none.
    pub snapshot: SnapshotMeta,
    /// Consecutive entries from the one after the snapshot's last.
    ///
    /// None unless the log on disk is known to continue the snapshot: it holds the
    /// snapshot's last entry, or was begun anew after that very entry. What follows
    /// another entry in its place belongs to another log and must not come back.
    pub entries: Vec<Entry>,
}

/// What a node takes itself for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It follows a leader or waits for one.
    Follower,
    /// It asks whether it would be voted for if it began a term.
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// It leads its term, as far as it knows.
    Leader,
}

impl Role {
    /// Returns the role in lower case, as in `leader` or `pre-candidate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::PreCandidate => "pre-candidate",
            Self::Candidate => "candidate",
            Self::Leader => "leader",
        }
    }
}

/// What a node can tell about itself without asking anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The node.
    pub id: NodeId,
    /// What it takes itself for.
    pub role: Role,
    /// Its term.
    pub term: Term,
    /// The leader of its term, if it knows one.
    pub leader: Option<NodeId>,
    /// How far it knows the log to be committed.
    pub commit: LogIndex,
    /// How far it has handed out entries to be applied.
    pub applied: LogIndex,
    /// The last index of its log.
    pub last_index: LogIndex,
}

/// A role together with what only that role has to know.
#[expect(clippy::large_enum_variant, reason = "a node has one, and it rarely moves")]
pub(super) enum RoleState {
    Follower,
    PreCandidate { promises: BTreeSet<NodeId> },
    Candidate { votes: BTreeSet<NodeId> },
    Leader(Leadership),
}

/// One node's part in the protocol.
pub struct Raft {
    pub(super) config: Config,
    pub(super) rng: ChaCha8Rng,
    pub(super) term: Term,
    pub(super) vote: Option<NodeId>,
    pub(super) log: Log,
    pub(super) memberships: Memberships,
    /// What the newest snapshot stands for: one this node took and has on disk, or
    /// one it received.
    pub(super) snapshot: SnapshotMeta,
    /// The time on the caller's monotonic clock, in milliseconds; see [`Raft::set_time`].
    pub(super) now_ms: u64,
    pub(super) commit: LogIndex,
    pub(super) applied: LogIndex,
    pub(super) role: RoleState,
    pub(super) leader: Option<NodeId>,
    /// Ticks since the leader was heard, the vote given or the election begun;
    /// for a leader, since its last heartbeat.
    pub(super) ticks: u32,
    /// Ticks since a leader was heard, whatever its term and whatever happened since.
    pub(super) silence_ticks: u32,
    /// The current election timeout.
    pub(super) timeout_ticks: u32,
    /// For the planted bug `fixed-election-timeout`: the election timeout of the
    /// clock that this node was last seen in.
    pub(super) election_slot: u64,
    /// For the planted bug `count-stale-acks`: the furthest that this node has ever
    /// acknowledged to each leader, and in which term.
    pub(super) furthest_acks: BTreeMap<NodeId, (Term, LogIndex)>,
    pub(super) outbox: Vec<Message>,
    pub(super) writes: Writes,
    pub(super) reads_ready: Vec<ReadReady>,
    pub(super) reads_refused: Vec<ReadId>,
    /// Pieces of the snapshot that followers are to be sent.
    pub(super) chunk_orders: Vec<ChunkOrder>,
    /// The snapshot a leader is sending to this node.
    pub(super) gathering: Option<Gathering>,
    /// A snapshot that is whole, to be handed out with the next write.
    pub(super) installing: Option<Install>,
}

impl Raft {
    /// Starts a node with what its disk holds.
    ///
    /// The node begins as a follower that knows of nothing committed beyond the
    /// snapshot, which its state machine must hold.
    pub fn new(config: Config, persisted: Persisted, rng: ChaCha8Rng) -> Self {
        let Persisted { hard_state, snapshot, entries } = persisted;
        let memberships = Memberships::new(&config.members, &snapshot, &entries);
        let silence_ticks = silence_at_start(&config);
        let mut raft = Self {
            config,
            rng,
            term: hard_state.term,
            vote: hard_state.vote,
            commit: snapshot.last.index,
            applied: snapshot.last.index,
            log: Log::new(snapshot.last, entries),
            memberships,
            snapshot,
            now_ms: 0,
            role: RoleState::Follower,
            leader: None,
            ticks: 0,
            silence_ticks,
            timeout_ticks: 0,
            election_slot: 0,
            furthest_acks: BTreeMap::new(),
            outbox: Vec::new(),
            writes: Writes::new(hard_state),
            reads_ready: Vec::new(),
            reads_refused: Vec::new(),
            chunk_orders: Vec::new(),
            gathering: None,
            installing: None,
        };
        raft.restart_election_timer();
        raft
    }

    /// Returns the rule to break, if any.
    pub fn bug(&self) -> Option<Bug> {
        self.config.bug
    }

    /// Returns what the node can tell about itself.
    pub fn status(&self) -> Status {
        Status {
            id: self.config.id,
            role: self.role(),
            term: self.term,
            leader: self.leader,
            commit: self.commit,
            applied: self.applied,
            last_index: self.log.last().index,
        }
    }

    /// Returns what the node takes itself for.
    pub fn role(&self) -> Role {
        match self.role {
            RoleState::Follower => Role::Follower,
            RoleState::PreCandidate { .. } => Role::PreCandidate,
            RoleState::Candidate { .. } => Role::Candidate,
            RoleState::Leader(_) => Role::Leader,
        }
    }

    /// Tells the time on a monotonic clock, in milliseconds, which goes on while
    /// the process is stopped. Call it before the inputs of that time.
    ///
    /// Only leases go by it: ticks do not pass while the process is stopped.
    pub fn set_time(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// Returns the newest membership in the log, committed or not.
    pub fn membership(&self) -> &Membership {
        self.memberships.newest()
    }

    /// Returns the newest membership up to `index`, which must not be before what
    /// the log still holds or its snapshot stands for.
    pub fn membership_at(&self, index: LogIndex) -> &Membership {
        self.memberships.at(index)
    }

    /// Returns the members other than this node.
    pub(super) fn peers(&self) -> Vec<NodeId> {
        self.membership().members().map(|(id, _)| id).filter(|&id| id != self.config.id).collect()
    }

    /// Notes that one tick has passed.
    pub fn tick(&mut self) {
        self.ticks = self.ticks.saturating_add(1);
        self.silence_ticks = self.silence_ticks.saturating_add(1);
        match self.role {
            RoleState::Leader(_) => self.tick_as_leader(),
            _ => self.tick_towards_election(),
        }
    }

    /// Takes in a message.
    ///
    /// Messages for someone else are ignored, as are replies to what was said in
    /// earlier terms. The sender need not be a member this node knows of: it may
    /// have been added or removed by entries this node does not have yet.
    ///
    /// # Errors
    /// The leader contradicts an entry this node knows to be committed. That
    /// cannot happen unless some node lost what it had written or broke the
    /// protocol; the node must stop.
    pub fn step(&mut self, message: Message) -> Result<(), CommittedConflict> {
        let Message { from, to, term, body } = message;
        if to != self.config.id {
            return Ok(());
        }
        if self.config.bug == Some(Bug::NeverHeals) && self.is_deaf() {
            return Ok(());
        }
        if self.is_not_to_be_disturbed_by(&body) {
            self.turn_away(from, &body);
            return Ok(());
        }
        if term < self.term {
            self.answer_from_the_past(from, &body);
            return Ok(());
        }
        if term > self.term {
            self.enter_term(term);
        }
        self.note_contact(from);
        match body {
            Body::PreVoteRequest { term, last } => self.on_pre_vote_request(from, term, last),
            Body::PreVoteReply { term, reply } => self.on_pre_vote_reply(from, term, reply),
            Body::VoteRequest { last, campaign: _ } => self.on_vote_request(from, last),
            Body::VoteReply(VoteReply::Granted) => self.on_vote(from),
            Body::VoteReply(VoteReply::Denied) | Body::Deposed => {}
            Body::Append { prev, entries, commit } => {
                return self.on_append(from, prev, entries, commit);
            }
            Body::AppendReply(reply) => self.on_append_reply(from, reply),
            Body::Heartbeat { commit, round } => self.on_heartbeat(from, commit, round),
            Body::HeartbeatReply { round } => self.on_heartbeat_reply(from, round),
            Body::TimeoutNow => self.on_timeout_now(),
            Body::SnapshotChunk { last, membership, offset, total, data } => {
                let meta = SnapshotMeta { last, membership };
                self.on_snapshot_chunk(from, meta, &Piece { offset, total, data });
            }
            Body::SnapshotReply { last, received } => self.on_snapshot_reply(from, last, received),
        }
        Ok(())
    }

    /// Tells a candidate or leader of an earlier term that its time is over.
    fn answer_from_the_past(&mut self, from: NodeId, body: &Body) {
        match body {
            Body::VoteRequest { .. } => self.send(from, Body::VoteReply(VoteReply::Denied)),
            &Body::PreVoteRequest { term, .. } => {
                self.send(from, Body::PreVoteReply { term, reply: VoteReply::Denied });
            }
            Body::Append { .. } | Body::Heartbeat { .. } | Body::SnapshotChunk { .. } => {
                self.send(from, Body::Deposed);
            }
            &Body::AppendReply(reply) if self.config.bug == Some(Bug::CountStaleAcks) => {
                self.on_append_reply(from, reply);
            }
            Body::PreVoteReply { .. }
            | Body::TimeoutNow
            | Body::SnapshotReply { .. }
            | Body::VoteReply(_)
            | Body::AppendReply(_)
            | Body::HeartbeatReply { .. }
            | Body::Deposed => {}
        }
    }

    /// Enters a later term as a follower that has not voted in it.
    fn enter_term(&mut self, term: Term) {
        self.term = term;
        self.vote = None;
        if self.config.bug == Some(Bug::NoStepDown) && self.role() == Role::Leader {
            return;
        }
        self.leader = None;
        if self.role() != Role::Follower {
            self.become_follower();
        }
    }

    /// Gives up candidacy or leadership, and with it the reads that wait.
    pub(super) fn become_follower(&mut self) {
        let role = std::mem::replace(&mut self.role, RoleState::Follower);
        if let RoleState::Leader(leadership) = role {
            // Its own voice does not count any more.
            self.silence_ticks = self.config.election_ticks;
            self.reads_refused.extend(leadership.into_waiting_reads());
        }
        self.restart_election_timer();
    }

    /// Returns how many nodes make a majority.
    pub(super) fn quorum(&self) -> usize {
        match self.config.bug {
            Some(Bug::MajorityOffByOne) => (self.membership().voters().count() / 2).max(1),
            _ => self.membership().quorum(),
        }
    }

    /// Returns how far entries may be applied.
    pub(super) fn applicable(&self) -> LogIndex {
        match (self.config.bug, &self.role) {
            (Some(Bug::AckBeforeCommit), RoleState::Leader(_)) => {
                self.commit.max(self.log.stable())
            }
            _ => self.commit,
        }
    }

    pub(super) fn send(&mut self, to: NodeId, body: Body) {
        self.outbox.push(Message { from: self.config.id, to, term: self.term, body });
    }
}
