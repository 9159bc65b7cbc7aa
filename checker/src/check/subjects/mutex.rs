//! Locks: without owners a bit, with owners ordered by holds.

use super::{Part, Subject};
use crate::bit::{self, BitOp, BitState};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::unread::Unread;
use crate::history::{History, Outcome, Value};
use crate::lock;
use crate::model::{ModelName, OwnedLock, OwnedLockOp};
use crate::procedure::Decision;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// A lock, free at first; owner number 0 is nobody in particular.
pub(in crate::check) struct MutexSubject {
    part: Part<OwnedLockOp>,
    owners: u32,
}

impl Subject for MutexSubject {
    type Model = OwnedLock;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
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
                return Err(CheckError::unknown_function(id, recorded, model).into());
            };
            part.push(id, recorded, op);
        }
        Ok(Self { part: part.sorted()?, owners: owners.count() })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "lock"
    }

    fn decide(&self) -> Decision {
        if self.owners > 1 {
            return lock::decide(&self.part.operations, self.owners);
        }
        let as_bit = |timed: &Timed<OwnedLockOp>| {
            let op = match timed.op {
                OwnedLockOp::Acquire(_) => BitOp::Set,
                OwnedLockOp::Release(_) => BitOp::Clear,
            };
            Timed { op, invoked: timed.invoked, returned: timed.returned }
        };
        let operations: Vec<Timed<BitOp>> = self.part.operations.iter().map(as_bit).collect();
        bit::linearize(&operations, BitState::Clear)
    }

    fn model(&self) -> &OwnedLock {
        &OwnedLock
    }

    fn operations(&self) -> Vec<Timed<OwnedLockOp>> {
        self.part.operations.clone()
    }
}
