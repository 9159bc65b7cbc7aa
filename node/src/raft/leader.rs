//! How a leader gets its log to the followers, and learns what is committed.
//!
//! Source: Ongaro 2014, 3.5 (replication), 3.6.2 (commitment), 6.4 (reads).

use std::collections::{BTreeMap, BTreeSet};

use super::check_quorum::Contact;
use super::core::{Raft, RoleState};
use super::message::{AppendReply, Body, Hint};
use super::progress::Progress;
use super::reads::{ReadId, ReadReady, Reads};
use super::types::{LogIndex, NodeId, Payload, Position};
use crate::bugs::Bug;

/// What a node knows only while it leads.
pub(super) struct Leadership {
    /// The entry with which the term began.
    pub(super) first: LogIndex,
    pub(super) followers: BTreeMap<NodeId, Progress>,
    pub(super) contact: Contact,
    pub(super) reads: Reads,
}

impl Leadership {
    /// Returns up to where the log of each follower is known to agree.
    pub(super) fn matched(&self) -> impl Iterator<Item = (NodeId, LogIndex)> {
        self.followers.iter().map(|(&id, progress)| (id, progress.matched()))
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

impl Raft {
    /// Appends a command to the log.
    ///
    /// It takes effect if and only if [`Ready::apply`] brings the entry at the
    /// position returned. If it brings an entry of another term at that index,
    /// the command never takes effect.
    ///
    /// # Errors
    /// The node does not lead.
    ///
    /// [`Ready::apply`]: super::Ready::apply
    pub fn propose(&mut self, command: Vec<u8>) -> Result<Position, NotLeader> {
        match self.role {
            RoleState::Leader(_) => Ok(self.log.push(self.term, Payload::Command(command))),
            _ => Err(NotLeader { leader: self.leader }),
        }
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
        let next = self.log.last().index.next();
        let mut leadership = Leadership {
            first: next,
            followers: BTreeMap::new(),
            contact: Contact::default(),
            reads: Reads::default(),
        };
        for peer in self.peers() {
            leadership.followers.insert(peer, Progress::new(next));
            // Those who did not vote get time to make themselves heard.
            leadership.contact.heard(peer);
        }
        self.role = RoleState::Leader(leadership);
        self.leader = Some(self.config.id);
        self.ticks = 0;
        self.log.push(self.term, Payload::Noop);
    }

    /// Says to everyone that this node leads.
    pub(super) fn beat(&mut self) {
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.followers.values_mut().for_each(Progress::beat);
        }
        self.broadcast_heartbeat();
    }

    fn broadcast_heartbeat(&mut self) {
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

    /// Sends entries to every follower that can take some.
    pub(super) fn replicate(&mut self) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let last = self.log.last().index;
        let mut appends = Vec::new();
        for (&id, progress) in &mut leadership.followers {
            while progress.wants_append(last) {
                let next = progress.next();
                let entries = self.log.batch(next, self.config.append_bytes_max);
                let prev = self
                    .log
                    .position_at(next.previous())
                    .expect("a follower is never sent more than one entry past the log");
                progress.sent(entries.last().map_or(last, |entry| entry.position.index));
                appends.push((id, Body::Append { prev, entries, commit: self.commit }));
            }
        }
        for (id, append) in appends {
            self.send(id, append);
        }
    }

    /// Learns how an append went.
    pub(super) fn on_append_reply(&mut self, from: NodeId, reply: AppendReply) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Some(progress) = leadership.followers.get_mut(&from) else { return };
        match reply {
            AppendReply::Accepted { matched } => {
                progress.accepted(matched);
                self.advance_commit();
            }
            AppendReply::Refused { prev, hint } => {
                let retry = match hint {
                    Hint::Short(first_missing) => first_missing,
                    Hint::Conflict { term, first } => {
                        // If this log has entries of that term too, the logs may
                        // agree up to the last of them; if not, before the term.
                        let last = self.log.last_up_to_term(term);
                        match self.log.term_at(last) {
                            Some(held) if held == term => last.next(),
                            _ => first,
                        }
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
            progress.reachable();
            leadership.reads.confirm(from, round);
            self.finish_read_round();
        }
    }

    /// Commits what a majority holds on disk, if it is of the current term.
    ///
    /// Entries of earlier terms are never committed by counting: a majority may
    /// hold one and a later leader still replace it. They follow with the first
    /// entry of this term (Ongaro 2014, 3.6.2 and figure 3.7).
    pub(super) fn advance_commit(&mut self) {
        let RoleState::Leader(leadership) = &self.role else { return };
        let held_by = |id| match leadership.followers.get(&id) {
            Some(progress) => progress.matched(),
            None => self.log.stable(),
        };
        let mut held: Vec<_> = self.membership().voters().map(held_by).collect();
        held.sort_unstable();
        let by_majority = held[held.len() - self.quorum()];
        if by_majority > self.commit && self.log.term_at(by_majority) == Some(self.term) {
            self.commit = by_majority;
        }
    }

    /// Asks the followers to confirm the queued reads.
    ///
    /// Not before an entry of this term is committed: until then the leader does
    /// not know what its predecessors committed.
    pub(super) fn begin_read_round(&mut self) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let knows_commit =
            self.commit >= leadership.first || self.config.bug == Some(Bug::ReadIndexWithoutNoop);
        if knows_commit && leadership.reads.is_round_due() {
            leadership.reads.begin_round(self.commit, self.config.id);
            self.broadcast_heartbeat();
            self.finish_read_round();
        }
    }

    fn finish_read_round(&mut self) {
        let (quorum, membership) = (self.quorum(), self.memberships.newest());
        if let RoleState::Leader(leadership) = &mut self.role {
            let confirmed = |by: &BTreeSet<_>| membership.count_voters(by) >= quorum;
            self.reads_ready.extend(leadership.reads.finish_round(confirmed));
        }
    }
}
