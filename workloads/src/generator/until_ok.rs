//! The same operation again until it succeeds.

use std::time::Duration;

use super::{Generator, Step};
use crate::operation::{Ending, Function, Invocation};

/// Each operation of one function again and again until it succeeds; others pass.
///
/// Every attempt is an operation of its own: two attempts may both take effect, so the model
/// must allow for the same change twice, or the change must be one that refuses the second.
pub struct UntilOk<G> {
    stream: G,
    function: Function,
    /// What was tried and has not succeeded.
    open: Option<Invocation>,
}

impl<G: Generator> UntilOk<G> {
    /// The operations of `stream`, of which those of `function` are tried again.
    pub fn new(stream: G, function: Function) -> Self {
        Self { stream, function, open: None }
    }
}

impl<G: Generator> Generator for UntilOk<G> {
    fn next(&mut self, now: Duration) -> Step {
        if let Some(open) = &self.open {
            return Step::Invoke(open.clone());
        }
        let step = self.stream.next(now);
        if let Step::Invoke(invocation) = &step
            && invocation.function == self.function
        {
            self.open = Some(invocation.clone());
        }
        step
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        if ending.is_ok() {
            self.open = None;
        }
        self.stream.observe(invocation, ending, now);
    }
}
