//! Reads that ask nobody, as long as a lease lasts.
//!
//! A follower that answers a heartbeat votes for nobody until it has heard no
//! leader for the shortest election timeout (`election`). If a majority has
//! answered heartbeats that left at some moment, nobody else can be elected
//! before that time has passed since, and the leader may answer reads by itself.
//!
//! The leader measures from when a heartbeat left, since it does not know when it
//! arrived, and on a clock that goes on while the process is stopped; followers
//! count ticks, which come no faster than the clock. A lease is shorter than the
//! election timeout by a tenth, which is how far the rates of two clocks may
//! differ, and by a tick, which is how exact a count of ticks is.
//!
//! A leader that has asked another node to take over has voided the promise: the
//! question may arrive late, and those who are asked for votes then do not wait.
//! It has no lease for the rest of its term.
//!
//! Source: Ongaro 2014, 6.4.1.

use std::collections::{BTreeMap, VecDeque};

use super::core::{Config, Elections, Raft, ReadMode, RoleState};
use super::types::NodeId;
use crate::bugs::Bug;

/// What the followers of a leader have promised by their answers.
#[derive(Default)]
pub(super) struct Lease {
    /// The rounds of heartbeats whose answers still count, with the time at which
    /// each left, oldest first.
    rounds: VecDeque<(u64, u64)>,
    /// When the newest round left that each follower has answered.
    answered_ms: BTreeMap<NodeId, u64>,
}

impl Lease {
    /// Notes that round `number` leaves at `now_ms`; rounds that left more than
    /// `lease_ms` ago are of no use any more.
    fn leaves(&mut self, number: u64, now_ms: u64, lease_ms: u64) {
        while self.rounds.pop_front_if(|&mut (_, left)| left + lease_ms < now_ms).is_some() {}
        self.rounds.push_back((number, now_ms));
    }

    /// Notes that `from` has answered round `number`.
    fn answered(&mut self, from: NodeId, number: u64) {
        if let Ok(place) = self.rounds.binary_search_by_key(&number, |&(number, _)| number) {
            let (_, left_ms) = self.rounds[place];
            let newest = self.answered_ms.entry(from).or_default();
            *newest = (*newest).max(left_ms);
        }
    }

    /// Returns whether the node's promise still binds it at `now_ms`.
    fn binds(&self, id: NodeId, now_ms: u64, lease_ms: u64) -> bool {
        self.answered_ms.get(&id).is_some_and(|left_ms| now_ms < left_ms + lease_ms)
    }
}

/// Returns how long a lease lasts, in milliseconds.
fn lease_ms(config: &Config) -> u64 {
    let promised_ms = u64::from(config.election_ticks) * config.tick_ms;
    (promised_ms - promised_ms / 10).saturating_sub(config.tick_ms)
}

impl Raft {
    /// Returns whether leases are in use.
    pub(super) fn gives_leases(&self) -> bool {
        match (self.config.bug, self.config.elections) {
            (Some(Bug::TwoLeadersLease), _) => true,
            // Nobody promises anything.
            (_, Elections::Plain) => false,
            (_, Elections::Guarded) => self.config.reads == ReadMode::Lease,
        }
    }

    /// Gives the heartbeats that are about to leave a number of their own.
    pub(super) fn number_heartbeats(&mut self) {
        if self.gives_leases()
            && let RoleState::Leader(leadership) = &mut self.role
        {
            let number = leadership.reads.next_number();
            leadership.lease.leaves(number, self.now_ms, lease_ms(&self.config));
        }
    }

    /// Notes that a follower has answered a heartbeat.
    pub(super) fn note_promise(&mut self, from: NodeId, round: u64) {
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.lease.answered(from, round);
        }
    }

    /// Returns whether this node leads for certain at the time it was last told.
    pub(super) fn holds_lease(&self) -> bool {
        let RoleState::Leader(leadership) = &self.role else { return false };
        if !self.gives_leases() || leadership.handover.voids_leases() {
            return false;
        }
        if self.config.bug == Some(Bug::TwoLeadersLease) {
            // Counted in ticks, from when answers came, and for much too long.
            return !self.has_lost_quorum();
        }
        let (now_ms, lease_ms) = (self.now_ms, lease_ms(&self.config));
        let bound = self
            .membership()
            .voters()
            .filter(|&id| id == self.config.id || leadership.lease.binds(id, now_ms, lease_ms));
        bound.count() >= self.quorum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follower() -> NodeId {
        "n2".parse().unwrap()
    }

    #[test]
    fn a_promise_counts_from_when_the_heartbeat_left() {
        let mut lease = Lease::default();
        lease.leaves(7, 1_000, 80);
        lease.leaves(8, 1_030, 80);
        lease.answered(follower(), 7);
        assert!(lease.binds(follower(), 1_079, 80));
        assert!(!lease.binds(follower(), 1_080, 80));
        lease.answered(follower(), 8);
        assert!(lease.binds(follower(), 1_109, 80));
        // A late answer to an earlier round takes nothing back.
        lease.answered(follower(), 7);
        assert!(lease.binds(follower(), 1_109, 80));
    }

    #[test]
    fn answers_to_rounds_that_are_forgotten_or_never_left_count_for_nothing() {
        let mut lease = Lease::default();
        lease.answered(follower(), 0);
        lease.leaves(7, 1_000, 80);
        lease.leaves(8, 1_081, 80);
        lease.answered(follower(), 7);
        lease.answered(follower(), 9);
        assert!(!lease.binds(follower(), 1_081, 80));
    }
}
