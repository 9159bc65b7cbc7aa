//! Several streams as one, by weights.

use std::time::Duration;

use rand::{RngExt, rngs::ChaCha8Rng};

use super::{Generator, Step};
use crate::{
    operation::{Ending, Invocation},
    roles::client_rng,
    workload::Client,
};

/// The next operation is that of one of several streams, drawn by their weights.
///
/// A stream that has nothing to do now is passed over for this time, one that has ended for
/// good; the mix ends with the last of them.
pub struct Mix {
    rng: ChaCha8Rng,
    parts: Vec<Part>,
    /// Whose invocation is under way.
    current: usize,
}

struct Part {
    weight: u32,
    stream: Box<dyn Generator>,
}

impl Mix {
    /// A mix for one client; a weight of 0 leaves its stream out.
    pub fn new(
        seed: u64,
        client: Client,
        parts: impl IntoIterator<Item = (u32, Box<dyn Generator>)>,
    ) -> Self {
        let parts = parts.into_iter().filter(|(weight, _)| *weight > 0);
        let parts = parts.map(|(weight, stream)| Part { weight, stream }).collect();
        Self { rng: client_rng(seed, client), parts, current: 0 }
    }

    /// One of the parts that are `willing`, drawn by weight; none if there is none.
    fn draw(&mut self, willing: impl Fn(usize) -> bool) -> Option<usize> {
        let willing = |(number, part): (usize, &Part)| {
            if willing(number) { part.weight } else { 0 }
        };
        let total: u32 = self.parts.iter().enumerate().map(willing).sum();
        if total == 0 {
            return None;
        }
        let mut drawn = self.rng.random_range(0..total);
        self.parts.iter().enumerate().map(willing).position(|weight| {
            let found = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            found
        })
    }
}

impl Generator for Mix {
    fn next(&mut self, now: Duration) -> Step {
        let mut earliest: Option<Duration> = None;
        // Parts that have nothing to do now.
        let mut waiting: Vec<usize> = Vec::new();
        while let Some(part) = self.draw(|number| !waiting.contains(&number)) {
            match self.parts[part].stream.next(now) {
                Step::Invoke(invocation) => {
                    self.current = part;
                    return Step::Invoke(invocation);
                }
                Step::Wait(until) => {
                    earliest = Some(earliest.map_or(until, |before| before.min(until)));
                    waiting.push(part);
                }
                Step::Done => self.parts[part].weight = 0,
            }
        }
        earliest.map_or(Step::Done, Step::Wait)
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        if let Some(part) = self.parts.get_mut(self.current) {
            part.stream.observe(invocation, ending, now);
        }
    }
}
