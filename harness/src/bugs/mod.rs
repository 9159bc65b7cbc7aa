//! Measures the harness's own teeth: planted bugs, each run under the plan that shows it.
//!
//! A [`Patient`] is a bug with its plan. A [`Campaign`] runs every patient once per seed, and
//! then the correct system under the very same plans, each run in a process of its own; what
//! comes of it is a [`Findings`], shown as a table, as JSON and as a page of the
//! documentation. A bug that was not found is shown as such.
//!
//! Deliberately absent: which bugs there are. Whoever knows the system brings the list.

mod campaign;
mod findings;
mod matrix;
mod page;
mod table;
mod trial;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;

pub use campaign::{Campaign, News, run};
pub use findings::{Figures, Findings, PatientFindings, Spread, Tally};
pub use matrix::{matrix_markdown, matrix_summary, with_workloads};
pub use page::markdown;
pub use table::{heading, row, summary};
pub use trial::{Detection, Outcome, Subject, TrialResult};

/// A planted bug with the plan that shows it.
#[derive(Clone, Debug)]
pub struct Patient {
    /// Its name on the command line.
    pub name: String,
    /// The workload put in the place of the plan's own, if one was.
    pub workload: Option<String>,
    /// What goes wrong, as a user would put it.
    pub breaks: String,
    /// The rule that is left out, with its source.
    pub rule: String,
    /// The situation that makes it visible.
    pub revealed_by: String,
    /// What the harness must report.
    pub expected: Expected,
    /// How it is put to the test.
    pub treatment: Treatment,
}

/// What the harness must report of a planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// The history is not linearizable, and the proof of it holds.
    Violation,
    /// The history contradicts nothing, and the cluster does not serve again after the last
    /// fault was undone.
    Unavailable,
}

impl Expected {
    /// The word for it in every listing.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How a planted bug is put to the test.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// This plan is run, with one seed after another.
    Plan {
        /// The plan, not yet resolved; its seed and name are replaced.
        plan: Box<Plan>,
        /// The file it stands in, from the root of the repository.
        file: String,
    },
    /// No run can show it as long as a fault is missing; says which one, and what shows the
    /// bug meanwhile.
    Missing(String),
}
