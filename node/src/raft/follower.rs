//! How a follower keeps its log equal to the leader's.
//!
//! Source: Ongaro 2014, 3.5.

use super::core::{ApplyFrom, Raft, Role};
use super::message::{AppendReply, Body};
use super::types::{Entry, LogIndex, NodeId, Position};

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
        if self.log.term_at(prev.index) != Some(prev.term) {
            let hint = self.log.hint(prev.index);
            let refused = AppendReply::Refused { prev: prev.index, hint };
            self.send(from, Body::AppendReply(refused));
            return Ok(());
        }
        let matched = entries.last().map_or(prev.index, |entry| entry.position.index);
        self.merge(from, entries)?;
        self.commit = self.commit.max(commit.min(matched));
        self.send(from, Body::AppendReply(AppendReply::Accepted { matched }));
        Ok(())
    }

    /// Agrees that the sender leads.
    pub(super) fn on_heartbeat(&mut self, from: NodeId, commit: LogIndex, round: u64) {
        if self.follow(from) {
            // The leader never names more than it knows this node to hold.
            self.commit = self.commit.max(commit.min(self.log.last().index));
            self.send(from, Body::HeartbeatReply { round });
        }
    }

    /// Follows the leader of the current term; a candidate gives up.
    ///
    /// Returns whether the node follows: it does not if it leads this term
    /// itself, which only happens if votes were forgotten.
    fn follow(&mut self, leader: NodeId) -> bool {
        match self.role() {
            Role::Leader => return false,
            Role::PreCandidate | Role::Candidate => self.become_follower(),
            Role::Follower => self.restart_election_timer(),
        }
        self.silence_ticks = 0;
        self.leader = Some(leader);
        true
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
                self.log.term_at(index) == Some(term)
            })
            .count();
        if let Some(offered) = entries.get(known).map(|entry| entry.position)
            && let Some(held) = self.log.position_at(offered.index)
        {
            if held.index <= self.commit && self.config.bug.is_none() {
                return Err(CommittedConflict { leader, held, offered });
            }
            self.log.truncate_from(held.index);
            self.memberships.truncate_from(held.index);
            self.forget_applied_from(held.index);
        }
        self.memberships.note(&entries[known..]);
        self.log.extend(entries.into_iter().skip(known));
        Ok(())
    }

    /// Starts the state machine anew if it has seen what was removed.
    ///
    /// Never needed by a node that applies only what is committed.
    fn forget_applied_from(&mut self, index: LogIndex) {
        self.commit = self.commit.min(index.previous());
        if self.applied >= index {
            self.applied = LogIndex::ZERO;
            self.apply_afresh = ApplyFrom::Start;
        }
    }
}
