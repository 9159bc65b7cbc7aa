//! Whose turn it is: a step that begins after another has ended waits until that is undone.
//!
//! Evidence takes its time, and a restart may take long. Without waiting, faults that the
//! schedule keeps apart would run into each other.

use std::time::Duration;

use tokio::sync::watch;

use crate::schedule::Step;

/// The steps of a schedule, and which of them are over.
pub(super) struct Turns {
    ends: Vec<Duration>,
    over: watch::Sender<Vec<bool>>,
}

impl Turns {
    pub(super) fn of(steps: &[Step]) -> Self {
        let ends = steps.iter().map(Step::end).collect();
        Self { ends, over: watch::Sender::new(vec![false; steps.len()]) }
    }

    /// Resolves when every step that ends by `begin` is over.
    pub(super) async fn wait_for(&self, begin: Duration) {
        let mut over = self.over.subscribe();
        let apart =
            |over: &Vec<bool>| self.ends.iter().zip(over).all(|(end, over)| *over || *end > begin);
        over.wait_for(apart).await.expect("the sender lives in self");
    }

    /// Notes that the step in this place is undone, or never began.
    pub(super) fn over(&self, place: usize) {
        self.over.send_modify(|over| over[place] = true);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::fault::{Fault, Target};

    fn step(at_ms: u64, lasts_ms: u64) -> Step {
        let ms = Duration::from_millis;
        let fault = Fault::Kill { target: Target::One };
        Step { at: ms(at_ms), lasts: ms(lasts_ms), fault, seed: 0 }
    }

    #[test]
    fn only_what_ended_before_is_waited_for() {
        let steps = [step(0, 100), step(100, 100), step(50, 1_000)];
        let turns = Turns::of(&steps);
        let may_begin = |step: &Step| turns.wait_for(step.at).now_or_never().is_some();
        assert!(may_begin(&steps[0]) && may_begin(&steps[2]));
        assert!(!may_begin(&steps[1]), "the first ends as it begins");
        turns.over(0);
        assert!(may_begin(&steps[1]), "the last goes on beside it");
    }
}
