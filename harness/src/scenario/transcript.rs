//! What happened on a stage, line by line: what was done, expected and seen.

use serde::{Deserialize, Serialize};

/// The record of one scenario; its JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// Format version, 1.
    pub squall: u32,
    /// The scenario.
    pub scenario: String,
    /// What it shows.
    pub sentence: String,
    /// When it began (UTC).
    pub started_utc: String,
    /// How the nodes were connected.
    pub network: String,
    /// The lines, in the order they happened.
    pub lines: Vec<Line>,
    /// Why the script ended before its end, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broke_off: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When, in milliseconds since the stage was set.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub step: Step,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "step")]
pub enum Step {
    /// Something was done.
    Did {
        /// What.
        what: String,
    },
    /// Something was expected.
    Expected {
        /// What, as a sentence without its full stop.
        what: String,
        /// What was seen instead or in confirmation.
        saw: String,
        /// Whether it held.
        held: bool,
    },
    /// Something worth knowing that is neither.
    Noted {
        /// What.
        what: String,
    },
}

impl Transcript {
    /// Expectations, and those of them that did not hold.
    #[must_use]
    pub fn expectations(&self) -> (usize, usize) {
        let held = self.lines.iter().filter_map(|line| match line.step {
            Step::Expected { held, .. } => Some(held),
            Step::Did { .. } | Step::Noted { .. } => None,
        });
        held.fold((0, 0), |(all, broken), held| (all + 1, broken + usize::from(!held)))
    }

    /// Whether the script came to its end and everything it expected held.
    #[must_use]
    pub fn held(&self) -> bool {
        let (all, broken) = self.expectations();
        all > 0 && broken == 0 && self.broke_off.is_none()
    }

    /// The transcript as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with string keys always serializes")
    }
}
