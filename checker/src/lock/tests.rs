//! Locks with owners against a brute force, with planted faults.

use super::*;
use crate::cross_check::{Judged, Random, spans};
use crate::timed::NEVER;

fn step(holder: &Option<u32>, op: &OwnedLockOp) -> Vec<Option<u32>> {
    match (*op, *holder) {
        (OwnedLockOp::Acquire(owner), None) => vec![Some(owner)],
        (OwnedLockOp::Release(owner), Some(holder)) if owner == holder => vec![None],
        _ => Vec::new(),
    }
}

/// A run of a real lock in which now and then something is granted that should not be.
fn generate(random: &mut Random) -> Vec<Timed<OwnedLockOp>> {
    let count = 1 + random.below(10);
    let run = spans(random, count);
    let mut operations: Vec<Timed<OwnedLockOp>> = run
        .spans
        .iter()
        .map(|&(invoked, returned)| Timed { op: OwnedLockOp::Acquire(0), invoked, returned })
        .collect();
    let (wrong, lost) = (random.pick(&[0, 0, 10, 30]), random.pick(&[0, 10, 40]));
    let owners = 1 + random.below(4);
    // What an owner loses is mostly of one sort, or it would not be judged.
    let loses_acquires = random.chance(50);
    let mut ended = [0; 4];
    let mut holder: Option<u32> = None;
    for index in run.effects {
        let operation = &mut operations[index];
        let free: Vec<u32> =
            (0..owners).filter(|owner| ended[*owner as usize] < operation.invoked).collect();
        let owner = match holder {
            Some(holder) if free.contains(&holder) && !random.chance(wrong) => holder,
            _ if !free.is_empty() => random.pick(&free),
            _ => random.below(owners),
        };
        let release = (holder == Some(owner)) != random.chance(wrong);
        operation.op =
            if release { OwnedLockOp::Release(owner) } else { OwnedLockOp::Acquire(owner) };
        let lost = random.chance(lost) && (release != loses_acquires || random.chance(5));
        if lost {
            operation.returned = NEVER;
        } else {
            ended[owner as usize] = operation.returned;
        }
        if !lost || random.chance(50) {
            holder = (!release).then_some(owner);
        }
    }
    operations
}

fn decide_four(operations: &[Timed<OwnedLockOp>]) -> Decision {
    decide(operations, 4)
}

fn judged() -> Judged<'static, OwnedLockOp, Option<u32>> {
    Judged { generate: &generate, decide: &decide_four, initial: None, step: &step }
}

#[test]
fn agrees_with_a_brute_force() {
    let tally = judged().run(300_000, 31).unwrap();
    assert!(tally.linearizable > 30_000, "{tally:?}");
    assert!(tally.violations > 30_000, "{tally:?}");
    assert!(tally.with_indeterminate > 40_000, "{tally:?}");
    assert!(tally.not_applicable > 0, "{tally:?}");
}

#[test]
fn planted_faults_are_caught() {
    let faults = [
        "lock: equal ranks",
        "lock: holds are not swept",
        "lock: acquires are not spent",
        "lock: unreleased is released",
    ];
    assert_eq!(judged().survivors(&faults, 100_000, 32), Vec::<&str>::new());
}
