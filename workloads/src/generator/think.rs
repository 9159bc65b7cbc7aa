//! Pauses between operations.

use std::time::Duration;

use rand::{RngExt, rngs::ChaCha8Rng};

use super::{Generator, Step};
use crate::{
    operation::{Ending, Invocation},
    roles::client_rng,
    workload::Client,
};

/// A pause after every operation of a stream, of random length.
pub struct Think<G> {
    stream: G,
    rng: ChaCha8Rng,
    mean: Duration,
    until: Duration,
}

impl<G: Generator> Think<G> {
    /// Pauses of up to twice `mean`, all lengths equally likely.
    pub fn new(stream: G, seed: u64, client: Client, mean: Duration) -> Self {
        Self { stream, rng: client_rng(seed, client), mean, until: Duration::ZERO }
    }
}

impl<G: Generator> Generator for Think<G> {
    fn next(&mut self, now: Duration) -> Step {
        if now < self.until { Step::Wait(self.until) } else { self.stream.next(now) }
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        self.until = now + self.mean.mul_f64(2.0 * self.rng.random::<f64>());
        self.stream.observe(invocation, ending, now);
    }
}
