//! The HTML report of a run: one file, no network, readable in five minutes.
//!
//! Words and tables come from a template with automatic escaping; the drawings are made by
//! small scripts from data embedded as JSON, through `textContent` only. Nothing a node or
//! client answered is ever markup. Deliberately absent: single operations by the million;
//! the timeline keeps what the eye can tell apart.

mod contradiction;
mod facts;
mod lanes;
mod operations;
mod orders;
mod page;
mod sentences;
mod tables;
mod timeline;

pub(crate) use page::{CSS, mark};

use squall_checker::history::{History, Operation};
use squall_checker::verdict::Analysis;

use crate::log_lines::LogLine;
use crate::probes::Probe;
use crate::summary::{Results, Window};

/// What a report is made of; all of it can be read again from a run directory.
#[derive(Clone, Copy, Debug)]
pub struct Material<'r> {
    /// What the run came to.
    pub results: &'r Results,
    /// Every operation.
    pub history: &'r History,
    /// What the checker concluded: the legal order of a linearizable key comes from here.
    pub analysis: &'r Analysis,
    /// What the nodes said of themselves, in order of time.
    pub probes: &'r [Probe],
    /// Lines of the nodes' logs that have a place in time, in order of time.
    pub log_lines: &'r [LogLine],
    /// A stretch of the run to begin with, of which every operation is drawn as far as a
    /// page can hold them.
    pub closeup: Option<Window>,
}

/// Renders the report of a run as one self-contained HTML file.
///
/// Stays under 5 MB for a million operations. Cost: one pass over the operations and a
/// sort of the slow and unsuccessful ones.
pub fn render(material: &Material<'_>) -> String {
    let timeline = timeline::Timeline::of(material);
    page::render(material.results, &timeline, &embeddable(&timeline))
}

fn micros(ns: u64) -> u64 {
    ns / 1_000
}

/// How long an operation took; one that nobody saw completed lasts to the end of the run.
fn took_us(op: &Operation, run_us: u64) -> u64 {
    let invoked = micros(op.invoked.time_ns());
    op.completed.map_or(run_us, |at| micros(at.time_ns())).saturating_sub(invoked)
}

/// JSON that can stand inside a `script` element: nothing in it can end the element or
/// begin a comment.
fn embeddable(data: &impl serde::Serialize) -> String {
    serde_json::to_string(data)
        .expect("plain data with string keys always serializes")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
