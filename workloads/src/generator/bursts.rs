//! Operations in bursts.

use std::time::Duration;

use super::{Generator, Step};
use crate::operation::{Ending, Invocation};

/// So many operations in a row, then a pause.
pub struct Bursts<G> {
    stream: G,
    length: u64,
    pause: Duration,
    left: u64,
    until: Duration,
}

impl<G: Generator> Bursts<G> {
    /// Bursts of `length` operations, at least 1, with `pause` after the end of each.
    pub fn new(stream: G, length: u64, pause: Duration) -> Self {
        let length = length.max(1);
        Self { stream, length, pause, left: length, until: Duration::ZERO }
    }
}

impl<G: Generator> Generator for Bursts<G> {
    fn next(&mut self, now: Duration) -> Step {
        if now < self.until { Step::Wait(self.until) } else { self.stream.next(now) }
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.length;
            self.until = now + self.pause;
        }
        self.stream.observe(invocation, ending, now);
    }
}
