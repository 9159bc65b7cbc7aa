//! A register with read, write, compare-and-set and delete.

use super::{Foreign, Rules, found};
use crate::history::{Outcome, Recorded, Value, View};

/// A register that holds JSON `null` before the first write and after a delete.
pub(in crate::verify) struct Register;

/// What an operation needs and leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum RegisterDeed {
    /// Needs a value, if it cares, and leaves one, if it stores one.
    Access {
        /// The value that must be current.
        needs: Option<Value>,
        /// The value current afterwards.
        leaves: Option<Value>,
    },
    /// Needs any value but this one, and leaves it.
    Refused(Value),
}

impl RegisterDeed {
    pub(in crate::verify) fn needs(self) -> Option<Value> {
        match self {
            Self::Access { needs, .. } => needs,
            Self::Refused(_) => None,
        }
    }

    pub(in crate::verify) fn leaves(self) -> Option<Value> {
        match self {
            Self::Access { leaves, .. } => leaves,
            Self::Refused(_) => None,
        }
    }
}

impl Rules for Register {
    type Deed = RegisterDeed;
    type State = Value;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<RegisterDeed>, Foreign> {
        let access = |needs, leaves| Ok(Some(RegisterDeed::Access { needs, leaves }));
        match operation.f() {
            "read" if operation.outcome == Outcome::Info => Ok(None),
            "read" => access(Some(operation.result), None),
            "write" => access(None, Some(operation.argument)),
            "delete" => access(None, Some(Value::NULL)),
            "cas" => match (operation.argument(), operation.outcome) {
                (View::List(&[expected, _]), Outcome::Fail) => match found(operation) {
                    // A value reported may have been read after the refusal: what it expected
                    // says no more than that it was refused.
                    Some(value) if value != expected => access(Some(value), None),
                    _ => Ok(Some(RegisterDeed::Refused(expected))),
                },
                (View::List(&[expected, new]), _) => access(Some(expected), Some(new)),
                _ => Err(Foreign),
            },
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> Value {
        Value::NULL
    }

    fn apply(&self, state: &mut Value, deed: &RegisterDeed) -> bool {
        match *deed {
            RegisterDeed::Refused(value) => *state != value,
            RegisterDeed::Access { needs, leaves } => {
                let legal = needs.is_none_or(|needed| needed == *state);
                *state = leaves.unwrap_or(*state);
                legal
            }
        }
    }

    fn only_reads(&self, deed: &RegisterDeed) -> bool {
        deed.leaves().is_none()
    }
}
