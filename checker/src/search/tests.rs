use super::*;
use crate::cross_check::{Judged, Random, spans};
use crate::model::{Register, RegisterOp, ValueId};
use crate::procedure::{Conflict, Decision};
use crate::verdict::Contradiction;

fn timed(op: RegisterOp, invoked: u32, returned: u32) -> Timed<RegisterOp> {
    Timed { op, invoked, returned }
}

/// What a search found, as procedures say it.
pub(crate) fn decision(searched: Searched) -> Decision {
    match searched {
        Searched::Linearizable(order) => Decision::Linearizable(order),
        Searched::Violation { unpassed } => {
            Decision::Violation(Conflict::new(Contradiction::NoOrder, [unpassed]))
        }
        Searched::Exhausted(_) => Decision::NotApplicable("the budget ran out"),
    }
}

/// The steps of a register, written once more.
pub(crate) fn register_step(state: &u32, op: &RegisterOp) -> Vec<u32> {
    match *op {
        RegisterOp::Read(ValueId(value)) if value == *state => vec![value],
        RegisterOp::Write(ValueId(value)) => vec![value],
        RegisterOp::Cas { expected, new } if expected.0 == *state => vec![new.0],
        RegisterOp::Refused(ValueId(value)) if value != *state => vec![*state],
        _ => vec![],
    }
}

/// A history of a register with few values, mostly legal.
pub(crate) fn register_history(random: &mut Random) -> Vec<Timed<RegisterOp>> {
    let count = 1 + random.below(8);
    let spans = spans(random, count);
    let values = 2 + random.below(3);
    let noise = random.pick(&[0, 20, 60]);
    let mut operations: Vec<Timed<RegisterOp>> = spans
        .spans
        .iter()
        .map(|&(from, to)| timed(RegisterOp::Read(ValueId(0)), from, to))
        .collect();
    let mut state = 0;
    for index in spans.effects {
        let found = if random.chance(noise) { random.below(values) } else { state };
        let new = random.below(values);
        let op = match random.below(10) {
            0..=3 => RegisterOp::Write(ValueId(new)),
            4..=5 => RegisterOp::Cas { expected: ValueId(found), new: ValueId(new) },
            6 => RegisterOp::Refused(ValueId((found + 1 + random.below(values - 1)) % values)),
            _ => RegisterOp::Read(ValueId(found)),
        };
        let changes = matches!(op, RegisterOp::Write(_) | RegisterOp::Cas { .. });
        operations[index].op = op;
        let mut happens = changes;
        if changes && random.chance(30) {
            operations[index].returned = NEVER;
            happens = random.chance(60);
        }
        state = if happens { new } else { state };
    }
    operations
}

#[test]
fn registers_with_repeated_values_agree_with_brute_force() {
    let judged = Judged {
        generate: &register_history,
        decide: &|operations| decision(search(&Register, operations, &Budget::default())),
        initial: 0,
        step: &register_step,
    };
    let tally = judged.run(100_000, 1).unwrap_or_else(|disagreement| panic!("{disagreement}"));
    assert!(tally.linearizable > 50_000 && tally.violations > 20_000, "{tally:?}");
    assert!(tally.with_indeterminate > 30_000 && tally.not_applicable == 0, "{tally:?}");
    let faults = [
        "search: a mask bit stays",
        "search: dominance reversed",
        "search: an indeterminate operation is used before it began",
        "search: an indeterminate operation is used again and again",
        "search: a read is taken in a wrong state",
    ];
    assert_eq!(judged.survivors(&faults, 100_000, 1), Vec::<&str>::new());
}

#[test]
fn an_indeterminate_write_is_taken_only_if_needed() {
    let write = timed(RegisterOp::Write(ValueId(1)), 1, NEVER);
    let read = |value, invoked| timed(RegisterOp::Read(ValueId(value)), invoked, invoked + 1);
    let budget = Budget::default();
    let found = search(&Register, &[write, read(0, 2), read(1, 4)], &budget);
    assert_eq!(found, Searched::Linearizable(vec![1, 0, 2]));
    let found = search(&Register, &[write, read(1, 2), read(0, 4)], &budget);
    assert_eq!(found, Searched::Violation { unpassed: 2 });
}

