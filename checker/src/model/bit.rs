//! One bit: an element of a set, or a lock without owners.

use super::{Indeterminate, Model};
use crate::bit::{BitOp, BitState};

/// A bit, in this state at first.
#[derive(Clone, Copy, Debug)]
pub struct Bit(pub BitState);

impl Model for Bit {
    type State = BitState;
    type Op = BitOp;

    fn init(&self) -> BitState {
        self.0
    }

    fn step(&self, state: &BitState, op: &BitOp) -> Option<BitState> {
        match (op, state) {
            (BitOp::Set, BitState::Clear) | (BitOp::IsSet, BitState::Set) => Some(BitState::Set),
            (BitOp::Clear, BitState::Set) | (BitOp::IsClear, BitState::Clear) => {
                Some(BitState::Clear)
            }
            _ => None,
        }
    }

    fn reads_only(&self, op: &BitOp) -> bool {
        matches!(op, BitOp::IsSet | BitOp::IsClear)
    }

    fn kind(&self, op: &BitOp) -> Option<u128> {
        Some(match op {
            BitOp::Set => 0,
            BitOp::Clear => 1,
            BitOp::IsSet => 2,
            BitOp::IsClear => 3,
        })
    }

    fn indeterminate(&self) -> Indeterminate {
        // Each operation is legal in one state only.
        Indeterminate::WhenNeeded
    }
}
