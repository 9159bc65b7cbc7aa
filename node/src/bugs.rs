//! The planted bugs: ways in which a node can be told to break Raft on purpose.
//!
//! A harness that has never seen a violation proves little by reporting none.
//! Each bug here removes exactly one rule of the protocol at run time, so that
//! the same executable is the correct node and the test of whoever tests it.
//!
//! [`PLANTED`] is the single table: the flag, the listing and the
//! documentation are read from it. The bugs take effect where the rule they
//! break is implemented; search for [`Bug`]'s variants to find the places.

use std::fmt;
use std::str::FromStr;

/// One deliberate deviation from the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bug {
    /// A leader answers reads without confirming that it still leads.
    StaleRead,
    /// A leader acknowledges writes that only its own log holds.
    AckBeforeCommit,
    /// A vote is forgotten when the node restarts.
    ForgetVote,
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
    /// The rule of Raft that is left out, with its source.
    pub rule: &'static str,
    /// The situation in which the bug becomes visible to clients.
    pub revealed_by: &'static str,
    /// Faults, by name, that bring that situation about; the best one first.
    pub faults: &'static [&'static str],
    /// The verdict a sound checker reaches once the bug has shown.
    pub expected_verdict: &'static str,
}

/// Every planted bug, in the order in which they are listed.
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        bug: Bug::StaleRead,
        name: "stale-read",
        breaks: "a deposed leader serves values that were overwritten before the read began",
        rule: "a leader confirms its leadership with a majority before it serves a read \
               (Ongaro 2014, 6.4)",
        revealed_by: "the leader is cut off while clients still reach it, the others elect a \
                      new one, and the key is written there and read here",
        faults: &["partition", "pause"],
        expected_verdict: "violation",
    },
    PlantedBug {
        bug: Bug::AckBeforeCommit,
        name: "ack-before-commit",
        breaks: "acknowledged writes disappear when the leader changes",
        rule: "an entry takes effect only once a majority stores it (Ongaro 2014, 3.6.2)",
        revealed_by: "the leader is cut off with clients on its side; what it acknowledged \
                      meanwhile is overwritten when the cut heals",
        faults: &["partition", "kill"],
        expected_verdict: "violation",
    },
    PlantedBug {
        bug: Bug::ForgetVote,
        name: "forget-vote",
        breaks: "two leaders of the same term accept different writes",
        rule: "the vote of a term is on stable storage before it is given (Ongaro 2014, 3.8)",
        revealed_by: "a node is killed and restarted within one election, so that it votes \
                      for two candidates of the same term",
        faults: &["kill", "partition"],
        expected_verdict: "violation",
    },
];

impl Bug {
    /// Returns the row of [`PLANTED`] that describes this bug.
    pub fn describe(self) -> &'static PlantedBug {
        PLANTED
            .iter()
            .find(|planted| planted.bug == self)
            .expect("a test walks every variant through the table")
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
        for bug in [Bug::StaleRead, Bug::AckBeforeCommit, Bug::ForgetVote] {
            assert_eq!(bug.to_string().parse::<Bug>().unwrap(), bug);
            assert_eq!(PLANTED.iter().filter(|row| row.bug == bug).count(), 1);
        }
        assert_eq!(PLANTED.len(), 3);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        assert_eq!(
            "lost-write".parse::<Bug>().unwrap_err().to_string(),
            "plant `lost-write`: there is no such bug; there is: stale-read, ack-before-commit, \
             forget-vote"
        );
    }
}
