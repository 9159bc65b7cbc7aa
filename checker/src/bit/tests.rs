//! Bits against a brute force, with planted faults, and stretches against their definition.

use super::*;
use crate::cross_check::{Judged, Random, brute_force, spans};
use crate::procedure::Conflict;
use crate::verdict::Contradiction;

fn timed(op: BitOp, invoked: u32, returned: u32) -> Timed<BitOp> {
    Timed { op, invoked, returned }
}

fn step(state: &BitState, op: &BitOp) -> Vec<BitState> {
    match op {
        BitOp::Set | BitOp::Clear if *state == op.state() => Vec::new(),
        BitOp::IsSet | BitOp::IsClear if *state != op.state() => Vec::new(),
        _ => vec![op.state()],
    }
}

fn changing(state: BitState) -> BitOp {
    if state == BitState::Set { BitOp::Set } else { BitOp::Clear }
}

fn finding(state: BitState) -> BitOp {
    if state == BitState::Set { BitOp::IsSet } else { BitOp::IsClear }
}

/// A run of a real bit; then perhaps one operation is altered, and some never end.
fn generate(random: &mut Random) -> Vec<Timed<BitOp>> {
    let count = 1 + random.below(11);
    let run = spans(random, count);
    let mut bit = BitState::Clear;
    let mut operations: Vec<Timed<BitOp>> =
        run.spans.iter().map(|&(begin, end)| timed(BitOp::IsClear, begin, end)).collect();
    let reads = random.below(80);
    let lost = random.below(40);
    for index in run.effects {
        let operation = &mut operations[index];
        let state = random.pick(&[BitState::Set, BitState::Clear]);
        if random.chance(reads) {
            operation.op = finding(bit);
        } else if state == bit {
            operation.op = finding(state);
        } else {
            operation.op = changing(state);
            if random.chance(lost) {
                operation.returned = NEVER;
                if random.chance(50) {
                    continue;
                }
            }
            bit = state;
        }
    }
    if random.chance(60) {
        let index = random.below(operations.len() as u32) as usize;
        let operation = &mut operations[index];
        let state = operation.op.state().opposite();
        operation.op = match operation.op {
            BitOp::IsSet | BitOp::IsClear if random.chance(60) => finding(state),
            _ => changing(state),
        };
    }
    operations
}

fn decide(operations: &[Timed<BitOp>]) -> Decision {
    linearize(operations, BitState::Clear)
}

fn judged() -> Judged<'static, BitOp, BitState> {
    Judged { generate: &generate, decide: &decide, initial: BitState::Clear, step: &step }
}

#[test]
fn agrees_with_a_brute_force() {
    let tally = judged().run(150_000, 11).unwrap();
    assert!(tally.linearizable > 40_000, "{tally:?}");
    assert!(tally.violations > 20_000, "{tally:?}");
    assert!(tally.with_indeterminate > 40_000, "{tally:?}");
    assert_eq!(tally.not_applicable, 0, "{tally:?}");
}

#[test]
fn planted_faults_are_caught() {
    let faults = ["bit: ties in order", "bit: endless first"];
    assert_eq!(judged().survivors(&faults, 100_000, 12), Vec::<&str>::new());
}

#[test]
fn nothing_is_linearizable() {
    assert_eq!(decide(&[]), Decision::Linearizable(vec![]));
}

#[test]
fn two_sets_without_a_clear_between_are_named_alone() {
    let mut operations = Vec::new();
    for round in 0..2000 {
        operations.push(timed(BitOp::Set, 8 * round + 1, 8 * round + 3));
        operations.push(timed(BitOp::IsSet, 8 * round + 2, 8 * round + 5));
        operations.push(timed(BitOp::Clear, 8 * round + 4, 8 * round + 6));
    }
    operations[3000].returned = NEVER;
    operations.extend([timed(BitOp::Set, 20_000, 20_004), timed(BitOp::IsSet, 20_001, 20_012)]);
    operations.push(timed(BitOp::Set, 20_010, 20_012));
    let Decision::Violation(conflict) = decide(&operations) else { panic!("not linearizable") };
    assert_eq!(conflict, Conflict::new(Contradiction::NoOrder, [6000, 6002]));
}

/// Whether operations within the stretch have an order, straddling ones being optional.
fn stretch_has_an_order(operations: &[Timed<BitOp>], named: &[u32]) -> bool {
    let name = |&index: &u32| &operations[index as usize];
    let from = named.iter().map(name).map(|operation| operation.invoked).min().unwrap();
    let to = named.iter().map(name).map(|operation| operation.returned).max().unwrap();
    let nothing_before = operations.iter().all(|operation| operation.returned >= from);
    let is_read = |op| matches!(op, BitOp::IsSet | BitOp::IsClear);
    let mut members = Vec::new();
    let mut optional = Vec::new();
    for (index, &operation) in (0..).zip(operations) {
        let open = Timed { returned: NEVER, ..operation };
        if named.contains(&index) || operation.returned < from || operation.invoked > to {
            continue;
        }
        match (is_read(operation.op), operation.returned > to, operation.invoked < from) {
            (true, ..) => {}
            (false, true, _) => members.push(open),
            (false, false, true) if !nothing_before => optional.push(operation),
            (false, false, _) => members.push(operation),
        }
    }
    let states: &[BitState] =
        if nothing_before { &[BitState::Clear] } else { &[BitState::Clear, BitState::Set] };
    (0..1_u32 << optional.len()).any(|choice| {
        let chosen = optional.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1);
        let mut chosen: Vec<_> = chosen.map(|(_, operation)| *operation).collect();
        chosen.extend(members.iter().chain(named.iter().map(name)));
        states.iter().any(|state| brute_force(&chosen, state, &step))
    })
}

#[test]
fn what_is_named_contradicts_itself_and_no_part_of_it_does() {
    let mut random = Random::new(13);
    let mut sizes = [0; 12];
    for _ in 0..60_000 {
        let operations = generate(&mut random);
        let Decision::Violation(conflict) = decide(&operations) else { continue };
        let named = conflict.operations;
        sizes[named.len()] += 1;
        assert!(!stretch_has_an_order(&operations, &named), "{named:?} of {operations:#?}");
        for left_out in &named {
            // What changes the bit within the stretch belongs to it, named or not.
            let rest: Vec<u32> = named.iter().copied().filter(|index| index != left_out).collect();
            let order = rest.is_empty() || stretch_has_an_order(&operations, &rest);
            let is_read = operations[*left_out as usize].op.effect() == Effect::Finds;
            assert!(order || !is_read, "{left_out} in {named:?} of {operations:#?}");
        }
    }
    assert!(sizes[1..6].iter().all(|&size| size > 100), "{sizes:?}");
}
