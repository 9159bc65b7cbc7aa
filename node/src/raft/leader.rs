//! How a leader gets its log to the followers, and learns what is committed.
//!
//! Source: Ongaro 2014, 3.5 (replication), 3.6.2 (commitment), 6.4 (reads).

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use super::check_quorum::Contact;
use super::core::{Raft, RoleState};
use super::lease::Lease;
use super::log::BatchLimit;
use super::message::{AppendReply, Body, Hint};
use super::progress::Progress;
use super::reads::{ReadId, ReadReady, Reads};
use super::ready::ChunkOrder;
use super::transfer::Handover;
use super::types::{LogIndex, NodeId, Payload, Position};
use crate::bugs::Bug;

/// How often, in beats, [`Bug::TruncateOnStaleAppend`] has appends repeated.
const REPEATED_APPENDS: f64 = 0.05;

/// The longest that a leader with [`Bug::CommitOldTerm`] waits for all to hold what it
/// found before it sends what is its own, in beats.
const HELD_BACK_BEATS: u32 = 60;

/// What a node knows only while it leads.
pub(super) struct Leadership {
    /// The entry with which the term began.
    pub(super) first: LogIndex,
    pub(super) followers: BTreeMap<NodeId, Progress>,
    pub(super) contact: Contact,
    pub(super) reads: Reads,
    /// What the entries not yet committed cost.
    uncommitted_bytes: usize,
    pub(super) lease: Lease,
    pub(super) handover: Handover,
    /// For the planted bug `commit-old-term`: how long this node leads.
    beats: u32,
}

impl Leadership {
    /// Returns up to where the log of each follower is known to agree.
    pub(super) fn matched(&self) -> impl Iterator<Item = (NodeId, LogIndex)> {
        self.followers.iter().map(|(&id, progress)| (id, progress.matched()))
    }

    /// Returns whether a follower that answers is being sent a snapshot.
    pub(super) fn sends_snapshot(&self) -> bool {
        self.followers.values().any(Progress::takes_snapshot)
    }

    /// Returns whether a piece that was ordered is still wanted.
    pub(super) fn awaits_chunk(&self, order: &ChunkOrder) -> bool {
        let progress = self.followers.get(&order.to);
        progress.is_some_and(|progress| progress.awaits_piece(order.last, order.offset))
    }

    /// Learns how much of a snapshot a follower holds.
    pub(super) fn snapshot_received(&mut self, from: NodeId, last: Position, received: u64) {
        if let Some(progress) = self.followers.get_mut(&from) {
            progress.received(last, received);
        }
    }

    /// Gives up the reads that wait.
    pub(super) fn into_waiting_reads(self) -> Vec<ReadId> {
        self.reads.into_waiting()
    }
}

/// The refusal of a node that does not lead; nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("add to the log or read: this node does not lead")]
pub struct NotLeader {
    /// Who leads, if the node knows.
    pub leader: Option<NodeId>,
}

/// The refusal of a command; it will never take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposeRefused {
    /// Another node has to be asked.
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    /// Too much waits to be committed already, because a majority does not answer
    /// or not as fast as commands come.
    #[error("add to the log: {uncommitted_bytes} bytes before it are not committed yet")]
    Full {
        /// How much waits.
        uncommitted_bytes: usize,
    },
    /// The lead is being handed over; the next leader has to be asked.
    #[error("add to the log: the lead is being handed to {0}")]
    HandingOver(NodeId),
}

impl Raft {
    /// Appends a command to the log.
    ///
    /// It takes effect if and only if [`Ready::apply`] brings the entry at the
    /// position returned. If it brings an entry of another term at that index,
    /// the command never takes effect.
    ///
    /// # Errors
    /// The node does not lead or is handing over, or as much as it takes on waits to
    /// be committed ([`Config::uncommitted_bytes_max`]). The command was not added.
    ///
    /// [`Ready::apply`]: super::Ready::apply
    /// [`Config::uncommitted_bytes_max`]: super::Config::uncommitted_bytes_max
    pub fn propose(&mut self, command: Vec<u8>) -> Result<Position, ProposeRefused> {
        let RoleState::Leader(leadership) = &self.role else {
            return Err(NotLeader { leader: self.leader }.into());
        };
        if let Some(successor) = leadership.handover.successor() {
            return Err(ProposeRefused::HandingOver(successor));
        }
        let uncommitted_bytes = leadership.uncommitted_bytes;
        if uncommitted_bytes >= self.config.uncommitted_bytes_max {
            return Err(ProposeRefused::Full { uncommitted_bytes });
        }
        Ok(self.add_entry(Payload::Command(command)))
    }

