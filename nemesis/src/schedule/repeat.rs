//! Patterns of faults that repeat.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

use super::{STEPS_MAX, Step, millis};

/// A pattern of faults, and when it happens again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// When the first repetition begins, from the start of the schedule.
    #[serde(rename = "from_ms", with = "millis")]
    pub from: Duration,
    /// When everything is over: no step is begun that would last longer.
    #[serde(rename = "until_ms", with = "millis")]
    pub until: Duration,
    /// From the beginning of one repetition to that of the next, at least
    /// [`LASTS_MIN`](super::LASTS_MIN).
    #[serde(rename = "every_ms", with = "millis")]
    pub every: Duration,
    /// Each repetition begins up to so much later, by chance, so that it does not keep step with
    /// the timers of the system.
    #[serde(rename = "jitter_ms", with = "millis", default)]
    pub jitter: Duration,
    /// The pattern; times count from the beginning of each repetition.
    pub steps: Vec<Step>,
}

impl Repeat {
    /// How many steps it comes to, at most.
    pub(super) fn count(&self) -> usize {
        let length = self.until.saturating_sub(self.from).as_millis();
        let repetitions = length.div_ceil(self.every.as_millis().max(1));
        usize::try_from(repetitions).unwrap_or(usize::MAX).saturating_mul(self.steps.len())
    }

    /// The steps one by one; each repetition chooses anew what is left to chance.
    pub(super) fn unrolled(&self) -> impl Iterator<Item = Step> {
        // The seeds of the pattern decide; nothing else does.
        let seed = self.steps.first().map_or(0, |step| step.seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let jitter_ms = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let begins = (0..).map(move |number| {
            let late = Duration::from_millis(rng.random_range(0..=jitter_ms));
            (number, self.from + self.every * number, late)
        });
        begins
            .take(STEPS_MAX)
            .take_while(|(_, begin, _)| *begin < self.until)
            .flat_map(|(number, begin, late)| {
                let again = move |step: &Step| Step {
                    at: begin + late + step.at,
                    seed: u64::from((step.seed as u32).wrapping_add(number)),
                    ..step.clone()
                };
                self.steps.iter().map(again)
            })
            .filter(|step| step.end() <= self.until)
    }
}
