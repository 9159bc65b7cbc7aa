//! Lines of the nodes' logs and where on the time axis they belong.

use serde::{Deserialize, Serialize};

use crate::checks::logs::Trouble;

/// A line of a node's log at its place in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The node whose log it is in.
    pub node: String,
    /// When it was written, in nanoseconds since the run began.
    pub time_ns: u64,
    /// The number of the line, from 1.
    pub line: u64,
    /// What it says, cut where it is long; may hold any characters.
    pub text: String,
    /// What trouble it tells of, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}
