//! Streams one after the other.

use std::{collections::VecDeque, time::Duration};

use super::{Generator, Step};
use crate::operation::{Ending, Invocation};

/// One stream after another has ended, each client for itself.
pub struct Sequence {
    parts: VecDeque<Box<dyn Generator>>,
}

impl Sequence {
    /// The streams in this order.
    pub fn new(parts: impl IntoIterator<Item = Box<dyn Generator>>) -> Self {
        Self { parts: parts.into_iter().collect() }
    }
}

impl Generator for Sequence {
    fn next(&mut self, now: Duration) -> Step {
        while let Some(first) = self.parts.front_mut() {
            match first.next(now) {
                Step::Done => drop(self.parts.pop_front()),
                step => return step,
            }
        }
        Step::Done
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        // A part is only dropped when it is asked again, so the first one is the one meant.
        if let Some(first) = self.parts.front_mut() {
            first.observe(invocation, ending, now);
        }
    }
}
