//! A lock, with or without owners.

use super::{Foreign, Rules};
use crate::history::{Recorded, Value};

/// `acquire` and `release`. Where they carry a value it names the owner, and only the owner
/// may release.
pub(in crate::verify) struct Lock;

/// What an operation does to the lock, for which owner; null is nobody in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum LockDeed {
    Acquire(Value),
    Release(Value),
}

impl LockDeed {
    pub(in crate::verify) fn owner(self) -> Value {
        match self {
            Self::Acquire(owner) | Self::Release(owner) => owner,
        }
    }
}

impl Rules for Lock {
    type Deed = LockDeed;
    type State = Option<Value>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<LockDeed>, Foreign> {
        match operation.f() {
            "acquire" => Ok(Some(LockDeed::Acquire(operation.argument))),
            "release" => Ok(Some(LockDeed::Release(operation.argument))),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> Option<Value> {
        None
    }

    fn apply(&self, state: &mut Option<Value>, deed: &LockDeed) -> bool {
        match *deed {
            LockDeed::Acquire(owner) => state.replace(owner).is_none(),
            LockDeed::Release(owner) => state.take() == Some(owner),
        }
    }

    fn only_reads(&self, _deed: &LockDeed) -> bool {
        false
    }
}
