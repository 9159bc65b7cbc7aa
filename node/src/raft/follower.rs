//! How a follower keeps its log equal to the leader's.
//!
//! Source: Ongaro 2014, 3.5; for entries behind a snapshot, 5.1.

use super::core::{Raft, Role};
use super::message::{AppendReply, Body, Message};
use super::types::{Entry, LogIndex, NodeId, Position};
use crate::bugs::Bug;

/// The error for a leader that contradicts what is committed.
#[derive(Debug, thiserror::Error)]
#[error(
    "follow {leader}: its entry {offered} contradicts the committed entry {held}; some \
     node lost what it had acknowledged"
)]
pub struct CommittedConflict {
    /// Who sent the entry.
    pub leader: NodeId,
    /// The committed entry of this node.
    pub held: Position,
    /// The entry that was to replace it.
    pub offered: Position,
}

impl Raft {
    /// Takes over entries of the leader of the current term.
    pub(super) fn on_append(
        &mut self,
        from: NodeId,
        prev: Position,
        entries: Vec<Entry>,
        commit: LogIndex,
    ) -> Result<(), CommittedConflict> {
        if !self.follow(from) {
            return Ok(());
        }
        let (prev, entries) = self.skip_compacted(from, prev, entries)?;
        if !self.agrees_at(prev) {
            let hint = self.log.hint(prev.index);
            let refused = AppendReply::Refused { prev: prev.index, hint };
            self.send(from, Body::AppendReply(refused));
            return Ok(());
        }
        let matched = entries.last().map_or(prev.index, |entry| entry.position.index);
        self.merge(from, entries)?;
        if self.config.bug == Some(Bug::TruncateOnStaleAppend) {
            self.cut_from(matched.next());
        }
        self.learn_commit(commit.min(matched));
        self.send(from, Body::AppendReply(AppendReply::Accepted { matched }));
        if self.config.bug == Some(Bug::CountStaleAcks) {
            self.remember_ack(from, matched);
        }
        Ok(())
    }

    /// Agrees that the sender leads.
    pub(super) fn on_heartbeat(&mut self, from: NodeId, commit: LogIndex, round: u64) {
        if self.follow(from) {
            // The leader never names more than it knows this node to hold.
            self.learn_commit(commit.min(self.log.last().index));
            self.send(from, Body::HeartbeatReply { round });
            if self.config.bug == Some(Bug::CountStaleAcks) {
                self.repeat_old_ack(from);
            }
        }
    }

    /// Keeps what was acknowledged, if it is the furthest so far.
    fn remember_ack(&mut self, leader: NodeId, matched: LogIndex) {
        let ack = self.furthest_acks.entry(leader).or_insert((self.term, matched));
        if ack.1 <= matched {
            *ack = (self.term, matched);
        }
    }

    /// Sends again what was acknowledged to this leader in an earlier term, as a network
    /// may that delivers twice and late; by the rules it does nothing.
    fn repeat_old_ack(&mut self, leader: NodeId) {
        if let Some(&(term, matched)) = self.furthest_acks.get(&leader)
            && term < self.term
            && matched > self.commit
        {
            let body = Body::AppendReply(AppendReply::Accepted { matched });
            self.outbox.push(Message { from: self.config.id, to: leader, term, body });
        }
    }

    /// Follows the leader of the current term; a candidate gives up.
    ///
    /// Returns whether the node follows: it does not if it leads this term
    /// itself, which only happens if votes were forgotten.
    pub(super) fn follow(&mut self, leader: NodeId) -> bool {
        match self.role() {
            Role::Leader => return false,
            Role::PreCandidate | Role::Candidate => self.become_follower(),
            Role::Follower => self.restart_election_timer(),
        }
        self.silence_ticks = 0;
        self.leader = Some(leader);
        true
    }

    /// Leaves out the entries a snapshot stands for: they were committed, so the
    /// leader's are the same.
    fn skip_compacted(
        &self,
        leader: NodeId,
        prev: Position,
        mut entries: Vec<Entry>,
    ) -> Result<(Position, Vec<Entry>), CommittedConflict> {
        let held = self.log.base();
        if prev.index >= held.index {
            return Ok((prev, entries));
        }
        let rest = entries.partition_point(|entry| entry.position.index <= held.index);
        let rest = entries.split_off(rest);
        match entries.last().map(|entry| entry.position) {
            Some(offered)
                if offered.index == held.index && offered != held && self.config.bug.is_none() =>
            {
                Err(CommittedConflict { leader, held, offered })
            }
            _ => Ok((held, rest)),
        }
    }

    /// Returns whether the logs are known to agree up to `prev`.
    fn agrees_at(&self, prev: Position) -> bool {
        match self.config.bug {
            Some(Bug::IgnorePrevTerm) => self.log.term_at(prev.index).is_some(),
            _ => self.log.term_at(prev.index) == Some(prev.term),
        }
    }

    /// Adds what is new in `entries`, which continue the log somewhere.
    ///
    /// Entries are removed only where they contradict the leader's. An append
    /// that was overtaken by a later one must not remove what that one brought.
    fn merge(&mut self, leader: NodeId, entries: Vec<Entry>) -> Result<(), CommittedConflict> {
        let known = entries
            .iter()
            .take_while(|entry| {
                let Position { term, index } = entry.position;
                match (self.log.term_at(index), self.config.bug) {
                    (held, Some(Bug::NoConflictTruncation)) => held.is_some(),
                    (held, _) => held == Some(term),
                }
            })
            .count();
        if let Some(offered) = entries.get(known).map(|entry| entry.position)
            && let Some(held) = self.log.position_at(offered.index)
        {
            if held.index <= self.commit && self.config.bug.is_none() {
                return Err(CommittedConflict { leader, held, offered });
            }
            self.cut_from(held.index);
        }
        self.memberships.note(&entries[known..]);
        self.log.extend(entries.into_iter().skip(known));
        Ok(())
    }

    /// Removes the entries from `index` on, which a node without a bug does only
    /// with entries that are not committed.
    fn cut_from(&mut self, index: LogIndex) {
        self.log.truncate_from(index);
        self.memberships.truncate_from(index);
        self.commit = self.commit.min(index.previous());
    }
}
