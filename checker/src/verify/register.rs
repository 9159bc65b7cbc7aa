//! What the operations of a register mean, read straight from the history.

use serde_json::Value;

use super::Flaw;
use crate::history::{History, Operation, Outcome};
use crate::verdict::OperationId;

/// The value of a register before any operation.
pub(super) const INITIAL: &Value = &Value::Null;

/// One operation: what it needs and what it leaves.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'a> {
    /// The value that must be current for it to happen, if it cares.
    pub(super) needs: Option<&'a Value>,
    /// The value current after it, if it stores one.
    pub(super) leaves: Option<&'a Value>,
}

/// The meaning of a non-failed operation; `None` for a read that returned nothing.
pub(super) fn meaning(history: &History, id: OperationId) -> Result<Option<Meaning<'_>>, Flaw> {
    let operation = &history.operations[id.0 as usize];
    match operation.f.as_ref() {
        "read" if operation.outcome == Outcome::Info => Ok(None),
        "read" => Ok(Some(Meaning { needs: Some(&operation.result), leaves: None })),
        "write" => Ok(Some(Meaning { needs: None, leaves: Some(&operation.argument) })),
        "cas" => match &operation.argument {
            Value::Array(pair) if pair.len() == 2 => {
                Ok(Some(Meaning { needs: Some(&pair[0]), leaves: Some(&pair[1]) }))
            }
            _ => Err(Flaw::NotOfTheModel(id)),
        },
        _ => Err(Flaw::NotOfTheModel(id)),
    }
}

/// Where a non-failed operation ends in the order of events: never, if indeterminate.
pub(super) fn end(operation: &Operation) -> Option<u64> {
    match operation.outcome {
        Outcome::Ok => operation.completed.map(|moment| moment.position),
        Outcome::Info | Outcome::Fail => None,
    }
}

/// Whether `first` ended before `second` began.
pub(super) fn precedes(first: &Operation, second: &Operation) -> bool {
    end(first).is_some_and(|end| end < second.invoked.position)
}
