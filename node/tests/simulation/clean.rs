//! Correct nodes keep every promise, and the simulation repeats itself.

use crate::run;
use crate::simulation::{Plan, Totals};

/// Seeds tried by every test run; `--example simulate` goes on for as long as asked.
const SEEDS: u64 = 1_500;

#[test]
fn the_promises_hold_amid_faults_and_the_cluster_recovers() {
    let mut totals = Totals::default();
    for seed in 0..SEEDS {
        totals += run(&Plan::new(seed, None)).unwrap_or_else(|failure| panic!("{failure}"));
    }
    // A simulation in which nothing happens proves nothing.
    let Totals { ok, retries, elections, torn, installed, .. } = totals;
    assert!(ok > 100 * SEEDS, "{totals}");
    assert!(retries > SEEDS, "{totals}");
    assert!(elections > 2 * SEEDS, "{totals}");
    assert!(torn > SEEDS / 20, "{totals}");
    assert!(installed > SEEDS / 2, "{totals}");
    assert!(totals.transfers > SEEDS / 4, "{totals}");
    assert!(totals.member_changes > SEEDS / 4, "{totals}");
}

#[test]
fn equal_seeds_give_equal_runs() {
    let of = |seed| run(&Plan::new(seed, None)).unwrap_or_else(|failure| panic!("{failure}"));
    for seed in 0..5 {
        assert_eq!(of(seed), of(seed));
        assert_ne!(of(seed).digest, of(seed + 1).digest);
    }
}
