//! General search: any model, any concurrency, any number of indeterminate operations.
//!
//! Walks the tree of prefixes of linearizations depth first, without recursion, and visits
//! each configuration (the set of operations taken and the state they lead to) once.
//! Exponential in the number of concurrent operations at worst, indeterminate ones
//! included, so it works under a [`Budget`]. An operation that only reads is never put off:
//! where it can come next, an order that has it later can as well have it now, so nothing
//! else is tried in its place. Nothing here depends on what the model is;
//! near-linear procedures for particular models are elsewhere.
//!
//! Sources: Wing & Gong, *Testing and Verifying Concurrent Objects* (1993); the
//! configuration cache after Lowe, *Testing for Linearizability* (2017).

mod configuration;
mod timeline;

use rustc_hash::FxHashMap;

use crate::check::Budget;
use crate::model::Model;
use configuration::{Taken, Visited};
use timeline::{Entry, Timeline};

pub use crate::timed::{NEVER, Timed};

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    /// A linearization, by positions in the operations given.
    Linearizable(Vec<u32>),
    /// There is none.
    Violation,
    /// The budget ran out.
    Exhausted(Progress),
}

/// How far a search got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Configurations visited.
    pub configurations: u64,
    /// The most ended operations that a legal order was found for.
    pub ordered: usize,
    /// The ended operations there are.
    pub ended: usize,
}

/// Searches for a linearization of one object's history.
///
/// `operations` may be in any order; one that ended at the position another began at is
/// concurrent with it. Stops once `budget` is spent and reports how far it got; a stop is
/// seen before the next operation is tried.
///
/// Memory: per configuration 44 to 60 bytes, and 8 per 64 operations between the first ended
/// one not yet taken and the last taken, and likewise among the indeterminate ones. At about
/// 1.2 GiB in all it ends like a spent budget.
pub fn search<M: Model>(model: &M, operations: &[Timed<M::Op>], budget: &Budget<'_>) -> Searched {
    Search::new(model, operations).run(budget)
}

/// What came of looking at a place of the timeline.
enum Attempt {
    /// Its operation was taken.
    Taken,
    /// Its operation cannot be next.
    Passed,
    /// No operation that could be next leads on.
    DeadEnd,
}

struct Search<'a, M: Model> {
    model: &'a M,
    operations: &'a [Timed<M::Op>],
    timeline: Timeline,
    taken: Taken,
    visited: Visited,
    states: FxHashMap<M::State, u32>,
    /// The operations taken, each with the state before it.
    path: Vec<(u32, M::State)>,
    state: M::State,
    /// Ended operations not yet taken.
    remaining: usize,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, operations: &'a [Timed<M::Op>]) -> Self {
        let state = model.init();
        Self {
            model,
            operations,
            timeline: Timeline::new(operations),
            taken: Taken::new(operations.iter().map(|operation| operation.returned != NEVER)),
            visited: Visited::new(),
            states: FxHashMap::default(),
            path: Vec::new(),
            state,
            remaining: operations.iter().filter(|operation| operation.returned != NEVER).count(),
        }
    }

    fn run(mut self, budget: &Budget<'_>) -> Searched {
        let mut progress = Progress { configurations: 0, ordered: 0, ended: self.remaining };
        let mut cursor = self.timeline.first();
        while self.remaining > 0 {
            let spent = progress.configurations >= budget.configurations || self.visited.is_full();
            // Looking costs nothing beside a step of a model, which may be as slow as it likes.
            if spent || budget.stopped() {
                return Searched::Exhausted(progress);
            }
            let attempt = match self.timeline.entry(cursor) {
                Entry::Invocation(operation) => self.take(operation),
                // Whatever else is taken first, this operation has ended before it.
                Entry::Completion | Entry::End => Attempt::DeadEnd,
            };
            cursor = match attempt {
                Attempt::Taken => {
                    progress.configurations += 1;
                    progress.ordered = progress.ordered.max(progress.ended - self.remaining);
                    self.timeline.first()
                }
                Attempt::Passed => self.timeline.after(cursor),
                Attempt::DeadEnd => match self.give_back() {
                    Some(operation) => self.timeline.after(operation),
                    None => return Searched::Violation,
                },
            };
        }
        Searched::Linearizable(self.path.into_iter().map(|(operation, _)| operation).collect())
    }

    /// Takes an operation next, if it is legal and leads to a new configuration.
    fn take(&mut self, operation: u32) -> Attempt {
        let timed = &self.operations[operation as usize];
        let Some(state) = self.model.step(&self.state, &timed.op) else {
            return Attempt::Passed;
        };
        let number = match self.states.get(&state) {
            Some(number) => *number,
            None => {
                let next = self.states.len() as u32;
                self.states.insert(state.clone(), next);
                next
            }
        };
        self.taken.insert(operation);
        if !self.visited.insert(&self.taken, number) {
            self.taken.remove(operation);
            // It led nowhere before; for a mere reader, then, nothing leads on from here.
            let reads_only = self.model.reads_only(&timed.op);
            return if reads_only { Attempt::DeadEnd } else { Attempt::Passed };
        }
        self.path.push((operation, std::mem::replace(&mut self.state, state)));
        self.timeline.lift(operation);
        self.remaining -= usize::from(timed.returned != NEVER);
        Attempt::Taken
    }

    /// Undoes the last taking that had an alternative, and all since; returns its operation.
    fn give_back(&mut self) -> Option<u32> {
        loop {
            let (operation, state) = self.path.pop()?;
            let timed = &self.operations[operation as usize];
            self.state = state;
            self.taken.remove(operation);
            self.timeline.restore(operation);
            self.remaining += usize::from(timed.returned != NEVER);
            if !self.model.reads_only(&timed.op) {
                return Some(operation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Register, RegisterOp, ValueId};

    fn timed(op: RegisterOp, invoked: u32, returned: u32) -> Timed<RegisterOp> {
        Timed { op, invoked, returned }
    }

    #[test]
    fn an_indeterminate_write_is_taken_only_if_needed() {
        let write = timed(RegisterOp::Write(ValueId(1)), 1, NEVER);
        let read = |value, invoked| timed(RegisterOp::Read(ValueId(value)), invoked, invoked + 1);
        let budget = Budget::default();
        let found = search(&Register, &[write, read(0, 2), read(1, 4)], &budget);
        assert_eq!(found, Searched::Linearizable(vec![1, 0, 2]));
        let found = search(&Register, &[write, read(1, 2), read(0, 4)], &budget);
        assert_eq!(found, Searched::Violation);
    }

    #[test]
    fn a_spent_budget_says_how_far_it_got() {
        let write = |value| timed(RegisterOp::Write(ValueId(value)), 1, 50);
        let mut operations: Vec<_> = (1..=20).map(write).collect();
        operations.push(timed(RegisterOp::Read(ValueId(99)), 51, 52));
        let budget = Budget { configurations: 1000, stop: None };
        let Searched::Exhausted(progress) = search(&Register, &operations, &budget) else {
            panic!("a thousand configurations cannot decide this");
        };
        assert_eq!(progress, Progress { configurations: 1000, ordered: 20, ended: 21 });
    }
}
