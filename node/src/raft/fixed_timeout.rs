//! The planted bug `fixed-election-timeout`: elections without chance.
//!
//! Every node that hears no leader stands at the same moments, which the machine's
//! clock shows to all of them ([`Raft::set_time`]), and asks nobody before. It
//! votes for itself at once and asks for votes a little later, as over a slow
//! network, so that all have given their votes before anyone is asked. The first
//! election of a cluster is spared: there is to be something to lose.

use super::core::{Raft, RoleState};
use super::message::Campaign;
use super::types::LogIndex;

/// How long a candidate's requests take to leave; longer than the clocks of
/// processes on one machine can seem apart.
const REQUESTS_HELD_TICKS: u32 = 3;

impl Raft {
    /// Returns whether the bug rules the coming election.
    pub(super) fn is_timeout_fixed(&self) -> bool {
        self.log.last().index > LogIndex::ZERO
    }

    /// Stands for election at each full election timeout of the clock in which
    /// no leader was heard.
    pub(super) fn tick_with_fixed_timeout(&mut self) {
        let slot = self.now_ms / (u64::from(self.config.election_ticks) * self.config.tick_ms);
        let before = std::mem::replace(&mut self.election_slot, slot);
        // A node that has just started does not know when this timeout began.
        let begins = before != 0 && slot != before;
        if begins && self.silence_ticks >= self.config.election_ticks && self.may_stand() {
            self.become_candidate();
        } else if matches!(self.role, RoleState::Candidate { .. })
            && self.ticks == REQUESTS_HELD_TICKS
        {
            self.ask_for_votes(Campaign::Timeout);
        }
    }
}
