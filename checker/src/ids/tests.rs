//! Numbers against a brute force, and against the rules by definition.

use super::*;
use crate::cross_check::{Judged, Random, spans};

/// The state is the count.
fn increment(count: &u64, op: &IdOp) -> Vec<u64> {
    match *op {
        IdOp::Given(number) if number != *count => vec![],
        IdOp::Given(_) | IdOp::Unknown => vec![count + 1],
    }
}

/// The state is the ids given so far, a bit each.
fn hand_out(ids: &u64, op: &IdOp) -> Vec<u64> {
    match *op {
        IdOp::Given(id) if ids >> id & 1 == 1 => vec![],
        IdOp::Given(id) => vec![ids | 1 << id],
        IdOp::Unknown => vec![*ids],
    }
}

/// A run of a real counter, with now and then a wrong number.
fn generate(random: &mut Random) -> Vec<Timed<IdOp>> {
    let count = 1 + random.below(9);
    let spans = spans(random, count);
    let wrong_percent = random.pick(&[0, 10, 25]);
    let indeterminate_percent = random.pick(&[10, 40]);
    let mut operations: Vec<Timed<IdOp>> = spans
        .spans
        .iter()
        .map(|&(invoked, returned)| Timed { op: IdOp::Unknown, invoked, returned })
        .collect();
    let mut count = 0;
    for &index in &spans.effects {
        let operation = &mut operations[index];
        if random.chance(indeterminate_percent) {
            operation.returned = NEVER;
            count += u64::from(random.below(2));
            continue;
        }
        let wrong = random.chance(wrong_percent);
        operation.op = IdOp::Given(if wrong { u64::from(random.below(10)) } else { count });
        count += u64::from(!random.chance(wrong_percent / 3));
    }
    operations
}

/// Panics unless what a conflict claims is so, by the definition of its kind.
fn assert_so(operations: &[Timed<IdOp>], conflict: &Conflict) {
    let named = |place: usize| {
        let operation = &operations[conflict.operations[place] as usize];
        let IdOp::Given(number) = operation.op else { panic!("{conflict:?} in {operations:#?}") };
        (operation, number)
    };
    let (x, x_number) = named(0);
    let so = match conflict.kind {
        Contradiction::DuplicateId => named(1).1 == x_number && conflict.operations.len() == 2,
        Contradiction::OutOfOrder => {
            let (y, y_number) = named(1);
            x.precedes(y) && x_number > y_number && conflict.operations.len() == 2
        }
        Contradiction::MissingId => {
            let may_be_before = |operation: &&Timed<IdOp>| match operation.op {
                IdOp::Given(number) => number < x_number,
                IdOp::Unknown => operation.invoked <= x.returned,
            };
            let most = operations.iter().filter(may_be_before).count();
            x_number > most as u64 && conflict.operations.len() == 1
        }
        _ => false,
    };
    assert!(so, "{conflict:?} in {operations:#?}");
}

fn decide_and_recount(operations: &[Timed<IdOp>]) -> Decision {
    let decision = fetch_and_increment(operations);
    if let Decision::Violation(conflict) = &decision {
        assert_so(operations, conflict);
    }
    decision
}

fn counted() -> Judged<'static, IdOp, u64> {
    Judged { generate: &generate, decide: &decide_and_recount, initial: 0, step: &increment }
}

fn distinct() -> Judged<'static, IdOp, u64> {
    Judged { generate: &generate, decide: &|all| unique(all, 10), initial: 0, step: &hand_out }
}

#[test]
fn agrees_with_brute_force() {
    for judged in [counted(), distinct()] {
        let tally = judged.run(120_000, 1).unwrap();
        assert!(tally.linearizable > 20_000 && tally.violations > 15_000, "{tally:?}");
        assert!(tally.with_indeterminate > 50_000 && tally.not_applicable == 0, "{tally:?}");
    }
}

#[test]
fn faults_are_caught() {
    let faults = ["ids: gaps stay open", "ids: numbers may repeat", "rank: a tie is an order"];
    assert_eq!(counted().survivors(&faults, 20_000, 2), Vec::<&str>::new());
    assert_eq!(distinct().survivors(&faults[1..2], 20_000, 2), Vec::<&str>::new());
}

#[test]
fn shows_every_kind_of_conflict() {
    let mut random = Random::new(3);
    let mut kinds: Vec<String> = Vec::new();
    for _ in 0..20_000 {
        if let Decision::Violation(conflict) = decide_and_recount(&generate(&mut random)) {
            kinds.push(conflict.kind.to_string());
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["duplicate-id", "missing-id", "out-of-order"]);
}

#[test]
fn what_it_cannot_judge_it_says() {
    let at = |op, returned| [Timed { op, invoked: 1, returned }];
    for decide in [fetch_and_increment, |all: &[Timed<IdOp>]| unique(all, 1)] {
        let indeterminate = decide(&at(IdOp::Given(0), NEVER));
        assert_eq!(indeterminate, Decision::NotApplicable(INDETERMINATE_WITH));
        assert_eq!(decide(&at(IdOp::Unknown, 2)), Decision::NotApplicable(ENDED_WITHOUT));
        assert_eq!(decide(&[]), Decision::Linearizable(vec![]));
    }
    let above = Decision::NotApplicable("an id is above the bound given");
    assert_eq!(unique(&at(IdOp::Given(1), 2), 1), above);
    let missing = Conflict::new(Contradiction::MissingId, [0]);
    let decision = fetch_and_increment(&at(IdOp::Given(u64::MAX), 2));
    assert_eq!(decision, Decision::Violation(missing));
}
