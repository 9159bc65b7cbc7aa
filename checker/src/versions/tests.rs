//! Registers with revisions: edge cases, and the brute force.

use super::{VersionedOp, decide};
use crate::cross_check::{Judged, Random, spans};
use crate::model::ValueId;
use crate::procedure::{Conflict, Decision};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// Few, so that they repeat.
const VALUES: u32 = 4;

fn read(value: u32, revision: u32, invoked: u32, returned: u32) -> Timed<VersionedOp> {
    Timed { op: VersionedOp::Read { value: ValueId(value), revision }, invoked, returned }
}

fn write(value: u32, revision: u32, invoked: u32, returned: u32) -> Timed<VersionedOp> {
    Timed { op: VersionedOp::Write { value: ValueId(value), revision }, invoked, returned }
}

fn open(value: u32, invoked: u32) -> Timed<VersionedOp> {
    let op = VersionedOp::Unacknowledged { value: ValueId(value) };
    Timed { op, invoked, returned: NEVER }
}

#[track_caller]
fn assert_order(operations: &[Timed<VersionedOp>], order: &[u32]) {
    assert_eq!(decide(operations, VALUES), Decision::Linearizable(order.to_vec()));
}

#[track_caller]
fn assert_conflict(operations: &[Timed<VersionedOp>], kind: Contradiction, named: &[u32]) {
    let conflict = Conflict { kind, operations: named.to_vec() };
    assert_eq!(decide(operations, VALUES), Decision::Violation(conflict));
}

#[test]
fn values_may_repeat_and_return() {
    assert_order(&[], &[]);
    let operations = [write(1, 1, 1, 2), write(2, 2, 3, 4), write(1, 3, 5, 6), read(1, 3, 7, 8)];
    assert_order(&operations, &[0, 1, 2, 3]);
    assert_order(&[read(0, 0, 1, 9), write(0, 1, 2, 3), read(0, 1, 4, 5)], &[0, 1, 2]);
}

#[test]
fn indeterminate_writes_fill_the_open_revisions() {
    // Revision 1 was not read and revision 2 shows value 1: the first write must be left.
    let operations = [open(1, 1), open(1, 2), write(2, 3, 3, 4), read(1, 2, 4, 5)];
    assert_order(&operations, &[0, 1, 3, 2]);
    assert_order(&[open(1, 1)], &[]);
}

#[test]
fn each_kind_of_contradiction() {
    let operations = [write(1, 1, 1, 2), write(2, 1, 3, 4)];
    assert_conflict(&operations, Contradiction::DuplicateId, &[0, 1]);
    let operations = [write(1, 2, 1, 2), write(2, 1, 3, 4)];
    assert_conflict(&operations, Contradiction::OutOfOrder, &[0, 1]);
    assert_conflict(&[read(1, 0, 1, 2)], Contradiction::NeverWritten, &[0]);
    let operations = [open(2, 1), read(1, 1, 2, 3)];
    assert_conflict(&operations, Contradiction::NeverWritten, &[1]);
    assert_conflict(&[write(1, 2, 1, 2)], Contradiction::MissingId, &[0]);
    let operations = [write(1, 2, 1, 2), open(2, 3)];
    assert_conflict(&operations, Contradiction::MissingId, &[0]);
    let operations = [write(1, 1, 1, 2), read(2, 1, 3, 4)];
    assert_conflict(&operations, Contradiction::NoOrder, &[0, 1]);
    let operations = [open(1, 1), read(1, 1, 2, 3), read(1, 2, 2, 4)];
    assert_conflict(&operations, Contradiction::MissingId, &[2]);
    let operations = [open(1, 1), open(2, 1), read(1, 1, 2, 3), read(1, 2, 2, 4)];
    assert_conflict(&operations, Contradiction::NoOrder, &[2, 3]);
}

#[test]
fn a_write_may_be_needed_elsewhere() {
    let operations = [open(1, 1), read(1, 2, 2, 4), write(2, 3, 2, 5), open(3, 6)];
    assert_conflict(&operations, Contradiction::MissingId, &[1]);
    // Only the first write stored 1, and the second began too late for revision 1.
    let operations =
        [open(1, 1), write(3, 2, 3, 5), open(2, 6), read(1, 3, 7, 8), write(3, 4, 7, 9)];
    assert_conflict(&operations, Contradiction::NoOrder, &[1, 3]);
}

#[test]
fn what_it_cannot_judge() {
    for operation in [
        write(1, 0, 1, 2),
        write(1, 1, 1, NEVER),
        read(0, 0, 1, NEVER),
        Timed { returned: 2, ..open(1, 1) },
    ] {
        assert!(matches!(decide(&[operation], VALUES), Decision::NotApplicable(_)));
    }
    let operations = [read(0, 0, 2, 3), read(0, 0, 1, 4)];
    assert!(matches!(decide(&operations, VALUES), Decision::NotApplicable(_)));
}

/// A small legal run, sometimes with lies about what was seen.
fn generate(random: &mut Random) -> Vec<Timed<VersionedOp>> {
    let count = random.below(10);
    let layout = spans(random, count);
    let lies = random.chance(85);
    let reads_percent = random.pick(&[20, 50]);
    let values = 1 + random.below(VALUES - 1);
    let mut operations: Vec<Timed<VersionedOp>> =
        layout.spans.iter().map(|&(invoked, end)| read(0, 0, invoked, end)).collect();
    let (mut current, mut revision) = (0, 0);
    for index in layout.effects {
        let Timed { invoked, returned, .. } = operations[index];
        let lie = lies && random.chance(25);
        let shift = if lie { random.below(3) } else { 1 };
        operations[index] = if random.chance(reads_percent) {
            let value = if lie { random.below(VALUES) } else { current };
            read(value, (revision + shift).saturating_sub(1), invoked, returned)
        } else {
            let value = random.below(values + 1);
            let lost = random.chance(40);
            if !lost || random.chance(70) {
                current = value;
                revision += 1;
            }
            let told = (revision + shift).saturating_sub(1).max(1);
            if lost { open(value, invoked) } else { write(value, told, invoked, returned) }
        };
    }
    operations
}

type State = (ValueId, u32);

fn step(state: &State, op: &VersionedOp) -> Vec<State> {
    let next = state.1 + 1;
    match *op {
        VersionedOp::Read { value, revision } if *state == (value, revision) => vec![*state],
        VersionedOp::Write { value, revision } if revision == next => vec![(value, revision)],
        VersionedOp::Unacknowledged { value } => vec![(value, next)],
        VersionedOp::Read { .. } | VersionedOp::Write { .. } => Vec::new(),
    }
}

const JUDGED: Judged<'static, VersionedOp, State> = Judged {
    generate: &generate,
    decide: &|operations| decide(operations, VALUES),
    initial: (ValueId::INITIAL, 0),
    step: &step,
};

#[test]
fn it_agrees_with_the_brute_force() {
    let tally = JUDGED.run(200_000, 1).unwrap();
    assert!(tally.linearizable > 60_000, "{tally:?}");
    assert!(tally.violations > 60_000, "{tally:?}");
    assert!(tally.with_indeterminate > 60_000, "{tally:?}");
    assert_eq!(tally.not_applicable, 0);
}

#[test]
fn every_fault_is_caught() {
    let faults = [
        "versions: reads may show anything",
        "versions: the first write goes to the first revision",
        "versions: writes serve twice",
        "versions: writes set no deadlines",
    ];
    let survivors = JUDGED.survivors(&faults, 200_000, 2);
    assert!(survivors.is_empty(), "{survivors:?}");
}
