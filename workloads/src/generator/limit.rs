//! Streams that end.

use std::time::Duration;

use super::{Generator, Step};
use crate::operation::{Ending, Invocation};

/// Ends a stream after so many operations, or at some time, whichever comes first.
pub struct Limit<G> {
    stream: G,
    left: u64,
    until: Duration,
}

impl<G: Generator> Limit<G> {
    /// At most `operations` of `stream`.
    pub fn operations(stream: G, operations: u64) -> Self {
        Self { stream, left: operations, until: Duration::MAX }
    }

    /// What `stream` begins before `until`, since the clients began.
    pub fn until(stream: G, until: Duration) -> Self {
        Self { stream, left: u64::MAX, until }
    }
}

impl<G: Generator> Generator for Limit<G> {
    fn next(&mut self, now: Duration) -> Step {
        if self.left == 0 || now >= self.until {
            return Step::Done;
        }
        match self.stream.next(now) {
            Step::Invoke(invocation) => {
                self.left -= 1;
                Step::Invoke(invocation)
            }
            Step::Wait(time) => Step::Wait(time.min(self.until)),
            Step::Done => Step::Done,
        }
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        self.stream.observe(invocation, ending, now);
    }
}
