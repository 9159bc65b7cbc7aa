use super::*;
use crate::check::Budget;
use crate::cross_check::Judged;
use crate::model::{Register, RegisterOp, ValueId};
use crate::procedure::{Conflict, Decision};
use crate::search::tests::{register_history, register_step};
use crate::search::{Searched, search};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// When what an operation does is told.
#[derive(Clone, Copy, Debug)]
enum Told {
    AtOnce,
    AtTheEnd,
}

/// Feeds a history; an indeterminate operation is given up `patience` positions after it began.
fn feed<M: Model>(model: M, operations: &[Timed<M::Op>], told: Told, patience: u32) -> Standing
where
    M::Op: Clone,
{
    let mut events: Vec<(u32, bool, u32)> = Vec::new();
    for (number, operation) in (0..).zip(operations) {
        let end = match operation.returned {
            NEVER => operation.invoked + patience,
            returned => returned,
        };
        events.push((operation.invoked, false, number));
        events.push((end, true, number));
    }
    events.sort_unstable();
    let mut frontiers = Frontiers::new(model, 1_000_000);
    for (_, ends, number) in events {
        let operation = &operations[number as usize];
        let op = operation.op.clone();
        match (ends, operation.returned, told) {
            (false, _, Told::AtOnce) => frontiers.invoke(number, Some(op)),
            (false, _, Told::AtTheEnd) => frontiers.invoke(number, None),
            (true, NEVER, _) => frontiers.complete(number, Ending::Indeterminate(op)),
            (true, _, _) => frontiers.complete(number, Ending::Ok(op)),
        };
    }
    assert_eq!(frontiers.waiting(), 0, "everything is known at the end");
    frontiers.standing()
}

/// The verdict of the frontiers; orders are the depth-first search's.
pub(crate) fn decision<M: Model + Copy>(model: M, operations: &[Timed<M::Op>]) -> Decision
where
    M::Op: Clone,
{
    let standings = [(Told::AtOnce, 0), (Told::AtOnce, 5), (Told::AtTheEnd, 3)]
        .map(|(told, patience)| feed(model, operations, told, patience));
    assert!(standings.iter().all(|standing| *standing == standings[0]), "{standings:?}");
    match standings[0] {
        Standing::Exhausted => Decision::NotApplicable("too many configurations"),
        Standing::Violation { operation } => {
            Decision::Violation(Conflict::new(Contradiction::NoOrder, [operation]))
        }
        Standing::Open => match search(&model, operations, &Budget::default()) {
            Searched::Linearizable(order) => Decision::Linearizable(order),
            // Not an order: the judge will say so.
            _ => Decision::Linearizable(vec![u32::MAX]),
        },
    }
}

#[test]
fn registers_with_repeated_values_agree_with_brute_force() {
    let judged = Judged {
        generate: &register_history,
        decide: &|operations| decision(Register, operations),
        initial: 0,
        step: &register_step,
    };
    let tally = judged.run(100_000, 2).unwrap_or_else(|disagreement| panic!("{disagreement}"));
    assert!(tally.linearizable > 50_000 && tally.violations > 20_000, "{tally:?}");
    assert!(tally.with_indeterminate > 30_000 && tally.not_applicable == 0, "{tally:?}");
    let faults = [
        "frontiers: a mask bit stays",
        "frontiers: used again and again",
        "frontiers: a read is taken in a wrong state",
    ];
    assert_eq!(judged.survivors(&faults, 100_000, 2), Vec::<&str>::new());
}

#[test]
fn the_violation_is_exact_to_the_event() {
    let mut random = crate::cross_check::Random::new(5);
    let mut violations = 0;
    for _ in 0..20_000 {
        let operations = register_history(&mut random);
        let Standing::Violation { operation } = feed(Register, &operations, Told::AtOnce, 0) else {
            continue;
        };
        violations += 1;
        let end = operations[operation as usize].returned;
        // Up to and including the event, and without it.
        for (until, legal) in [(end, false), (end - 1, true)] {
            let prefix: Vec<_> = operations
                .iter()
                .filter(|operation| operation.invoked <= end)
                .map(|operation| match operation.returned <= until {
                    true => *operation,
                    false => Timed { returned: NEVER, ..*operation },
                })
                .collect();
            let step = |state: &u32, op: &RegisterOp| register_step(state, op);
            assert_eq!(crate::cross_check::brute_force(&prefix, &0, &step), legal);
        }
    }
    assert!(violations > 3000, "only {violations} violations");
}

#[test]
fn a_failed_write_was_never_there() {
    let write = RegisterOp::Write(ValueId(1));
    let read = |value| Ending::Ok(RegisterOp::Read(ValueId(value)));
    for (seen, standing) in [(0, Standing::Open), (1, Standing::Violation { operation: 0 })] {
        let mut frontiers = Frontiers::new(Register, 1000);
        frontiers.invoke(0, Some(write));
        frontiers.invoke(1, None);
        assert_eq!(frontiers.complete(1, read(seen)), Standing::Open);
        assert_eq!(frontiers.complete(0, Ending::Fail), standing);
    }
}

#[test]
fn what_is_carried_does_not_grow_with_the_history() {
    let mut frontiers = Frontiers::new(Register, 1000);
    for number in 0..200_000 {
        let write = RegisterOp::Write(ValueId(number % 5));
        frontiers.invoke(number, Some(write));
        if number >= 3 {
            let earlier = RegisterOp::Write(ValueId((number - 3) % 5));
            assert_eq!(frontiers.complete(number - 3, Ending::Ok(earlier)), Standing::Open);
        }
    }
    assert!(frontiers.configurations() < 50, "{} carried", frontiers.configurations());
    assert!(frontiers.bytes() < 1 << 16, "{} bytes", frontiers.bytes());
}
