//! A lock that knows who holds it.

use super::{Indeterminate, Model};

/// What an operation does to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnedLockOp {
    /// This owner took it, which was free.
    Acquire(u32),
    /// This owner, who held it, gave it back.
    Release(u32),
}

/// A lock with owners, free at first; no owner takes it twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnedLock;

impl Model for OwnedLock {
    type State = Option<u32>;
    type Op = OwnedLockOp;

    fn init(&self) -> Option<u32> {
        None
    }

    fn step(&self, holder: &Option<u32>, op: &OwnedLockOp) -> Option<Option<u32>> {
        match (*op, *holder) {
            (OwnedLockOp::Acquire(owner), None) => Some(Some(owner)),
            (OwnedLockOp::Release(owner), Some(holder)) if owner == holder => Some(None),
            _ => None,
        }
    }

    fn kind(&self, op: &OwnedLockOp) -> Option<u128> {
        Some(match *op {
            OwnedLockOp::Acquire(owner) => super::effect(0, owner, 0),
            OwnedLockOp::Release(owner) => super::effect(1, owner, 0),
        })
    }

    fn indeterminate(&self) -> Indeterminate {
        // Each operation is legal in one state only.
        Indeterminate::WhenNeeded
    }
}
