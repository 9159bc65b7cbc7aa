//! Locks, with or without owners: decided by search.

use super::{Part, Subject};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::history::{History, Outcome, Value};
use crate::model::{ModelName, OwnedLock, OwnedLockOp};
use crate::procedure::Decision;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// A lock, free at first; owner number 0 is nobody in particular.
pub(in crate::check) struct MutexSubject {
    part: Part<OwnedLockOp>,
}

impl Subject for MutexSubject {
    type Model = OwnedLock;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, CheckError> {
        let find = |f| history.names.find(f);
        let (acquire, release) = (find("acquire"), find("release"));
        let mut part = Part::with_room_for(object);
        let mut owners = Numbers::beginning_with(Value::NULL);
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail {
                continue;
            }
            let f = Some(recorded.f);
            let op = if f == acquire {
                OwnedLockOp::Acquire(owners.number(recorded.argument))
            } else if f == release {
                OwnedLockOp::Release(owners.number(recorded.argument))
            } else {
                return Err(CheckError::unknown_function(id, recorded, model));
            };
            part.push(id, recorded, op);
        }
        Ok(Self { part: part.sorted() })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "search"
    }

    fn decide(&self) -> Decision {
        Decision::NotApplicable("locks are decided by search alone")
    }

    fn model(&self) -> &OwnedLock {
        &OwnedLock
    }

    fn operations(&self) -> Vec<Timed<OwnedLockOp>> {
        self.part.operations.clone()
    }
}
