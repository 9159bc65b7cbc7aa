//! The contradictions of a register with unique values, each reduced to what is needed.
//!
//! Runs once per violated register, so it looks its operations up by scanning.

use super::{Access, NEVER, RegisterHistory, RegisterOperation};
use crate::model::ValueId;

/// Why a register with unique values has no linearization.
///
/// Operations are named by their position in the history given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterContradiction {
    /// A value was written twice, or the initial value written: not for this procedure.
    NotUnique {
        /// The value.
        value: ValueId,
    },
    /// A value was read that nobody wrote.
    NeverWritten {
        /// The first such read to end.
        read: u32,
    },
    /// A read ended before the write of its value began.
    ReadBeforeWrite {
        /// The first read of the value to end.
        read: u32,
        /// The write.
        write: u32,
    },
    /// Two values would each have to be current before the other.
    ValueReturned {
        /// Two to six operations, by beginnings.
        operations: Vec<u32>,
    },
}

pub(super) fn never_written(
    history: &RegisterHistory<'_>,
    value: ValueId,
) -> RegisterContradiction {
    let read = extreme(history, value, |operation| operation.returned);
    RegisterContradiction::NeverWritten { read }
}

pub(super) fn read_before_write(
    history: &RegisterHistory<'_>,
    value: ValueId,
    write: u32,
) -> RegisterContradiction {
    let read = extreme(history, value, |operation| match operation.access {
        Access::Read => operation.returned,
        Access::Write => NEVER,
    });
    RegisterContradiction::ReadBeforeWrite { read, write }
}

pub(super) fn value_returned(
    history: &RegisterHistory<'_>,
    one: ValueId,
    other: ValueId,
) -> RegisterContradiction {
    let mut operations = Vec::new();
    for value in [one, other] {
        operations.push(extreme(history, value, |operation| operation.returned));
        operations.push(extreme(history, value, |operation| NEVER - operation.invoked));
        operations.extend(
            members(history, value).find_map(|(index, operation)| {
                (operation.access == Access::Write).then_some(index)
            }),
        );
    }
    operations.sort_unstable();
    operations.dedup();
    // A read that another operation of its value can stand in for goes. Writes stay: without
    // the write of its value a read proves nothing.
    let mut position = 0;
    while position < operations.len() {
        let mut without = operations.clone();
        let removed = without.remove(position);
        let is_read = history.operations[removed as usize].access == Access::Read;
        if is_read && each_before_the_other(history, &without, one, other) {
            operations = without;
        } else {
            position += 1;
        }
    }
    RegisterContradiction::ValueReturned { operations }
}

/// Whether `operations` alone force each of two values before the other.
fn each_before_the_other(
    history: &RegisterHistory<'_>,
    operations: &[u32],
    one: ValueId,
    other: ValueId,
) -> bool {
    let of = |value: ValueId| {
        operations
            .iter()
            .map(|&index| history.operations[index as usize])
            .filter(move |operation| operation.value == value)
    };
    let first_end = |value| {
        let initial = (value == ValueId::INITIAL).then_some(0);
        of(value).map(|operation| operation.returned).chain(initial).min()
    };
    let last_beginning = |value| of(value).map(|operation| operation.invoked).max();
    // `None` compares below every position, and an absent value precedes nothing.
    first_end(one).is_some_and(|end| Some(end) < last_beginning(other))
        && first_end(other).is_some_and(|end| Some(end) < last_beginning(one))
}

/// The operation of a value that is least by `measure`.
fn extreme(
    history: &RegisterHistory<'_>,
    value: ValueId,
    measure: impl Fn(&RegisterOperation) -> u32,
) -> u32 {
    members(history, value)
        .min_by_key(|(_, operation)| measure(operation))
        .map(|(index, _)| index)
        .expect("a contradiction is about values that operations have")
}

fn members<'a>(
    history: &RegisterHistory<'a>,
    value: ValueId,
) -> impl Iterator<Item = (u32, &'a RegisterOperation)> {
    (0..).zip(history.operations).filter(move |(_, operation)| operation.value == value)
}
