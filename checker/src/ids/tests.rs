//! Numbers against a brute force, and against the rules by definition.

use super::*;
use crate::cross_check::{Judged, Random, spans};

/// Generated ids are below this.
const IDS: u32 = 16;

/// The state is the count and the ids given so far, a bit each.
fn step((count, ids): &(u32, u32), op: &IdOp) -> Vec<(u32, u32)> {
    match *op {
        IdOp::Given(number) if number != *count => vec![],
        IdOp::Given(_) | IdOp::Unknown => vec![(count + 1, *ids)],
        IdOp::Generated(id) if ids >> id & 1 == 1 => vec![],
        IdOp::Generated(id) => vec![(*count, ids | 1 << id)],
    }
}

/// A run of a real counter, with now and then a wrong number.
fn count(random: &mut Random) -> Vec<Timed<IdOp>> {
    generate(random, 0)
}

/// A run of a real counter among ids that mostly differ.
fn both(random: &mut Random) -> Vec<Timed<IdOp>> {
    generate(random, 50)
}

fn ids_only(random: &mut Random) -> Vec<Timed<IdOp>> {
    generate(random, 100)
}

fn generate(random: &mut Random, id_percent: u32) -> Vec<Timed<IdOp>> {
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
        if random.chance(id_percent) {
            operation.op = IdOp::Generated(random.below(IDS));
            continue;
        }
        if random.chance(indeterminate_percent) {
            operation.returned = NEVER;
            count += random.below(2);
            continue;
        }
        let wrong = random.chance(wrong_percent);
        operation.op = IdOp::Given(if wrong { random.below(10) } else { count });
        count += u32::from(!random.chance(wrong_percent / 3));
    }
    // Those that never took effect: an id is then none of this history.
    operations.retain(|operation| operation.op != IdOp::Unknown || operation.returned == NEVER);
    operations
}

/// Panics unless what a conflict claims is so, by the definition of its kind.
fn assert_so(operations: &[Timed<IdOp>], conflict: &Conflict) {
    let named: Vec<&Timed<IdOp>> =
        conflict.operations.iter().map(|index| &operations[*index as usize]).collect();
    let so = match (conflict.kind, named.as_slice()) {
        (Contradiction::DuplicateId, [x, y]) => x.op == y.op && x.op != IdOp::Unknown,
        (Contradiction::OutOfOrder, [x, y]) => match (x.op, y.op) {
            (IdOp::Given(first), IdOp::Given(second)) => x.precedes(y) && first > second,
            _ => false,
        },
        (Contradiction::MissingId, [x]) => {
            let IdOp::Given(given) = x.op else { panic!("{conflict:?} in {operations:#?}") };
            let may_be_before = |operation: &&Timed<IdOp>| match operation.op {
                IdOp::Given(number) => number < given,
                IdOp::Unknown => operation.invoked <= x.returned,
                IdOp::Generated(_) => false,
            };
            given as usize > operations.iter().filter(may_be_before).count()
        }
        _ => false,
    };
    assert!(so, "{conflict:?} in {operations:#?}");
}

fn decide_and_recount(operations: &[Timed<IdOp>]) -> Decision {
    let decision = decide(operations, IDS);
    if let Decision::Violation(conflict) = &decision {
        assert_so(operations, conflict);
    }
    decision
}

type Generate = fn(&mut Random) -> Vec<Timed<IdOp>>;

fn judged(generate: &Generate) -> Judged<'_, IdOp, (u32, u32)> {
    Judged { generate, decide: &decide_and_recount, initial: (0, 0), step: &step }
}

#[test]
fn agrees_with_brute_force() {
    let generators: [Generate; 3] = [count, both, ids_only];
    for generate in &generators {
        let tally = judged(generate).run(120_000, 1).unwrap();
        assert!(tally.linearizable > 20_000 && tally.violations > 15_000, "{tally:?}");
        assert!(tally.not_applicable == 0, "{tally:?}");
    }
}

#[test]
fn faults_are_caught() {
    let faults = ["ids: gaps stay open", "ids: numbers may repeat", "ids: a tie is an order"];
    let generate: Generate = count;
    let caught_by = |generate: &Generate, faults: &[&'static str]| {
        let survivors = judged(generate).survivors(faults, 20_000, 2);
        assert_eq!(survivors, Vec::<&str>::new());
    };
    caught_by(&generate, &faults);
    let generate: Generate = both;
    caught_by(&generate, &["ids: ids may repeat", "rank: a tie is an order"]);
}

#[test]
fn shows_every_kind_of_conflict() {
    let mut random = Random::new(3);
    let mut kinds: Vec<String> = Vec::new();
    for _ in 0..20_000 {
        if let Decision::Violation(conflict) = decide_and_recount(&count(&mut random)) {
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
    for with in [IdOp::Given(0), IdOp::Generated(0)] {
        assert_eq!(decide(&at(with, NEVER), 1), Decision::NotApplicable(INDETERMINATE_WITH));
    }
    assert_eq!(decide(&at(IdOp::Unknown, 2), 1), Decision::NotApplicable(ENDED_WITHOUT));
    assert_eq!(decide(&at(IdOp::Generated(1), 2), 1), Decision::NotApplicable(ABOVE));
    assert_eq!(decide(&[], 1), Decision::Linearizable(vec![]));
    let missing = Conflict::new(Contradiction::MissingId, [0]);
    assert_eq!(decide(&at(IdOp::Given(u32::MAX), 2), 0), Decision::Violation(missing));
}
