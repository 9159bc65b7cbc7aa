//! The table of planted bugs.

use super::{Bug, Expected, PlantedBug};

/// Every planted bug, in the order in which they are listed.
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        bug: Bug::StaleRead,
        name: "stale-read",
        breaks: "a deposed leader serves values that were overwritten before the read began",
        rule: "a leader confirms its leadership with a majority before it serves a read \
               (Ongaro 2014, 6.4)",
        revealed_by: "the leader is cut off while clients still reach it, the others elect a new \
                      one, and the key is written there and read here",
        faults: &["partition", "pause"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::FollowerRead,
        name: "follower-read",
        breaks: "any node answers reads from what it happens to have applied",
        rule: "reads are served by the leader, or at an index the leader confirmed \
               (Ongaro 2014, 6.4)",
        revealed_by: "a write is acknowledged before every follower has applied it",
        faults: &["partition", "pause"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::TwoLeadersLease,
        name: "two-leaders-lease",
        breaks: "a leader whose lease has run out serves overwritten values",
        rule: "a lease is measured on a clock that goes on while the leader does not, and \
               ends before others may elect (Ongaro 2014, 6.4.1)",
        revealed_by: "the leader is stopped for longer than an election and then goes on",
        faults: &["pause", "clock"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::ReadIndexWithoutNoop,
        name: "read-index-without-noop",
        breaks: "a new leader serves reads that miss its predecessor's last writes",
        rule: "a leader serves reads only once an entry of its own term is committed \
               (Ongaro 2014, 6.4)",
        revealed_by: "the leader dies before the followers learn what it committed, and a read \
                      reaches its successor at once",
        faults: &["kill", "partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::ForgetVote,
        name: "forget-vote",
        breaks: "two leaders of the same term accept different writes",
        rule: "the vote of a term is on stable storage before it is given (Ongaro 2014, 3.8)",
        revealed_by: "a node is killed and restarted within one election, so that it votes for \
                      two candidates of the same term",
        faults: &["kill", "partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::ForgetTerm,
        name: "forget-term",
        breaks: "restarted nodes begin again at an old term, and elect leaders of terms \
                 that are past",
        rule: "the current term is on stable storage before anything is said in it \
               (Ongaro 2014, 3.8)",
        revealed_by: "nodes are killed and restarted",
        faults: &["kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::VoteForStaleLog,
        name: "vote-for-stale-log",
        breaks: "acknowledged writes disappear when a node that missed them is elected",
        rule: "a vote goes only to a candidate whose log is at least as new as the \
               voter's (Ongaro 2014, 3.6.1)",
        revealed_by: "a node misses writes and stands for election first when the leader is lost",
        faults: &["partition", "kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::MajorityOffByOne,
        name: "majority-off-by-one",
        breaks: "half of the nodes decide alone, so two halves decide differently",
        rule: "elections and commitment need more than half of the voters (Ongaro 2014, 3.3)",
        revealed_by: "the cluster is cut into parts of which two have a node less than a \
                      majority or more",
        faults: &["partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::NoStepDown,
        name: "no-step-down",
        breaks: "a deposed leader goes on leading, now in its successor's term",
        rule: "a leader that sees a higher term becomes a follower (Ongaro 2014, 3.3)",
        revealed_by: "the leader is cut off or stopped, another is elected, and the two meet \
                      again",
        faults: &["partition", "pause"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::MembershipTwoChanges,
        name: "membership-two-changes",
        breaks: "two majorities without a common node elect two leaders",
        rule: "a membership change waits until the one before is committed, and until the \
               leader has committed an entry of its term (Ongaro 2014, 4.1; correction of \
               2015)",
        revealed_by: "members are added and removed in quick succession around a partition",
        faults: &["membership", "partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::AckBeforeCommit,
        name: "ack-before-commit",
        breaks: "acknowledged writes disappear when the leader changes",
        rule: "an entry takes effect only once a majority stores it (Ongaro 2014, 3.6.2)",
        revealed_by: "the leader is cut off with clients on its side; what it acknowledged \
                      meanwhile is overwritten when the cut heals",
        faults: &["partition", "kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::CommitOldTerm,
        name: "commit-old-term",
        breaks: "a write that was read disappears when a later leader overwrites it",
        rule: "an entry of an earlier term is never committed by counting its holders \
               (Ongaro 2014, 3.6.2 and figure 3.7)",
        revealed_by: "leaders change faster than they replicate, and an old entry reaches a \
                      majority before an entry of the new term does",
        faults: &["partition", "kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::NoConflictTruncation,
        name: "no-conflict-truncation",
        breaks: "a node that rejoins keeps entries that were never committed, and serves them",
        rule: "a follower removes entries that contradict the leader's (Ongaro 2014, 3.5)",
        revealed_by: "a leader is cut off with clients on its side and rejoins",
        faults: &["partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::TruncateOnStaleAppend,
        name: "truncate-on-stale-append",
        breaks: "acknowledged entries are cut off a follower's log by a message that was \
                 overtaken",
        rule: "a follower removes entries only from the first that contradicts the \
               leader's (Ongaro 2014, 3.5)",
        revealed_by: "an append is delayed until later ones have been acknowledged, and then the \
                      leader is lost",
        faults: &["partition", "kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::IgnorePrevTerm,
        name: "ignore-prev-term",
        breaks: "logs differ before the place where they agree",
        rule: "a follower refuses entries unless it holds the entry before them, term and \
               all (Ongaro 2014, 3.5)",
        revealed_by: "a leader is cut off with clients on its side and rejoins",
        faults: &["partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::CountStaleAcks,
        name: "count-stale-acks",
        breaks: "a leader counts acknowledgements meant for a log it no longer has",
        rule: "replies to what was said in an earlier term are ignored (Ongaro 2014, 3.3)",
        revealed_by: "an acknowledgement is delayed until its receiver has lost the lead, \
                      replaced entries, and leads again",
        faults: &["partition"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::NoFsync,
        name: "no-fsync",
        breaks: "acknowledged writes are gone after a power failure",
        rule: "entries and votes are synced before they are acknowledged (Ongaro 2014, 3.8)",
        revealed_by: "the machines of a majority lose power; killing processes does not show it",
        faults: &["power"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::ApplyBeforePersist,
        name: "apply-before-persist",
        breaks: "acknowledged writes are gone when processes die at the wrong moment",
        rule: "an entry is on a majority's disks before it is acknowledged and applied \
               (Ongaro 2014, 3.5 and 10.2.1)",
        revealed_by: "all nodes are killed at once under load",
        faults: &["kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::SnapshotDropsLastKey,
        name: "snapshot-drops-last-key",
        breaks: "a key is missing on nodes that started from a snapshot",
        rule: "a snapshot holds the whole state (Ongaro 2014, 5.1)",
        revealed_by: "nodes restart from a snapshot, or receive one",
        faults: &["kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::SnapshotWrongIndex,
        name: "snapshot-wrong-index",
        breaks: "entries are skipped by nodes that started from a snapshot",
        rule: "a snapshot names the last entry applied to its state (Ongaro 2014, 5.1)",
        revealed_by: "nodes restart from a snapshot, or receive one, under load",
        faults: &["kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::InstallSnapshotRewinds,
        name: "install-snapshot-rewinds",
        breaks: "a follower forgets entries it acknowledged",
        rule: "a snapshot older than what a follower has is ignored (Ongaro 2014, figure 5.3)",
        revealed_by: "a snapshot arrives twice, or late, and then the leader is lost",
        faults: &["partition", "kill"],
        workload: "register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::LostSessionOnSnapshot,
        name: "lost-session-on-snapshot",
        breaks: "a write that was retried takes effect twice after a snapshot",
        rule: "a snapshot holds the client sessions too (Ongaro 2014, 6.3)",
        revealed_by: "a leader is lost before it answers, a snapshot is taken, and the write is \
                      tried again at its successor",
        faults: &["pause", "kill"],
        workload: "list-append",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::DoubleApply,
        name: "double-apply",
        breaks: "a write that was retried takes effect twice",
        rule: "a command of a client session is applied once, however often it stands in \
               the log (Ongaro 2014, 6.3)",
        revealed_by: "a leader is lost before it answers and the write is tried again at its \
                      successor",
        faults: &["pause", "partition", "kill"],
        workload: "list-append",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::CasNotAtomic,
        name: "cas-not-atomic",
        breaks: "two compare-and-sets both succeed from the same value",
        rule: "the comparison is part of the command and made when it is applied, in log order",
        revealed_by: "clients compare and set the same key at the same time",
        faults: &["none"],
        workload: "cas-register",
        expected: Expected::Violation,
    },
    PlantedBug {
        bug: Bug::FixedElectionTimeout,
        name: "fixed-election-timeout",
        breaks: "votes are split for ever and nobody leads",
        rule: "election timeouts are drawn at random (Ongaro 2014, 3.4)",
        revealed_by: "the leader is lost, and all others stand at the same moment, again and \
                      again",
        faults: &["kill", "partition"],
        workload: "register",
        expected: Expected::Unavailable,
    },
    PlantedBug {
        bug: Bug::NeverHeals,
        name: "never-heals",
        breaks: "a node that was cut off never takes part again",
        rule: "a follower accepts the entries of whoever leads the newest term, however \
               long it heard nothing (Ongaro 2014, 3.3)",
        revealed_by: "a majority of the nodes has been cut off for longer than an election \
                      timeout, one after the other",
        faults: &["partition"],
        workload: "register",
        expected: Expected::Unavailable,
    },
];
