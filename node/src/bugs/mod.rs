//! The planted bugs: ways in which a node can be told to break Raft on purpose.
//!
//! A harness that has never seen a violation proves little by reporting none.
//! Each bug here removes exactly one rule at run time, so that the same
//! executable is the correct node and the test of whoever tests it.
//!
//! [`PLANTED`] is the single table: the flag, the listing and the
//! documentation are read from it. The bugs take effect where the rule they
//! break is implemented; search for [`Bug`]'s variants to find the places.

mod table;

use std::fmt;
use std::str::FromStr;

pub use table::PLANTED;

/// One deliberate deviation from the protocol; [`PLANTED`] describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table describes every bug")]
pub enum Bug {
    // Reads.
    StaleRead,
    FollowerRead,
    TwoLeadersLease,
    ReadIndexWithoutNoop,
    // Elections.
    ForgetVote,
    ForgetTerm,
    VoteForStaleLog,
    MajorityOffByOne,
    NoStepDown,
    MembershipTwoChanges,
    // Replication and commitment.
    AckBeforeCommit,
    CommitOldTerm,
    NoConflictTruncation,
    TruncateOnStaleAppend,
    IgnorePrevTerm,
    CountStaleAcks,
    // Disks and snapshots.
    NoFsync,
    ApplyBeforePersist,
    SnapshotDropsLastKey,
    SnapshotWrongIndex,
    InstallSnapshotRewinds,
    LostSessionOnSnapshot,
    // The state machine.
    DoubleApply,
    CasNotAtomic,
    // Liveness.
    FixedElectionTimeout,
    NeverHeals,
}

/// What a sound harness reports once a bug has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The history is not linearizable.
    Violation,
    /// The history is linearizable, but the cluster does not serve again once
    /// nothing is wrong any more.
    Unavailable,
}

impl Expected {
    /// Returns the word for it in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Unavailable => "unavailable",
        }
    }
}

/// One row of the table of planted bugs.
#[derive(Clone, Copy, Debug)]
pub struct PlantedBug {
    /// The bug this row describes.
    pub bug: Bug,
    /// Its name on the command line.
    pub name: &'static str,
    /// What goes wrong, as a user of the store would put it.
    pub breaks: &'static str,
    /// The rule that is left out, with its source.
    pub rule: &'static str,
    /// The situation in which the bug becomes visible to clients.
    pub revealed_by: &'static str,
    /// Faults, by name, that bring that situation about; the best one first.
    pub faults: &'static [&'static str],
    /// The workload whose clients notice.
    pub workload: &'static str,
    /// What a sound harness reports once the bug has shown.
    pub expected: Expected,
}

impl Bug {
    /// Returns the row of [`PLANTED`] that describes this bug.
    pub fn describe(self) -> &'static PlantedBug {
        PLANTED
            .iter()
            .find(|planted| planted.bug == self)
            .expect("a test finds every variant in the table")
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe().name)
    }
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        PLANTED
            .iter()
            .find(|planted| planted.name == name)
            .map(|planted| planted.bug)
            .ok_or_else(|| UnknownBug(name.to_owned()))
    }
}

/// The error for a name that no planted bug has; its message lists the names.
#[derive(Debug, thiserror::Error)]
#[error("plant `{0}`: there is no such bug; there is: {names}", names = names())]
pub struct UnknownBug(String);

fn names() -> String {
    let names: Vec<_> = PLANTED.iter().map(|planted| planted.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_one_row_and_its_name_leads_back_to_it() {
        // Declared last, so that its number counts the others.
        assert_eq!(PLANTED.len(), Bug::NeverHeals as usize + 1);
        for row in PLANTED {
            assert_eq!(row.bug.to_string().parse::<Bug>().unwrap(), row.bug);
            assert_eq!(PLANTED.iter().filter(|other| other.bug == row.bug).count(), 1);
            assert_eq!(PLANTED.iter().filter(|other| other.name == row.name).count(), 1);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = "lost-write".parse::<Bug>().unwrap_err().to_string();
        let beginning = "plant `lost-write`: there is no such bug; there is: stale-read, ";
        assert!(message.starts_with(beginning), "{message}");
        assert!(message.ends_with("never-heals"), "{message}");
    }
}
