//! Every planted bug is caught: those that break safety by a promise that does not
//! hold, most also by what clients see; those that break liveness by nothing else
//! than that.

use squall_node::bugs::{Bug, Expected, PLANTED};

use crate::run;
use crate::simulation::Plan;
use crate::simulation::promises::Broken;

/// Seeds tried for each bug; most are caught by one of the first ten.
const SEEDS: u64 = 1_500;

/// What a bug breaks, as the nodes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    ElectionSafety,
    LeaderCompleteness,
    StateMachineSafety,
    Linearizability,
    Liveness,
}

/// Whether clients notice within the seeds tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clients {
    Notice,
    /// So rarely that it would take too long.
    Hardly,
}

/// The promise that each bug is about. Others may break too, before or instead.
fn breaks(bug: Bug) -> (Promise, Clients) {
    use Clients::{Hardly, Notice};
    use Promise::{
        ElectionSafety, LeaderCompleteness, Linearizability, Liveness, StateMachineSafety,
    };
    match bug {
        Bug::StaleRead
        | Bug::FollowerRead
        | Bug::TwoLeadersLease
        | Bug::ReadIndexWithoutNoop
        | Bug::DoubleApply
        | Bug::CasNotAtomic => (Linearizability, Notice),
        Bug::ForgetVote | Bug::ForgetTerm | Bug::MajorityOffByOne | Bug::NoStepDown => {
            (ElectionSafety, Notice)
        }
        Bug::MembershipTwoChanges => (ElectionSafety, Hardly),
        Bug::VoteForStaleLog
        | Bug::TruncateOnStaleAppend
        | Bug::ApplyBeforePersist
        | Bug::NoFsync
        | Bug::InstallSnapshotRewinds => (LeaderCompleteness, Notice),
        Bug::CommitOldTerm => (LeaderCompleteness, Hardly),
        Bug::CountStaleAcks => (StateMachineSafety, Hardly),
        Bug::AckBeforeCommit
        | Bug::NoConflictTruncation
        | Bug::IgnorePrevTerm
        | Bug::SnapshotDropsLastKey
        | Bug::SnapshotWrongIndex
        | Bug::LostSessionOnSnapshot => (StateMachineSafety, Notice),
        Bug::FixedElectionTimeout | Bug::NeverHeals => (Liveness, Hardly),
    }
}

fn promise(broken: &Broken) -> Option<Promise> {
    match broken {
        Broken::ElectionSafety(..) => Some(Promise::ElectionSafety),
        Broken::LeaderCompleteness(..) => Some(Promise::LeaderCompleteness),
        Broken::StateMachineSafety(..) => Some(Promise::StateMachineSafety),
        Broken::Linearizability(_) => Some(Promise::Linearizability),
        Broken::Liveness => Some(Promise::Liveness),
        Broken::LogMatching(..) | Broken::CommittedConflict(_) | Broken::Undecided(_) => None,
    }
}

/// Returns the first seed whose run breaks the promise.
fn first_seed(plan: impl Fn(u64) -> Plan, wanted: Promise) -> Option<u64> {
    (0..SEEDS).find(|&seed| {
        run(&plan(seed)).is_err_and(|failure| promise(&failure.broken) == Some(wanted))
    })
}

#[test]
fn nodes_show_what_each_bug_breaks() {
    let silent: Vec<_> = PLANTED
        .iter()
        .map(|planted| (planted.bug, breaks(planted.bug).0))
        .filter(|&(bug, wanted)| first_seed(|seed| Plan::new(seed, Some(bug)), wanted).is_none())
        .collect();
    assert!(silent.is_empty(), "no run shows that these break what they are to: {silent:?}");
}

#[test]
fn clients_notice_each_bug_that_breaks_safety() {
    let unnoticed: Vec<_> = PLANTED
        .iter()
        .map(|planted| planted.bug)
        .filter(|&bug| breaks(bug).1 == Clients::Notice)
        .filter(|&bug| {
            let plan = |seed| Plan::new(seed, Some(bug)).judged_by_clients();
            first_seed(plan, Promise::Linearizability).is_none()
        })
        .collect();
    assert!(unnoticed.is_empty(), "no client notices {unnoticed:?}");
}

#[test]
fn bugs_of_liveness_never_break_safety() {
    let of_liveness = PLANTED.iter().filter(|planted| planted.expected == Expected::Unavailable);
    for planted in of_liveness {
        for seed in 0..100 {
            if let Err(failure) = run(&Plan::new(seed, Some(planted.bug))) {
                assert_eq!(failure.broken, Broken::Liveness, "{failure}");
            }
        }
    }
}
