//! The findings as a table for a terminal, a row at a time while the campaign goes on.

use std::fmt::Write as _;

use super::{Findings, PatientFindings, Spread};
use crate::plan::Plan;

/// The line above the rows.
#[must_use]
pub fn heading() -> String {
    format!(
        "{:<26} {:<11} {:>7}  {:>15}  {:>17}  {:>4}  {}",
        "bug", "expected", "found", "seconds med/max", "operations (med)", "size", "clean"
    )
}

/// One patient in a line.
#[must_use]
pub fn row(patient: &PatientFindings) -> String {
    let figures = &patient.figures;
    let name = match &patient.workload {
        Some(workload) => format!("{} {workload}", patient.name),
        None => patient.name.clone(),
    };
    let mut line = format!("{name:<26} {:<11} ", patient.expected.as_str());
    if let Some(why) = &patient.missing {
        line.push_str("    not run: ");
        line.push_str(why);
        return line;
    }
    let found = format!("{}/{}", figures.found.count, figures.found.of);
    let seconds =
        figures.seconds.map(|Spread { median, worst }| format!("{median:.1} / {worst:.1}"));
    let clean = match figures.accused.of {
        0 => "not run".to_owned(),
        of => format!("{}/{of} accused", figures.accused.count),
    };
    let mark = if patient.missed() { "  NOT FOUND OFTEN ENOUGH" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(
        line,
        "{found:>7}  {:>15}  {:>17}  {:>4}  {clean}{mark}",
        seconds.unwrap_or_else(|| "-".to_owned()),
        median(figures.operations),
        median(figures.size),
    );
    line
}

/// What the campaign came to, in a sentence or two.
#[must_use]
pub fn summary(findings: &Findings) -> String {
    let run = findings.patients.iter().filter(|patient| patient.figures.found.of > 0).count();
    let missing = findings.patients.iter().filter(|patient| patient.missing.is_some()).count();
    let accused = findings.accused();
    let mut text = format!(
        "{} of {run} bugs found in at least nine of ten seeds",
        run.saturating_sub(findings.missed())
    );
    if missing > 0 {
        let _ = write!(text, ", {missing} wait for a fault that does not exist yet");
    }
    if accused.of > 0 {
        let _ = write!(
            text,
            "; the working system was accused in {} of {} runs",
            accused.count, accused.of
        );
    }
    match findings.misjudged() {
        0 => {}
        1 => text.push_str("; 1 run with a bug of liveness reported a violation"),
        count => {
            let _ = write!(text, "; {count} runs with bugs of liveness reported violations");
        }
    }
    if findings.failed() > 0 {
        let _ = write!(text, "; {} runs had no results", findings.failed());
    }
    text
}

/// A plan in a few words.
pub(super) fn in_words(plan: &Plan) -> String {
    format!(
        "{}, {} nodes, {} keys, faults {}, at most {}",
        plan.workload,
        plan.nodes,
        plan.keys,
        plan.nemesis,
        humantime::format_duration(plan.time)
    )
}

fn median(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".to_owned(), |spread| format!("{:.0}", spread.median))
}
