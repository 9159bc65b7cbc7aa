//! What the operations of a register mean, read straight from the history.

use super::Flaw;
use crate::history::{History, Moment, Operation, Outcome, Value, View};
use crate::verdict::OperationId;

/// The value of a register before any operation.
pub(super) const INITIAL: Value = Value::NULL;

/// One operation: what it needs and what it leaves.
#[derive(Clone, Copy)]
pub(super) struct Meaning {
    /// The value that must be current for it to happen, if it cares.
    pub(super) needs: Option<Value>,
    /// The value current after it, if it stores one.
    pub(super) leaves: Option<Value>,
}

/// The meaning of a non-failed operation; `None` for a read that returned nothing.
pub(super) fn meaning(history: &History, id: OperationId) -> Result<Option<Meaning>, Flaw> {
    let operation = history.get(id);
    match operation.f() {
        "read" if operation.outcome == Outcome::Info => Ok(None),
        "read" => Ok(Some(Meaning { needs: Some(operation.result), leaves: None })),
        "write" => Ok(Some(Meaning { needs: None, leaves: Some(operation.argument) })),
        "cas" => match operation.argument() {
            View::List(&[expected, new]) => {
                Ok(Some(Meaning { needs: Some(expected), leaves: Some(new) }))
            }
            _ => Err(Flaw::NotOfTheModel(id)),
        },
        _ => Err(Flaw::NotOfTheModel(id)),
    }
}

/// Where a non-failed operation ends in the order of events: never, if indeterminate.
pub(super) fn end(operation: &Operation) -> Option<u32> {
    match operation.outcome {
        Outcome::Ok => operation.completed.map(Moment::position),
        Outcome::Info | Outcome::Fail => None,
    }
}

/// Whether `first` ended before `second` began.
pub(super) fn precedes(first: &Operation, second: &Operation) -> bool {
    end(first).is_some_and(|end| end < second.invoked.position())
}
