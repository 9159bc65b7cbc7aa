//! States and steps by number.
//!
//! Each state a search meets is kept once and named by its number from then on. Where
//! states own memory, and so are slow to make and to compare, what an operation does to a
//! state is remembered as well: a search asks the same again in many configurations.

use rustc_hash::FxHashMap;

use super::table::Interner;
use crate::model::Model;

/// The states met, and what operations do to them.
pub(crate) struct Steps<M: Model> {
    states: Interner<M::State>,
    /// What the states own outside of their array.
    owned_bytes: usize,
    /// Per state and class of operation, where in `reached` its states are.
    known: FxHashMap<(u32, u32), (u32, u32)>,
    reached: Vec<u32>,
    remembers: bool,
}

impl<M: Model> Steps<M> {
    pub(crate) fn new() -> Self {
        Self {
            states: Interner::new(),
            owned_bytes: 0,
            known: FxHashMap::default(),
            reached: Vec::new(),
            remembers: std::mem::needs_drop::<M::State>(),
        }
    }

    /// The number of a state.
    pub(crate) fn number(&mut self, model: &M, state: M::State) -> u32 {
        let known = self.states.len();
        let number = self.states.number(state);
        if self.states.len() > known {
            self.owned_bytes += model.owned_bytes(self.states.get(number));
        }
        number
    }

    pub(crate) fn state(&self, number: u32) -> &M::State {
        self.states.get(number)
    }

    /// Replaces `next` by the states that `op` may lead to from `state`; operations of one
    /// class do the same.
    pub(crate) fn take(
        &mut self,
        model: &M,
        state: u32,
        op: &M::Op,
        class: u32,
        next: &mut Vec<u32>,
    ) {
        next.clear();
        if self.remembers
            && let Some(&(start, end)) = self.known.get(&(state, class))
        {
            next.extend_from_slice(&self.reached[start as usize..end as usize]);
            return;
        }
        let from = self.states.get(state);
        let first = model.step(from, op);
        let others = model.others(from, op);
        for state in first.into_iter().chain(others) {
            let number = self.number(model, state);
            next.push(number);
        }
        if self.remembers
            && let Ok(end) = u32::try_from(self.reached.len() + next.len())
        {
            self.reached.extend_from_slice(next);
            self.known.insert((state, class), (end - next.len() as u32, end));
        }
    }

    /// Whether `op` can happen in `state`.
    pub(crate) fn is_legal(&mut self, model: &M, state: u32, op: &M::Op, class: u32) -> bool {
        if self.remembers {
            if let Some(&(start, end)) = self.known.get(&(state, class)) {
                return start < end;
            }
            // What it leads to will be asked for next, unless it only reads.
            if !model.reads_only(op) {
                let mut next = Vec::new();
                self.take(model, state, op, class, &mut next);
                return !next.is_empty();
            }
        }
        let state = self.states.get(state);
        model.step(state, op).is_some() || !model.others(state, op).is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        // A map keeps an eighth of its room free and a byte beside each entry.
        let entry = size_of::<((u32, u32), (u32, u32))>() + 1;
        self.states.bytes()
            + self.owned_bytes
            + self.known.capacity() * entry * 8 / 7
            + self.reached.capacity() * size_of::<u32>()
    }
}
