//! A transcript for a terminal.

use super::{Line, Step, Transcript};

/// One line of a transcript.
#[must_use]
pub fn one_line(line: &Line) -> String {
    let seconds = std::time::Duration::from_millis(line.at_ms).as_secs_f64();
    match &line.step {
        Step::Did { what } => format!("{seconds:>7.2} s  {what}"),
        Step::Noted { what } => format!("{seconds:>7.2} s    ({what})"),
        Step::Expected { what, saw, held } => {
            let mark = if *held { "✓" } else { "✗ NOT SO:" };
            format!("{seconds:>7.2} s    {mark} {what}\n{:>12}saw: {saw}", "")
        }
    }
}

/// What became of a scenario, in a line.
#[must_use]
pub fn outcome(transcript: &Transcript) -> String {
    let name = &transcript.scenario;
    let (all, broken) = transcript.expectations();
    match (&transcript.broke_off, broken) {
        (Some(why), _) => format!("{name}: broke off: failed to {why}"),
        (None, 0) => format!("{name}: all {all} expectations held"),
        (None, _) => format!("{name}: {broken} of {all} expectations DID NOT HOLD"),
    }
}