    /// Adds an entry of the current term to the log this node leads.
    pub(super) fn add_entry(&mut self, payload: Payload) -> Position {
        let position = self.log.push(self.term, payload);
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.uncommitted_bytes += self.log.bytes(position.index, position.index);
        }
        position
    }

    /// Queues a read, to be answered from the state machine once
    /// [`Ready::reads`] brings it back.
    ///
    /// # Errors
    /// The node does not lead.
    ///
    /// [`Ready::reads`]: super::Ready::reads
    pub fn read(&mut self, id: ReadId) -> Result<(), NotLeader> {
        match (&mut self.role, self.config.bug) {
            (RoleState::Leader(_), Some(Bug::StaleRead)) => {
                self.reads_ready.push(ReadReady { id, index: self.applied });
                Ok(())
            }
            (_, Some(Bug::FollowerRead)) => {
                self.reads_ready.push(ReadReady { id, index: self.applied });
                Ok(())
            }
            (RoleState::Leader(leadership), _) => {
                leadership.reads.queue(id);
                Ok(())
            }
            _ => Err(NotLeader { leader: self.leader }),
        }
    }

    /// Takes the lead: the term begins with an entry that does nothing, which
    /// tells the followers who leads and in the end what is committed.
    pub(super) fn become_leader(&mut self) {
        let found = self.log.last().index;
        let (first, next) = match self.config.bug {
            // Without an entry of its own it has to offer the last it found.
            Some(Bug::CommitOldTerm) => (found, found.max(self.log.base().index.next())),
            _ => (found.next(), found.next()),
        };
        let mut leadership = Leadership {
            first,
            followers: BTreeMap::new(),
            contact: Contact::default(),
            reads: Reads::default(),
            uncommitted_bytes: self.log.bytes(self.commit.next(), found),
            lease: Lease::default(),
            handover: Handover::default(),
            beats: 0,
        };
        for peer in self.peers() {
            leadership.followers.insert(peer, Progress::new(next));
            // Those who did not vote get time to make themselves heard.
            leadership.contact.heard(peer);
        }
        self.role = RoleState::Leader(leadership);
        self.leader = Some(self.config.id);
        self.ticks = 0;
        self.gathering = None;
        if first > found {
            self.add_entry(Payload::Noop);
        }
    }

    /// Says to everyone that this node leads.
    pub(super) fn beat(&mut self) {
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.followers.values_mut().for_each(Progress::beat);
            leadership.beats = leadership.beats.saturating_add(1);
        }
        self.repeat_question();
        self.broadcast_heartbeat();
        if self.config.bug == Some(Bug::TruncateOnStaleAppend) {
            self.repeat_some_appends();
        }
    }

    /// Sends followers once in a while again what they have acknowledged last, which
    /// by the rules does nothing.
    fn repeat_some_appends(&mut self) {
        let RoleState::Leader(leadership) = &self.role else { return };
        let mut repeated = Vec::new();
        for (&to, progress) in &leadership.followers {
            let matched = progress.matched();
            let prev = self.log.position_at(matched.previous());
            if let Some(prev) = prev.filter(|prev| prev.index < matched)
                && self.rng.random_bool(REPEATED_APPENDS)
            {
                let entries = self.log.range(matched, matched);
                repeated.push((to, Body::Append { prev, entries, commit: self.commit }));
            }
        }
        for (to, append) in repeated {
            self.send(to, append);
        }
    }

    pub(super) fn broadcast_heartbeat(&mut self) {
        self.number_heartbeats();
        if let RoleState::Leader(leadership) = &self.role {
            let round = leadership.reads.number();
            let commit = self.commit;
            let beats: Vec<_> = leadership
                .followers
                .iter()
                .map(|(&id, progress)| (id, progress.matched().min(commit)))
                .collect();
            for (id, commit) in beats {
                self.send(id, Body::Heartbeat { commit, round });
            }
        }
    }

    /// Sends entries to every follower that can take some, and orders pieces of the
    /// snapshot for those that need what is gone.
    pub(super) fn replicate(&mut self) {
        let last = self.last_to_send();
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let base = self.log.base().index;
        let limit = BatchLimit {
            bytes: self.config.append_bytes_max,
            entries: self.config.append_entries_max,
        };
        let mut appends = Vec::new();
        for (&to, progress) in &mut leadership.followers {
            progress.choose_phase(base, self.snapshot.last);
            if let Some(offset) = progress.take_due_piece() {
                self.chunk_orders.push(ChunkOrder { to, last: self.snapshot.last, offset });
            }
            while progress.wants_append(last) {
                let next = progress.next();
                let entries = self.log.batch(next, last, limit);
                let prev = self
                    .log
                    .position_at(next.previous())
                    .expect("a follower that needs what is gone is sent the snapshot");
                progress.sent(entries.last().map_or(last, |entry| entry.position.index));
                appends.push((to, Body::Append { prev, entries, commit: self.commit }));
            }
        }
        for (to, append) in appends {
            self.send(to, append);
        }
    }

    /// Returns how far the log is to be sent.
    fn last_to_send(&self) -> LogIndex {
        match (&self.role, self.config.bug) {
            // Any pace is allowed; at this one, what is committed by counting alone
            // stays so for a while, and what a leader takes in while it is cut off from
            // somebody reaches nobody.
            (RoleState::Leader(leadership), Some(Bug::CommitOldTerm))
                if self.holds_back(leadership) =>
            {
                leadership.first
            }
            _ => self.log.last().index,
        }
    }

    /// Returns whether somebody still lacks what this leader found in its log, and there
    /// is time to wait for that.
    fn holds_back(&self, leadership: &Leadership) -> bool {
        self.commit < leadership.first
            || leadership.first > self.log.base().index
                && leadership.beats < HELD_BACK_BEATS
                && leadership.matched().any(|(_, matched)| matched < leadership.first)
    }

    /// Learns how an append went.
    pub(super) fn on_append_reply(&mut self, from: NodeId, reply: AppendReply) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Some(progress) = leadership.followers.get_mut(&from) else { return };
        match reply {
            AppendReply::Accepted { matched } => {
                progress.accepted(match self.config.bug {
                    // Taken at its word, also about entries that are yet to come.
                    Some(Bug::CountStaleAcks) => matched,
                    // Nobody agrees beyond the log, unless a bug has cut it short.
                    _ => matched.min(self.log.last().index),
                });
                self.advance_commit();
            }
            AppendReply::Refused { prev, hint } => {
                let retry = match hint {
                    Hint::Short(first_missing) => first_missing,
                    Hint::Conflict { term, first } => {
                        // If this log has entries of that term too, the logs may
                        // agree up to the last of them; if not, before the term.
                        let last = self.log.last_up_to_term(term);
                        let retry = match self.log.term_at(last) {
                            Some(held) if held == term => last.next(),
                            _ => first,
                        };
                        // As long as there is hope, do not send the snapshot.
                        retry.max(self.log.base().index.next())
                    }
                };
                progress.refused(prev, retry);
            }
        }
    }

    /// Learns that a follower still follows.
    pub(super) fn on_heartbeat_reply(&mut self, from: NodeId, round: u64) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        if let Some(progress) = leadership.followers.get_mut(&from) {
            let lost = progress.reachable();
            if lost && self.config.bug == Some(Bug::IgnorePrevTerm) {
                // Any place to go on from is as good: a follower that lacks what is
                // before it says so.
                progress.probe_at(self.log.last().index);
            }
            leadership.reads.confirm(from, round);
            self.note_promise(from, round);
            self.finish_read_round();
        }
    }

    /// Commits what a majority holds on disk, if it is of the current term.
    ///
    /// Entries of earlier terms are never committed by counting: a majority may
    /// hold one and a later leader still replace it. They follow with the first
    /// entry of this term (Ongaro 2014, 3.6.2 and figure 3.7).
    pub(super) fn advance_commit(&mut self) {
        let quorum = self.quorum();
        let own = match self.config.bug {
            Some(Bug::ApplyBeforePersist) => self.log.last().index,
            _ => self.log.stable(),
        };
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let held_by = |id| leadership.followers.get(&id).map_or(own, Progress::matched);
        let mut held: Vec<_> = self.memberships.newest().voters().map(held_by).collect();
        held.sort_unstable();
        let by_majority = held[held.len() - quorum].min(self.log.last().index);
        let countable = self.log.term_at(by_majority) == Some(self.term)
            || self.config.bug == Some(Bug::CommitOldTerm);
        if by_majority > self.commit && countable {
            let committed_bytes = self.log.bytes(self.commit.next(), by_majority);
            leadership.uncommitted_bytes =
                leadership.uncommitted_bytes.saturating_sub(committed_bytes);
            self.commit = by_majority;
        }
    }

    /// Asks the followers to confirm the queued reads.
    ///
    /// Not before an entry of this term is committed: until then the leader does
    /// not know what its predecessors committed. With a lease nobody needs to be
    /// asked.
    pub(super) fn begin_read_round(&mut self) {
        let holds_lease = self.holds_lease();
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let knows_commit =
            self.commit >= leadership.first || self.config.bug == Some(Bug::ReadIndexWithoutNoop);
        if knows_commit && holds_lease {
            self.reads_ready.extend(leadership.reads.take_queued(self.commit));
        } else if knows_commit && leadership.reads.is_round_due() {
            leadership.reads.begin_round(self.commit, self.config.id);
            self.broadcast_heartbeat();
            self.finish_read_round();
        }
    }

    /// Ends the round of reads under way, if enough voters stand behind it.
    pub(super) fn finish_read_round(&mut self) {
        let (quorum, membership) = (self.quorum(), self.memberships.newest());
        if let RoleState::Leader(leadership) = &mut self.role {
            let confirmed = |by: &BTreeSet<_>| membership.count_voters(by) >= quorum;
            self.reads_ready.extend(leadership.reads.finish_round(confirmed));
        }
    }
}