#[test]
fn nothing_and_what_never_ended_are_linearizable() {
    let budget = Budget::default();
    assert_eq!(search(&Register, &[], &budget), Searched::Linearizable(vec![]));
    let write = timed(RegisterOp::Write(ValueId(1)), 1, NEVER);
    assert_eq!(search(&Register, &[write], &budget), Searched::Linearizable(vec![]));
}

/// Writes of 20 values at once, and then reads of two of them, one after the other.
fn crowd(first: u32, second: u32) -> Vec<Timed<RegisterOp>> {
    let write = |value| timed(RegisterOp::Write(ValueId(value)), 1, 50);
    let mut operations: Vec<_> = (1..=20).map(write).collect();
    operations.push(timed(RegisterOp::Read(ValueId(first)), 51, 52));
    operations.push(timed(RegisterOp::Read(ValueId(second)), 53, 54));
    operations
}

#[test]
fn a_spent_budget_says_how_far_it_got_and_what_was_short() {
    let budget = Budget { configurations: 1000, ..Budget::default() };
    let Searched::Exhausted(progress) = search(&Register, &crowd(1, 2), &budget) else {
        panic!("a thousand configurations cannot decide this");
    };
    let shortage = Shortage::Configurations;
    let expected =
        Progress { configurations: 1000, ordered: 21, ended: 22, unpassed: 21, shortage };
    assert_eq!(progress, expected);
    let budget = Budget { memory_bytes: 1 << 20, ..Budget::default() };
    let Searched::Exhausted(progress) = search(&Register, &crowd(1, 2), &budget) else {
        panic!("a mebibyte cannot decide this");
    };
    assert_eq!(progress.shortage, Shortage::Memory);
    assert!(progress.configurations > 1000, "{progress}");
}

#[test]
fn any_concurrency_is_searched() {
    for concurrent in [63, 64, 65, 128, 200] {
        let mut operations: Vec<_> = (1..=concurrent)
            .map(|value| timed(RegisterOp::Write(ValueId(value)), 1, 500))
            .collect();
        operations.push(timed(RegisterOp::Read(ValueId(7)), 600, 601));
        let found = search(&Register, &operations, &Budget::default());
        let Searched::Linearizable(order) = found else { panic!("{concurrent}: {found:?}") };
        assert_eq!(order.len(), operations.len());
        assert_eq!(order[order.len() - 2], 6, "the write that was read comes last");
    }
}

#[test]
fn a_thousand_indeterminate_writes_of_few_values_cost_little() {
    let lost = |index: u32| timed(RegisterOp::Write(ValueId(1 + index % 3)), 1, NEVER);
    let mut operations: Vec<_> = (0..1000).map(lost).collect();
    for index in 0..900 {
        let read = RegisterOp::Read(ValueId(1 + index % 3));
        operations.push(timed(read, 10 + 2 * index, 11 + 2 * index));
    }
    let budget = Budget { configurations: 5000, ..Budget::default() };
    assert!(matches!(search(&Register, &operations, &budget), Searched::Linearizable(_)));
    // The next read needs one write more than there were.
    for index in 900..1003 {
        let read = RegisterOp::Read(ValueId(1 + index % 3));
        operations.push(timed(read, 10 + 2 * index, 11 + 2 * index));
    }
    let found = search(&Register, &operations, &budget);
    assert_eq!(found, Searched::Violation { unpassed: 2000 });
}

#[test]
fn an_easy_violation_is_found_beside_a_hard_key() {
    let hard = crowd(1, 2);
    let easy = [timed(RegisterOp::Read(ValueId(1)), 1, 2)];
    let good = crowd(5, 5);
    let problems =
        [&hard[..], &easy, &good].map(|operations| KeyProblem { model: &Register, operations });
    let budget = Budget { configurations: 20_000, ..Budget::default() };
    for after_violation in [AfterViolation::Stop, AfterViolation::Continue] {
        let found = search_keys(&problems, &budget, after_violation);
        let Searched::Exhausted(progress) = found[0] else { panic!("{:?}", found[0]) };
        let stops = after_violation == AfterViolation::Stop;
        assert_eq!(progress.configurations, if stops { 1 << 10 } else { 20_000 });
        assert_eq!(found[1], Searched::Violation { unpassed: 0 });
        assert!(matches!(found[2], Searched::Linearizable(_)));
    }
    assert!(search_keys::<Register>(&[], &budget, AfterViolation::Stop).is_empty());
}
