//! How a contradiction came about: what was observed around it, in order of time.
//!
//! Observed, not guessed: faults, changes of leadership as the nodes reported them, and
//! the operations themselves. Causes are left to the reader.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use squall_checker::history::Outcome;

use super::contradiction::{ContradictionDetail, OperationDetail};
use super::faults::FaultRecord;
use crate::probes::{Leading, Probe, leadership};
use crate::wording::Nanos;

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryLine {
    /// When it was observed.
    pub time_ns: u64,
    /// What kind of observation it is.
    pub kind: StoryKind,
    /// What was observed, as a clause.
    pub text: String,
}

/// Kinds of observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoryKind {
    /// The nemesis did or undid something.
    Fault,
    /// A node reported something new about leadership.
    Leader,
    /// An operation of the contradiction.
    Operation,
    /// The operation that completed the contradiction.
    Contradiction,
}

/// How far before the first operation and after the last one the story reaches.
const MARGIN_NS: u64 = 2_000_000_000;

/// Lines beyond this are dropped, the ones farthest from any operation first.
const LINES_MAX: usize = 30;

/// Tells what was observed around `contradiction`.
pub(super) fn tell(
    contradiction: &ContradictionDetail,
    faults: &[FaultRecord],
    probes: &[Probe],
) -> Vec<StoryLine> {
    let from_ns = contradiction.operations.iter().map(|op| op.invoked_ns).min().unwrap_or(0);
    let from_ns = from_ns.saturating_sub(MARGIN_NS);
    let to_ns = contradiction.complete_ns.saturating_add(MARGIN_NS);
    let mut lines = leadership_lines(probes, from_ns);
    lines.extend(faults.iter().flat_map(|fault| fault_lines(fault, from_ns)));
    lines.retain(|line| line.time_ns <= to_ns);
    lines.extend(contradiction.operations.iter().map(|op| operation_line(op, contradiction)));
    nearest(&mut lines, contradiction);
    lines.sort_by_key(|line| line.time_ns);
    lines
}

/// Drops the lines farthest from any operation once there are too many.
fn nearest(lines: &mut Vec<StoryLine>, contradiction: &ContradictionDetail) {
    let distance = |line: &StoryLine| {
        let moments = contradiction
            .operations
            .iter()
            .flat_map(|op| [Some(op.invoked_ns), op.completed_ns])
            .flatten();
        match line.kind {
            StoryKind::Operation | StoryKind::Contradiction => 0,
            StoryKind::Fault | StoryKind::Leader => {
                moments.map(|at| at.abs_diff(line.time_ns)).min().unwrap_or(0)
            }
        }
    };
    lines.sort_by_key(distance);
    lines.truncate(LINES_MAX.max(contradiction.operations.len()));
}

fn fault_lines(fault: &FaultRecord, from_ns: u64) -> Vec<StoryLine> {
    let line = |time_ns, text| StoryLine { time_ns, kind: StoryKind::Fault, text };
    // One that was over before is no part of the story; one still in force is.
    if !fault.took_hold || fault.end_ns < from_ns {
        return Vec::new();
    }
    let mut lines = vec![line(fault.start_ns, fault.description.clone())];
    if let Some(undone_ns) = fault.undone_ns {
        let lasted = Nanos(undone_ns.saturating_sub(fault.start_ns));
        lines.push(line(undone_ns, format!("undone after {lasted}: {}", fault.description)));
    }
    lines
}

/// Changes in who claims to lead. The claims standing at `from_ns` come with the time they
/// were made, so that the story starts from a known state.
fn leadership_lines(probes: &[Probe], from_ns: u64) -> Vec<StoryLine> {
    let mut leading: BTreeSet<&str> = BTreeSet::new();
    let mut lines: Vec<(&str, StoryLine)> = Vec::new();
    for (probe, news) in leadership(probes) {
        let text = match news {
            Leading::Begins => {
                leading.insert(&probe.node);
                in_term(&format!("{} leads", probe.node), probe.term)
            }
            Leading::Ends => {
                leading.remove(probe.node.as_str());
                let now = probe.role.as_deref().unwrap_or("no leader");
                in_term(&format!("{} leads no more: {now}", probe.node), probe.term)
            }
        };
        // Before the story begins only the last word of each node counts.
        lines.retain(|(node, line)| line.time_ns >= from_ns || *node != probe.node);
        lines.push((&probe.node, StoryLine { time_ns: probe.time, kind: StoryKind::Leader, text }));
    }
    lines.retain(|(node, line)| line.time_ns >= from_ns || leading.contains(node));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn in_term(text: &str, term: Option<u64>) -> String {
    term.map_or_else(|| text.to_owned(), |term| format!("{text}, term {term}"))
}

fn operation_line(op: &OperationDetail, of: &ContradictionDetail) -> StoryLine {
    let at = op.node.as_deref().unwrap_or("the system");
    let key = op.key.as_deref().map_or_else(String::new, |key| format!(" on key {key}"));
    let client = op.process;
    let (time_ns, text) = match (op.outcome, op.completed_ns) {
        (Outcome::Ok, Some(completed_ns)) => {
            let took = Nanos(completed_ns.saturating_sub(op.invoked_ns));
            let verb = if op.argument.is_null() { "answers" } else { "acknowledges" };
            (completed_ns, format!("{at} {verb} client {client}: {}{key}, after {took}", op.label))
        }
        (Outcome::Fail, _) => {
            (op.invoked_ns, format!("client {client} asks {at}: {}{key}, refused", op.label))
        }
        (Outcome::Ok | Outcome::Info, _) => (
            op.invoked_ns,
            format!("client {client} asks {at}: {}{key}, and never learns the outcome", op.label),
        ),
    };
    let kind = if op.outcome == Outcome::Ok && time_ns == of.complete_ns {
        StoryKind::Contradiction
    } else {
        StoryKind::Operation
    };
    StoryLine { time_ns, kind, text }
}
