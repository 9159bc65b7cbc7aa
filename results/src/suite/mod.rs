//! The results of a suite: many runs, each against what was expected of it.
//!
//! The harness owns the list and fills it while the suite goes on; this module renders it
//! for people and machines. A planted bug that was not found is as unexpected as a
//! violation of the clean system.

mod page;

use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCaseStatus, TestSuite};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::junit;
use crate::summary::RunVerdict;
use crate::text::{Colour, printable};
use crate::wording::plural;

pub use page::render_html;

/// The results of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteResults {
    /// Format version, 1.
    pub squall: u32,
    /// The name of the suite.
    pub suite: String,
    /// When it began (UTC).
    pub started_utc: String,
    /// Its runs, in plan order.
    pub cells: Vec<Cell>,
}

/// One run of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The name of the run.
    pub name: String,
    /// What was run, in a few words.
    pub plan: String,
    /// The verdict it should come to.
    pub expected: RunVerdict,
    /// The verdict it came to; `None` if it could not be set up.
    pub verdict: Option<RunVerdict>,
    /// The verdict is the expected one.
    pub as_expected: bool,
    /// The run directory, relative to the suite's report; `None` if there is none.
    pub run_dir: Option<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why it came to its verdict, in a sentence.
    pub reason: String,
    /// Its seed.
    pub seed: u64,
    /// The command line that runs it again.
    pub command: String,
    /// What the failure looks like; `None` for a linearizable run and one that could not be set
    /// up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

impl Cell {
    /// The verdict as a word.
    pub fn outcome(&self) -> &'static str {
        self.verdict.map_or("not set up", RunVerdict::as_str)
    }

    fn length(&self) -> Duration {
        // A suite restored from an edited file must not panic here.
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

impl SuiteResults {
    /// The results as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with string keys always serializes")
    }

    /// How many runs came to another verdict than expected.
    pub fn unexpected(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.as_expected).count()
    }

    /// The totals in a sentence.
    fn totals(&self) -> String {
        let runs = plural(self.cells.len() as u64, "run", "runs");
        match self.unexpected() as u64 {
            0 => format!("{runs}, all as expected"),
            unexpected => format!("{runs}, {unexpected} not as expected"),
        }
    }
}

/// Renders a suite as a JUnit file with one test case per run.
///
/// What came out as expected is a success, an unexpected violation or a planted bug that
/// was not found a failure, and a run that proves nothing an error.
pub fn render_junit(suite: &SuiteResults) -> String {
    let mut cases = TestSuite::new(suite.suite.clone());
    cases.add_property(Property::new("started", suite.started_utc.clone()));
    cases.set_time(suite.cells.iter().map(Cell::length).sum());
    for cell in &suite.cells {
        let message = format!("expected {}, came to {}", cell.expected, cell.outcome());
        let details = format!("{}\n\nRun it again: {}", cell.reason, cell.command);
        let mut case = junit::case(&cell.name, cell.verdict, &message, &details);
        if cell.as_expected {
            case.status = TestCaseStatus::success();
        } else if cell.verdict == Some(RunVerdict::Linearizable) {
            case.status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            case.status.set_type("not-found").set_message(message).set_description(details);
        }
        case.set_classname(format!("squall.{}", suite.suite)).set_time(cell.length());
        cases.add_test_case(case);
    }
    junit::document("squall", cases)
}

/// Renders a suite for a terminal, one line per run and the totals last.
pub fn text(suite: &SuiteResults, colour: Colour) -> String {
    let mut lines = String::new();
    let width = suite.cells.iter().map(|cell| cell.name.chars().count()).max().unwrap_or(0).min(40);
    for cell in &suite.cells {
        let mark = if cell.as_expected { "✓" } else { "✗" };
        let shown = if cell.as_expected {
            Some(RunVerdict::Linearizable)
        } else {
            Some(RunVerdict::Violation)
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            lines,
            "{} {:<width$}  {:<12} {:>7.1} s  {}",
            colour.paint(shown, mark),
            printable(&cell.name),
            cell.outcome(),
            cell.seconds,
            printable(&cell.reason),
        );
        if !cell.as_expected {
            let _ = writeln!(lines, "  expected {}; {}", cell.expected, printable(&cell.command));
        }
    }
    let all =
        if suite.unexpected() == 0 { RunVerdict::Linearizable } else { RunVerdict::Violation };
    let _ = writeln!(
        lines,
        "{}",
        colour.paint(Some(all), &printable(&format!("{}: {}", suite.suite, suite.totals())))
    );
    lines
}
