//! The rate that was asked for was held.
//!
//! Where it was not, the run put less to the test than its plan says, and latencies counted
//! from invocation look better than what users would have seen.

use super::{Found, Judgement};
use crate::facts::Pace;
use crate::wording::{Nanos, rate};

pub(super) fn look(pace: Option<&Pace>) -> Found {
    let Some(pace) = pace else {
        return Found::nothing("No rate was asked for, or nobody measured it.");
    };
    let (asked, achieved) = (rate(pace.asked_per_s), rate(pace.achieved_per_s));
    let why = pace.why_not.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let sentence = match pace.held {
        true => format!("{achieved} of {asked} operations a second."),
        false => format!("Only {achieved} of {asked} operations a second{why}."),
    };
    let details = pace.latencies.iter().map(|(f, latency)| {
        let (p50, p99, max) = (Nanos(latency.p50_ns), Nanos(latency.p99_ns), Nanos(latency.max_ns));
        format!("{f}, from when it was due: p50 {p50}, p99 {p99}, longest {max}")
    });
    Found::new(Judgement::bad_if(!pace.held), sentence).because(details.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_was_not_held_is_told_with_its_reason() {
        let mut pace = Pace {
            asked_per_s: 2_000.0,
            achieved_per_s: 1_240.4,
            held: false,
            why_not: Some("all clients waited".to_owned()),
            ..Pace::default()
        };
        let found = look(Some(&pace));
        assert_eq!(found.judgement, Judgement::Bad);
        assert_eq!(found.sentence, "Only 1,240 of 2,000 operations a second: all clients waited.");
        pace.held = true;
        assert_eq!(look(Some(&pace)).judgement, Judgement::Good);
        assert_eq!(look(None).judgement, Judgement::Nothing);
    }

    #[test]
    fn figures_that_are_no_numbers_are_only_shown() {
        let pace = Pace { asked_per_s: f64::NAN, achieved_per_s: -1.0, ..Pace::default() };
        assert_eq!(look(Some(&pace)).judgement, Judgement::Bad);
    }
}
