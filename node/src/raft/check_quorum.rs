//! How a leader notices that it can no longer lead.
//!
//! A leader that is cut off from the majority can commit nothing, and those who
//! ask it wait in vain. It counts the ticks since it heard from each follower
//! and steps down, within its term, once no majority is left that was heard
//! within an election timeout.
//! Source: Ongaro 2014, 6.2.

use std::collections::BTreeMap;

use super::core::{Elections, Raft, RoleState};
use super::types::NodeId;
use crate::bugs::Bug;

/// For how many ticks a leader has not heard from each follower.
#[derive(Default)]
pub(super) struct Contact(BTreeMap<NodeId, u32>);

impl Contact {
    /// Notes that something of the current term came from `from`.
    pub(super) fn heard(&mut self, from: NodeId) {
        self.0.insert(from, 0);
    }

    /// Returns whether the node was heard within the last `ticks` ticks.
    pub(super) fn is_within(&self, id: NodeId, ticks: u32) -> bool {
        self.0.get(&id).is_some_and(|&silent| silent < ticks)
    }

    fn tick(&mut self) {
        for silent in self.0.values_mut() {
            *silent = silent.saturating_add(1);
        }
    }
}

impl Raft {
    /// Beats when it is time, and steps down when nobody listens any more.
    pub(super) fn tick_as_leader(&mut self) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        leadership.contact.tick();
        self.tick_handover();
        if self.has_lost_quorum() {
            self.leader = None;
            self.become_follower();
        } else if self.ticks >= self.config.heartbeat_ticks {
            self.ticks = 0;
            self.beat();
        }
    }

    /// Notes that a message of the current term came from `from`.
    pub(super) fn note_contact(&mut self, from: NodeId) {
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.contact.heard(from);
        }
    }

    /// Returns whether no majority was heard within an election timeout.
    pub(super) fn has_lost_quorum(&self) -> bool {
        let RoleState::Leader(leadership) = &self.role else { return false };
        let patience_ticks = match (self.config.elections, self.config.bug) {
            (Elections::Plain, _) | (_, Some(Bug::NoStepDown)) => return false,
            // A leader that steps down by itself has hardly any time to serve from
            // the past; the bug is to be seen.
            (_, Some(Bug::StaleRead)) => return false,
            (_, Some(Bug::TwoLeadersLease)) => 4 * self.config.election_ticks,
            (Elections::Guarded, _) => self.config.election_ticks,
        };
        let in_touch = self
            .membership()
            .voters()
            .filter(|&id| id == self.config.id || leadership.contact.is_within(id, patience_ticks));
        in_touch.count() < self.quorum()
    }
}
