//! How much happened, so that a simulation in which nothing happens is seen.

use std::fmt;
use std::ops::AddAssign;

/// Counts over one run or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) runs: u64,
    pub(crate) events: u64,
    pub(crate) committed: u64,
    pub(crate) elections: u64,
    /// Operations that ended well, and that were left open.
    pub(crate) ok: u64,
    pub(crate) info: u64,
    /// Attempts at what might have happened before.
    pub(crate) retries: u64,
    pub(crate) crashes: u64,
    /// Crashes that left a part of a write.
    pub(crate) torn: u64,
    pub(crate) snapshots: u64,
    /// Snapshots that came from the leader.
    pub(crate) installed: u64,
    pub(crate) cuts: u64,
    pub(crate) pauses: u64,
    /// Orders of the administrator that a leader took.
    pub(crate) transfers: u64,
    pub(crate) member_changes: u64,
    pub(crate) lost: u64,
    /// Two equal collections of runs share it, and hardly ever different ones.
    pub(crate) digest: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.events += other.events;
        self.committed += other.committed;
        self.elections += other.elections;
        self.ok += other.ok;
        self.info += other.info;
        self.retries += other.retries;
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.snapshots += other.snapshots;
        self.installed += other.installed;
        self.cuts += other.cuts;
        self.pauses += other.pauses;
        self.transfers += other.transfers;
        self.member_changes += other.member_changes;
        self.lost += other.lost;
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} events; operations: {} ok, {} open, {} retries; {} entries committed, {} elections, {} snapshots ({} installed); \
             faults: {} crashes ({} tore a write), {} cuts, {} pauses, {} messages lost, {} handovers, {} changes of members; digest {:016x}",
            self.runs,
            self.events,
            self.ok,
            self.info,
            self.retries,
            self.committed,
            self.elections,
            self.snapshots,
            self.installed,
            self.crashes,
            self.torn,
            self.cuts,
            self.pauses,
            self.lost,
            self.transfers,
            self.member_changes,
            self.digest
        )
    }
}
