//! How members are added and removed.
//!
//! One member at a time: then any majority of the members before a change shares
//! a node with any majority of those after it, and nothing more is needed. So a
//! change has to wait until the one before is committed; and until the leader has
//! committed an entry of its own term, for only then is it settled whether there
//! is one before. A new node joins as a learner and is promoted once it has
//! (almost) all of the log, so that it never is what commitment waits for.
//!
//! A change holds from when it stands in the leader's log. A leader that removes
//! itself goes on until the entry is committed (`transfer`).
//! Source: Ongaro 2014, 4.1 to 4.2.2; for the leader's own entry, the correction
//! of 2015.

use super::core::{Raft, RoleState};
use super::leader::{Leadership, NotLeader};
use super::membership::{Member, Membership, Part};
use super::progress::Progress;
use super::types::{Entry, NodeId, Payload, Position};
use crate::bugs::Bug;

/// Entries that a learner may lack and be promoted; they reach it in a moment.
const PROMOTION_LAG_MAX: u64 = 1_000;

/// A change of the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds a node that receives the log and does not vote.
    AddLearner {
        /// Which node.
        id: NodeId,
        /// Where it is reached, as [`Member::address`].
        address: String,
    },
    /// Lets a learner vote.
    Promote(NodeId),
    /// Removes a member, be it a voter or a learner.
    Remove(NodeId),
}

/// The refusal of a change; it will never take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeRefused {
    /// Another node has to be asked.
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    /// The lead is being handed over.
    #[error("change the members: the lead is being handed to {0}")]
    HandingOver(NodeId),
    /// The change before is not committed.
    #[error("change the members: the change at {0} is not committed yet; try again")]
    UnderWay(Position),
    /// The leader does not know yet what its predecessors have left.
    #[error("change the members: the leader has committed nothing of its term yet; try again")]
    TermTooYoung,
    /// The node is there already.
    #[error("change the members: {0} is a member already")]
    Member(NodeId),
    /// The node is not there.
    #[error("change the members: {0} is not a member")]
    NotMember(NodeId),
    /// The node votes already.
    #[error("change the members: {0} is a voter already")]
    Voter(NodeId),
    /// Nobody would be left to vote.
    #[error("change the members: {0} is the only voter")]
    LastVoter(NodeId),
    /// The learner has not answered for an election timeout.
    #[error("change the members: the learner {0} does not answer")]
    Silent(NodeId),
    /// The learner would hold up commitment.
    #[error("change the members: the learner {id} still lacks {lacks} entries; try again")]
    TooFarBehind {
        /// Which learner.
        id: NodeId,
        /// How many entries it is not known to hold.
        lacks: u64,
    },
}

impl Raft {
    /// Appends a change of the members to the log.
    ///
    /// The members are as changed from now on. The change is settled if and only if
    /// [`Ready::apply`] brings the entry at the position returned; if it brings an
    /// entry of another term at that index, the change was undone.
    ///
    /// # Errors
    /// Why it may not be made; nothing has changed.
    ///
    /// [`Ready::apply`]: super::Ready::apply
    pub fn propose_membership(&mut self, change: Change) -> Result<Position, ChangeRefused> {
        let RoleState::Leader(leadership) = &self.role else {
            return Err(NotLeader { leader: self.leader }.into());
        };
        if let Some(successor) = leadership.handover.successor() {
            return Err(ChangeRefused::HandingOver(successor));
        }
        if self.config.bug != Some(Bug::MembershipTwoChanges) {
            self.check_settled(leadership)?;
        }
        let changed = self.changed_by(change, leadership)?;
        let payload = Payload::Membership(changed);
        let position = self.add_entry(payload.clone());
        self.memberships.note(&[Entry { position, payload }]);
        self.follow_membership();
        self.advance_commit();
        // The voter a round of reads waits for may be gone.
        self.finish_read_round();
        Ok(position)
    }

    /// Returns whether the members are settled, as far as this leader can know.
    fn check_settled(&self, leadership: &Leadership) -> Result<(), ChangeRefused> {
        if self.commit < leadership.first {
            return Err(ChangeRefused::TermTooYoung);
        }
        let newest = self.memberships.newest_index();
        match self.log.position_at(newest) {
            Some(position) if newest > self.commit => Err(ChangeRefused::UnderWay(position)),
            _ => Ok(()),
        }
    }

    /// Returns the members after a change.
    fn changed_by(
        &self,
        change: Change,
        leadership: &Leadership,
    ) -> Result<Membership, ChangeRefused> {
        let members = self.membership();
        match change {
            Change::AddLearner { id, .. } if members.contains(id) => Err(ChangeRefused::Member(id)),
            Change::AddLearner { id, address } => {
                Ok(members.with(id, Member { part: Part::Learner, address }))
            }
            Change::Promote(id) if members.is_voter(id) => Err(ChangeRefused::Voter(id)),
            Change::Promote(id) => {
                let member = members.get(id).ok_or(ChangeRefused::NotMember(id))?;
                self.check_caught_up(id, leadership)?;
                Ok(members.with(id, Member { part: Part::Voter, ..member.clone() }))
            }
            Change::Remove(id) if !members.contains(id) => Err(ChangeRefused::NotMember(id)),
            Change::Remove(id) if members.voters().eq([id]) => Err(ChangeRefused::LastVoter(id)),
            Change::Remove(id) => Ok(members.without(id)),
        }
    }

    fn check_caught_up(&self, id: NodeId, leadership: &Leadership) -> Result<(), ChangeRefused> {
        if !leadership.contact.is_within(id, self.config.election_ticks) {
            return Err(ChangeRefused::Silent(id));
        }
        let matched = leadership.followers.get(&id).map_or(0, |progress| progress.matched().0);
        let lacks = self.log.last().index.0.saturating_sub(matched);
        if lacks > PROMOTION_LAG_MAX {
            return Err(ChangeRefused::TooFarBehind { id, lacks });
        }
        Ok(())
    }

    /// Begins to send the log to members that are new, and stops for those that
    /// are gone.
    fn follow_membership(&mut self) {
        let peers = self.peers();
        // The entry that adds the node, so that it is sent something even if nothing
        // more is written: its refusal tells what it lacks.
        let next = self.log.last().index;
        let RoleState::Leader(leadership) = &mut self.role else { return };
        leadership.followers.retain(|id, _| peers.contains(id));
        for peer in peers {
            leadership.followers.entry(peer).or_insert_with(|| Progress::new(next));
        }
    }
}
