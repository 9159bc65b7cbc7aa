//! How a leader hands over, because it is asked to or because it was removed.
//!
//! The leader takes no more commands, brings the log of its successor up to its
//! own end and asks it to stand for election at once. Voters listen to that
//! candidate although they hear a leader. If nothing has come of it after an
//! election timeout, the leader goes on as before.
//! Source: Ongaro 2014, 3.10; for a leader that was removed, 4.2.2.

use super::core::{Raft, Role, RoleState};
use super::leader::{Leadership, NotLeader};
use super::message::{Body, Campaign};
use super::progress::Progress;
use super::types::NodeId;

/// The refusal to hand over; nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferRefused {
    /// The node has no lead to hand over.
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    /// The node that is to take over leads already.
    #[error("hand over the lead: {0} leads already")]
    Leads(NodeId),
    /// Only a voter can take over.
    #[error("hand over the lead: {0} is not a voter of the cluster")]
    NotVoter(NodeId),
    /// One handover at a time.
    #[error("hand over the lead: it is being handed to {0} already")]
    UnderWay(NodeId),
}

/// Whether a leader hands over.
#[derive(Default)]
pub(super) struct Handover {
    successor: Option<Successor>,
    /// Whether some node was asked in this term to take over.
    asked: Asked,
}

struct Successor {
    id: NodeId,
    /// Ticks since the handover began.
    ticks: u32,
    asked: Asked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    NotYet,
    Asked,
}

impl Handover {
    /// Returns whether followers may listen to another candidate at any time.
    pub(super) fn voids_leases(&self) -> bool {
        self.successor.is_some() || self.asked == Asked::Asked
    }

    /// Returns who is to take over.
    pub(super) fn successor(&self) -> Option<NodeId> {
        self.successor.as_ref().map(|successor| successor.id)
    }
}

impl Raft {
    /// Begins to hand the lead over to another voter.
    ///
    /// It has succeeded once this node follows, and failed if it still leads
    /// after an election timeout; meanwhile [`Raft::propose`] refuses.
    ///
    /// # Errors
    /// Why it cannot begin; nothing has changed.
    pub fn transfer(&mut self, to: NodeId) -> Result<(), TransferRefused> {
        let leader = self.leader;
        let is_voter = self.membership().is_voter(to);
        let RoleState::Leader(leadership) = &mut self.role else {
            return Err(NotLeader { leader }.into());
        };
        if to == self.config.id {
            return Err(TransferRefused::Leads(to));
        }
        if !is_voter {
            return Err(TransferRefused::NotVoter(to));
        }
        if let Some(successor) = leadership.handover.successor() {
            return Err(TransferRefused::UnderWay(successor));
        }
        let successor = Successor { id: to, ticks: 0, asked: Asked::NotYet };
        leadership.handover.successor = Some(successor);
        Ok(())
    }

    /// Returns to whom the lead is being handed over.
    pub fn successor(&self) -> Option<NodeId> {
        match &self.role {
            RoleState::Leader(leadership) => leadership.handover.successor(),
            _ => None,
        }
    }

    /// Gives a handover up that has taken an election timeout.
    pub(super) fn tick_handover(&mut self) {
        let patience_ticks = self.config.election_ticks;
        if let RoleState::Leader(leadership) = &mut self.role
            && let Some(successor) = &mut leadership.handover.successor
        {
            successor.ticks += 1;
            if successor.ticks >= patience_ticks {
                leadership.handover.successor = None;
            }
        }
    }

    /// Asks the successor to take over as soon as it has the whole log; once more
    /// with each beat, for the question may be lost.
    pub(super) fn repeat_question(&mut self) {
        if let RoleState::Leader(leadership) = &mut self.role
            && let Some(successor) = &mut leadership.handover.successor
        {
            successor.asked = Asked::NotYet;
        }
    }

    /// Does what a leader that is about to go has to do by now.
    pub(super) fn see_to_succession(&mut self) {
        self.ask_successor();
        self.leave_if_removed();
    }

    fn ask_successor(&mut self) {
        let last = self.log.last().index;
        let RoleState::Leader(Leadership { handover, followers, .. }) = &mut self.role else {
            return;
        };
        let Some(successor) = &mut handover.successor else { return };
        let id = successor.id;
        let has_all = followers.get(&id).is_some_and(|progress| progress.matched() == last);
        if has_all && successor.asked == Asked::NotYet {
            successor.asked = Asked::Asked;
            handover.asked = Asked::Asked;
            self.send(id, Body::TimeoutNow);
        }
    }

    /// Steps down if this node's own removal is committed, and asks the voter with
    /// the longest log to take over, so that nobody has to wait for a timeout.
    fn leave_if_removed(&mut self) {
        let is_settled = self.memberships.newest_index() <= self.commit;
        if self.membership().is_voter(self.config.id) || !is_settled {
            return;
        }
        let RoleState::Leader(leadership) = &self.role else { return };
        let matched = |&id: &NodeId| leadership.followers.get(&id).map(Progress::matched);
        let successor = self.membership().voters().max_by_key(matched);
        self.broadcast_heartbeat();
        if let Some(successor) = successor {
            self.send(successor, Body::TimeoutNow);
        }
        self.leader = None;
        self.become_follower();
    }

    /// Stands for election at once, because the leader asks this node to.
    pub(super) fn on_timeout_now(&mut self) {
        let may_follow = matches!(self.role(), Role::Follower | Role::PreCandidate);
        if may_follow && self.membership().is_voter(self.config.id) {
            self.campaign(Campaign::Transfer);
        }
    }
}
