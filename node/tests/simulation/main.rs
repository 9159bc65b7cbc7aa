//! Simulated clusters in bad weather: the promises hold, planted bugs break
//! them, and a run is a function of its seed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../simulation/mod.rs"]
mod simulation;

use simulation::promises::Broken;
use simulation::{Failure, Plan, Totals};
use squall_node::bugs::Bug;

/// How many of the last events to show of a run that failed.
const WORDS: usize = 60;

fn run(seed: u64, bug: Option<Bug>) -> Result<Totals, Box<Failure>> {
    simulation::run(&Plan::new(seed, bug), WORDS)
}

#[test]
fn the_promises_hold_amid_faults_and_the_cluster_recovers() {
    let mut totals = Totals::default();
    for seed in 0..300 {
        totals += run(seed, None).unwrap_or_else(|failure| panic!("{failure}"));
    }
    // A simulation in which nothing happens proves nothing.
    assert!(totals.ok > 30_000, "{totals}");
    assert!(totals.elections > 1_000, "{totals}");
    assert!(totals.torn > 20, "{totals}");
}

#[test]
fn equal_seeds_give_equal_runs() {
    let of = |seed| run(seed, None).unwrap_or_else(|failure| panic!("{failure}"));
    for seed in 0..5 {
        assert_eq!(of(seed), of(seed));
        assert_ne!(of(seed).digest, of(seed + 1).digest);
    }
}

/// Runs seeds until one breaks the promise that `bug` is about. Others may break
/// too, before or instead.
fn assert_caught(bug: Bug, promise: impl Fn(&Broken) -> bool) {
    let caught = |seed| run(seed, Some(bug)).is_err_and(|failure| promise(&failure.broken));
    assert!((0..500).any(caught), "no run shows {bug}");
}

#[test]
fn acknowledging_before_commitment_breaks_state_machine_safety() {
    assert_caught(Bug::AckBeforeCommit, |broken| matches!(broken, Broken::StateMachineSafety(..)));
}

#[test]
fn forgetting_the_vote_breaks_election_safety() {
    assert_caught(Bug::ForgetVote, |broken| matches!(broken, Broken::ElectionSafety(..)));
}

#[test]
fn reading_without_confirmation_breaks_linearizability() {
    assert_caught(Bug::StaleRead, |broken| matches!(broken, Broken::Linearizability(_)));
}
