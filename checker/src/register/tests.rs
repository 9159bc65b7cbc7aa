//! Edge cases of registers with unique values, one contradiction each.

use super::decide;
use crate::model::{RegisterOp, ValueId};
use crate::procedure::{Conflict, Decision};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

fn read(value: u32, invoked: u32, returned: u32) -> Timed<RegisterOp> {
    Timed { op: RegisterOp::Read(ValueId(value)), invoked, returned }
}

fn write(value: u32, invoked: u32, returned: u32) -> Timed<RegisterOp> {
    Timed { op: RegisterOp::Write(ValueId(value)), invoked, returned }
}

fn cas(expected: u32, new: u32, invoked: u32, returned: u32) -> Timed<RegisterOp> {
    let (expected, new) = (ValueId(expected), ValueId(new));
    Timed { op: RegisterOp::Cas { expected, new }, invoked, returned }
}

fn refused(value: u32, invoked: u32, returned: u32) -> Timed<RegisterOp> {
    Timed { op: RegisterOp::Refused(ValueId(value)), invoked, returned }
}

#[track_caller]
fn assert_order(operations: &[Timed<RegisterOp>], order: &[u32]) {
    assert_eq!(decide(operations, 9), Decision::Linearizable(order.to_vec()));
}

#[track_caller]
fn assert_conflict(operations: &[Timed<RegisterOp>], kind: Contradiction, named: &[u32]) {
    let conflict = Conflict { kind, operations: named.to_vec() };
    assert_eq!(decide(operations, 9), Decision::Violation(conflict));
}

#[track_caller]
fn assert_not_applicable(operations: &[Timed<RegisterOp>]) {
    assert!(matches!(decide(operations, 9), Decision::NotApplicable(_)));
}

#[test]
fn nothing_and_no_values_are_linearizable() {
    assert_eq!(decide(&[], 0), Decision::Linearizable(Vec::new()));
    assert_order(&[read(0, 1, 2)], &[0]);
}

#[test]
fn an_operation_takes_at_most_20_bytes() {
    assert!(size_of::<Timed<RegisterOp>>() <= 20);
}

#[test]
fn an_indeterminate_store_takes_part_only_if_its_value_was_found() {
    let operations = [write(1, 1, NEVER), write(2, 2, NEVER), cas(2, 3, 3, NEVER), cas(3, 4, 4, 5)];
    assert_order(&operations, &[1, 2, 3]);
    assert_order(&[write(1, 1, NEVER), cas(1, 2, 2, NEVER), read(1, 3, 4)], &[0, 2]);
}

#[test]
fn what_is_stored_twice_or_unsorted_is_for_others() {
    assert_not_applicable(&[write(1, 1, 2), write(1, 3, 4)]);
    assert_not_applicable(&[write(0, 1, 2)]);
    assert_not_applicable(&[cas(1, 0, 1, 2)]);
    assert_not_applicable(&[read(0, 3, 4), read(0, 1, 2)]);
}

#[test]
fn values_from_nowhere() {
    let operations = [read(2, 1, 9), read(2, 2, 3), write(1, 4, 5)];
    assert_conflict(&operations, Contradiction::NeverWritten, &[1]);
    let operations = [write(1, 1, 2), cas(2, 3, 3, 4)];
    assert_conflict(&operations, Contradiction::NeverWritten, &[1]);
    // The compare-and-set must have happened, as its value was found.
    let operations = [cas(2, 3, 1, NEVER), cas(3, 4, 2, NEVER), read(4, 3, 4)];
    assert_conflict(&operations, Contradiction::NeverWritten, &[0, 1, 2]);
    assert_order(&operations[..2], &[]);
}

#[test]
fn a_read_before_its_write() {
    let operations = [read(1, 1, 2), write(1, 3, 4), read(1, 5, 6)];
    assert_conflict(&operations, Contradiction::ReadBeforeWrite, &[0, 1]);
    assert_order(&[read(1, 1, 3), write(1, 3, 4)], &[1, 0]);
}

#[test]
fn a_value_that_returns() {
    let operations = [write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)];
    assert_conflict(&operations, Contradiction::ValueReturned, &[0, 1, 2]);
    let operations = [write(1, 1, NEVER), read(1, 2, 3), read(0, 4, 5)];
    assert_conflict(&operations, Contradiction::ValueReturned, &[0, 1, 2]);
    let operations =
        [write(1, 1, NEVER), write(2, 2, NEVER), read(1, 3, 4), read(2, 5, 6), read(1, 7, 8)];
    assert_conflict(&operations, Contradiction::ValueReturned, &[0, 1, 2, 3, 4]);
}

#[test]
fn two_replacements_of_one_value() {
    let operations = [write(1, 1, 2), cas(1, 2, 3, 6), cas(1, 3, 4, 5)];
    assert_conflict(&operations, Contradiction::ReplacedTwice, &[0, 1, 2]);
    let operations = [cas(0, 2, 3, 6), cas(0, 3, 4, NEVER), read(3, 7, 8)];
    assert_conflict(&operations, Contradiction::ReplacedTwice, &[0, 1, 2]);
    assert_order(&operations[..2], &[0]);
}

#[test]
fn a_chain_against_time() {
    let operations = [cas(2, 3, 1, 2), write(1, 1, 9), cas(1, 2, 3, 4)];
    assert_conflict(&operations, Contradiction::ChainInverted, &[0, 2]);
    // A read of the first value after a read of the third.
    let operations =
        [write(1, 1, 20), cas(1, 2, 2, 20), cas(2, 3, 3, 20), read(3, 4, 5), read(1, 6, 7)];
    assert_conflict(&operations, Contradiction::ChainInverted, &[0, 1, 2, 3, 4]);
}

#[test]
fn a_circle_of_replacements() {
    assert_conflict(&[cas(1, 1, 1, 2)], Contradiction::ChainClosed, &[0]);
    let operations = [cas(1, 2, 1, NEVER), cas(2, 1, 2, NEVER), read(1, 3, 9)];
    assert_conflict(&operations, Contradiction::ChainClosed, &[0, 1, 2]);
    assert_order(&operations[..2], &[]);
}

#[test]
fn a_chain_stays_together() {
    // 1 -> 2 -> 3 with a write of 4 that must come after 1 and before 3.
    let operations =
        [write(1, 1, 2), cas(1, 2, 3, 12), write(4, 4, 5), cas(2, 3, 6, 13), write(5, 14, 15)];
    assert_conflict(&operations, Contradiction::ValueReturned, &[0, 1, 2, 3]);
}

#[test]
fn refused_operations_fit_where_another_value_is() {
    assert_order(&[write(1, 1, 9), refused(1, 2, 3)], &[1, 0]);
    assert_order(&[refused(0, 1, 9), write(1, 2, 3)], &[1, 0]);
    assert_order(&[refused(0, 1, NEVER), write(1, 2, 3)], &[1]);
    assert_order(&[write(1, 1, 2), refused(7, 3, 4)], &[0, 1]);
}

#[test]
fn refused_operations_in_vain() {
    let operations = [write(1, 1, 2), refused(1, 3, 4), read(1, 5, 6)];
    assert_conflict(&operations, Contradiction::RefusedInVain, &[0, 1, 2]);
    let operations = [refused(0, 1, 2), read(0, 3, 4)];
    assert_conflict(&operations, Contradiction::RefusedInVain, &[0, 1]);
    let operations = [refused(0, 1, 2), cas(0, 1, 3, NEVER), read(1, 4, 5)];
    assert_conflict(&operations, Contradiction::RefusedInVain, &[0, 1, 2]);
    assert_not_applicable(&operations[..2]);
}
