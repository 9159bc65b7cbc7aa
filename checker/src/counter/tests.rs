//! Counters against a brute force, and against the bounds recounted by definition.

use super::*;
use crate::cross_check::{Judged, Random, spans};

fn step(count: &i64, op: &CounterOp) -> Vec<i64> {
    match *op {
        CounterOp::Increment => vec![count + 1],
        CounterOp::Read(found) if found == *count => vec![*count],
        CounterOp::Read(_) => vec![],
    }
}

/// A run of a real counter, with now and then a lost increment or a wrong count.
fn generate(random: &mut Random) -> Vec<Timed<CounterOp>> {
    let count = 1 + random.below(9);
    let spans = spans(random, count);
    let wrong_percent = random.pick(&[0, 10, 25, 50]);
    let reads_percent = random.pick(&[30, 50]);
    let mut operations: Vec<Timed<CounterOp>> = spans
        .spans
        .iter()
        .map(|&(invoked, returned)| {
            let read = random.chance(reads_percent);
            let op = if read { CounterOp::Read(0) } else { CounterOp::Increment };
            Timed { op, invoked, returned }
        })
        .collect();
    let mut count = 0;
    for &index in &spans.effects {
        let indeterminate = random.chance(20);
        let lost = random.chance(wrong_percent / 4) || indeterminate && random.chance(50);
        let operation = &mut operations[index];
        match &mut operation.op {
            CounterOp::Increment => count += i64::from(!lost),
            CounterOp::Read(found) => {
                *found = count;
                if random.chance(wrong_percent) {
                    *found += random.pick(&[-2, -1, -1, 1, 1, 2]);
                }
            }
        }
        if indeterminate {
            operation.returned = NEVER;
        }
    }
    operations
}

/// The reads that returned too much, and those that returned too little with the earlier
/// read that shows it, if one is needed: straight from the definitions, quadratic.
fn broken_bounds(operations: &[Timed<CounterOp>]) -> Vec<(Contradiction, Vec<u32>)> {
    let increments = || operations.iter().filter(|operation| operation.op == CounterOp::Increment);
    let reads = || {
        (0..).zip(operations).filter_map(|(index, operation)| match operation.op {
            CounterOp::Read(found) if operation.returned != NEVER => {
                Some((index, operation, found))
            }
            CounterOp::Read(_) | CounterOp::Increment => None,
        })
    };
    let mut broken = Vec::new();
    for (index, read, found) in reads() {
        let begun = increments().filter(|increment| increment.invoked <= read.returned).count();
        if found > begun as i64 {
            broken.push((Contradiction::CountTooHigh, vec![index]));
        }
        let ended = increments().filter(|increment| increment.returned < read.invoked).count();
        if found < ended as i64 {
            broken.push((Contradiction::CountTooLow, vec![index]));
            continue;
        }
        for (earlier_index, earlier, earlier_found) in reads() {
            let between = |increment: &&Timed<CounterOp>| {
                increment.invoked > earlier.returned && increment.returned < read.invoked
            };
            let least = earlier_found + increments().filter(between).count() as i64;
            if earlier.returned < read.invoked && found < least {
                let mut operations = vec![earlier_index, index];
                operations.sort_unstable();
                broken.push((Contradiction::CountTooLow, operations));
            }
        }
    }
    broken
}

fn decide_and_recount(operations: &[Timed<CounterOp>]) -> Decision {
    let decision = decide(operations);
    let broken = broken_bounds(operations);
    match &decision {
        Decision::Violation(Conflict { kind, operations: named }) => {
            assert!(broken.contains(&(*kind, named.clone())), "{decision:?} in {operations:#?}");
        }
        Decision::Linearizable(_) => assert_eq!(broken, vec![], "{operations:#?}"),
        Decision::NotApplicable(_) => {}
    }
    decision
}

fn judged() -> Judged<'static, CounterOp, i64> {
    Judged { generate: &generate, decide: &decide_and_recount, initial: 0, step: &step }
}

#[test]
fn agrees_with_brute_force_and_the_bounds() {
    let tally = judged().run(150_000, 1).unwrap();
    assert!(tally.linearizable > 30_000 && tally.violations > 30_000, "{tally:?}");
    assert!(tally.with_indeterminate > 50_000 && tally.not_applicable == 0, "{tally:?}");
}

#[test]
fn faults_are_caught() {
    let faults = [
        "counter: a tie is an order",
        "counter: reads may lag",
        "counter: indeterminate increments first",
        "counter: indeterminate increments never happen",
    ];
    // Without the recount: only the brute force judges.
    let judged = Judged { generate: &generate, decide: &decide, initial: 0, step: &step };
    assert_eq!(judged.survivors(&faults, 20_000, 2), Vec::<&str>::new());
}

#[test]
fn shows_every_kind_of_conflict() {
    let mut random = Random::new(3);
    let mut kinds: Vec<(Contradiction, usize)> = Vec::new();
    for _ in 0..20_000 {
        if let Decision::Violation(Conflict { kind, operations }) = decide(&generate(&mut random))
            && !kinds.contains(&(kind, operations.len()))
        {
            kinds.push((kind, operations.len()));
        }
    }
    kinds.sort_by_key(|(kind, operations)| (kind.to_string(), *operations));
    let expected = [
        (Contradiction::CountTooHigh, 1),
        (Contradiction::CountTooLow, 1),
        (Contradiction::CountTooLow, 2),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn counts_out_of_all_bounds_are_wrong() {
    let read = |found| [Timed { op: CounterOp::Read(found), invoked: 1, returned: 2 }];
    let wrong = |kind| Decision::Violation(Conflict::new(kind, [0]));
    assert_eq!(decide(&read(i64::MAX)), wrong(Contradiction::CountTooHigh));
    assert_eq!(decide(&read(i64::MIN)), wrong(Contradiction::CountTooLow));
    assert_eq!(decide(&[]), Decision::Linearizable(vec![]));
}
