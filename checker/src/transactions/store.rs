//! A store of lists or registers as a model for the general search.
//!
//! For what the dependencies leave open: elements that repeat, and registers of which too
//! few were read. A state holds every key, so a search costs much more than the procedure.

use std::sync::Arc;

use super::input::{ElementId, MicroOperation, Objects, Transactions};
use crate::model::Model;

/// What each key holds; a register one value or none.
pub type Store = Box<[Arc<[ElementId]>]>;

/// Transactions by their numbers. Failed ones are no operations, and the reads of
/// indeterminate ones say nothing, so neither may be given to a search.
impl Model for Transactions {
    type State = Store;
    type Op = u32;

    fn init(&self) -> Store {
        vec![Arc::from([]); self.keys()].into()
    }

    fn step(&self, state: &Store, op: &u32) -> Option<Store> {
        let mut state = state.clone();
        for micro_operation in self.micro_operations(*op) {
            match *micro_operation {
                MicroOperation::Read { key, start, length } => {
                    let read = *state[key.0 as usize] == *self.list(start, length);
                    if !read && self.is_ok(*op) {
                        return None;
                    }
                }
                MicroOperation::Write { key, element } => {
                    let held = &mut state[key.0 as usize];
                    *held = match self.objects() {
                        Objects::Lists => held.iter().copied().chain([element]).collect(),
                        Objects::Registers if self.erases(element) => Arc::from([]),
                        Objects::Registers => Arc::from([element]),
                    };
                }
            }
        }
        Some(state)
    }

    fn reads_only(&self, op: &u32) -> bool {
        let reads = |micro_operation: &MicroOperation| {
            matches!(micro_operation, MicroOperation::Read { .. })
        };
        self.micro_operations(*op).iter().all(reads)
    }

    fn owned_bytes(&self, state: &Store) -> usize {
        // Lists are mostly shared with the state before.
        size_of_val(&**state)
    }
}
