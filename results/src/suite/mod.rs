//! The results of a suite: many runs, each against what was expected of it.
//!
//! The harness owns the list and fills it while the suite goes on; this module renders it
//! for people and machines. A planted bug that was not found is as unexpected as a
//! violation of the clean system.

mod page;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::junit;
use crate::summary::RunVerdict;
use crate::text::{Colour, Width, printable};
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

    /// The runs that are not as expected, by what their failures look like, in the order of the
    /// labels. Those without a fingerprint are left out: a planted bug that was not found, and
    /// runs that could not be set up.
    pub fn alike(&self) -> Vec<(&Fingerprint, Vec<&Cell>)> {
        let mut groups: BTreeMap<_, (&Fingerprint, Vec<&Cell>)> = BTreeMap::new();
        for cell in self.cells.iter().filter(|cell| !cell.as_expected) {
            if let Some(fingerprint) = &cell.fingerprint {
                let key = (&fingerprint.label, &fingerprint.id);
                groups.entry(key).or_insert_with(|| (fingerprint, Vec::new())).1.push(cell);
            }
        }
        groups.into_values().collect()
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
    junit::begun(&mut cases, &suite.started_utc);
    cases.add_property(Property::new("started", suite.started_utc.clone()));
    cases.set_time(suite.cells.iter().map(Cell::length).sum());
    for cell in &suite.cells {
        let mut case = junit_case(cell);
        case.set_classname(format!("squall.{}", suite.suite)).set_time(cell.length());
        cases.add_test_case(case);
    }
    junit::document("squall", cases)
}

fn junit_case(cell: &Cell) -> TestCase {
    let came_to = format!("expected {}, came to {}", cell.expected, cell.outcome());
    let message = format!("{came_to}: {}", cell.reason);
    let report = match &cell.run_dir {
        Some(run_dir) => format!("{}/report.html", run_dir.trim_end_matches('/')),
        None => "suite.html".to_owned(),
    };
    let found = junit::finding(cell.fingerprint.as_ref(), &cell.command, &report);
    let details = format!("{}\n\n{found}", cell.plan);
    let mut case = junit::case(&cell.name, cell.verdict, &message, &details);
    if cell.as_expected {
        case.status = TestCaseStatus::success();
        if cell.verdict != Some(RunVerdict::Linearizable) {
            let told = format!("{}, as expected: {}", cell.outcome(), cell.reason);
            case.set_system_out(junit::bounded(&told));
        }
    } else if cell.verdict == Some(RunVerdict::Linearizable) {
        case.status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        case.status.set_type("not-found");
        junit::tell(&mut case.status, &message, &details);
    }
    if let Some(fingerprint) = &cell.fingerprint {
        case.properties.extend(junit::properties(fingerprint));
    }
    case
}

/// Renders a suite for a terminal, a line for each run and the totals last.
///
/// Where the width is limited, what does not fit on the line of a run is cut; the reasons are
/// whole in the report.
pub fn text(suite: &SuiteResults, colour: Colour, width: Width) -> String {
    let mut lines = String::new();
    let names = suite.cells.iter().map(|cell| cell.name.chars().count()).max().unwrap_or(0).min(40);
    for cell in &suite.cells {
        let mark = if cell.as_expected { "✓" } else { "✗" };
        let shown = if cell.as_expected {
            Some(RunVerdict::Linearizable)
        } else {
            Some(RunVerdict::Violation)
        };
        let row = format!(
            "{:<names$}  {:<12} {:>7.1} s  {}",
            printable(&cell.name),
            cell.outcome(),
            cell.seconds,
            printable(&cell.reason),
        );
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{} {}", colour.paint(shown, mark), width.cut(&row, 2));
        if !cell.as_expected {
            let mut again = format!("expected {}", cell.expected);
            if !cell.command.is_empty() {
                again.push_str(&format!("; {}", cell.command));
            }
            let _ = writeln!(lines, "  {}", printable(&again));
        }
    }
    for (fingerprint, cells) in suite.alike() {
        let runs = plural(cells.len() as u64, "run failed", "runs failed alike");
        let row = format!("{runs}: {} {}", fingerprint.id, fingerprint.label);
        let _ = writeln!(lines, "{}", width.cut(&printable(&row), 0));
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
