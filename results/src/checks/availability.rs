//! What was served while faults were in force.
//!
//! A store that answers nothing contradicts nothing; how much it answers under each kind of
//! fault is the other half of what a run shows. The figures are for people to judge. Only one
//! thing is called wrong: a fault in force for a second or more without a single success,
//! although it is known that a node and the peers it could speak to were a majority.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use squall_checker::history::{Moment, Outcome};

use super::{Evidence, Figures, Found, Judgement};
use crate::summary::{FaultRecord, Window};
use crate::wording::{Nanos, count, instant, percent, plural};

/// What was served under faults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnderFaults {
    /// Each fault that took hold, in order of invocation.
    pub windows: Vec<FaultWindow>,
    /// All faults of a kind together; where they overlap, operations count for each.
    pub kinds: BTreeMap<String, Served>,
    /// All faults together, each operation once.
    pub all: Served,
}

/// One fault and what was served in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultWindow {
    /// What was done, in words.
    pub fault: String,
    /// Its kind.
    pub kind: String,
    /// When it was in force.
    pub window: Window,
    /// What was served.
    pub served: Served,
    /// Whether nodes that could form a majority were up and connected all the while; absent
    /// where nobody can know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority: Option<bool>,
}

/// Operations invoked in some windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Served {
    /// The length of the windows together, in seconds.
    pub seconds: f64,
    /// Operations invoked in them.
    pub invoked: u64,
    /// Those of them that succeeded, whenever they did.
    pub ok: u64,
    /// `ok` over `invoked`; absent if nothing was invoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok_share: Option<f64>,
    /// The longest stretch in one of the windows in which no operation succeeded.
    pub longest_unserved_ns: u64,
}

/// Shorter windows pass with an election.
const WINDOW_NS_MIN: u64 = 1_000_000_000;

pub(super) fn look(evidence: &Evidence<'_>) -> Found {
    let figures = UnderFaults::of(evidence);
    if figures.windows.is_empty() {
        return Found::nothing("No fault took hold.").with(Figures::Availability(figures));
    }
    let wrong: Vec<&FaultWindow> =
        figures.windows.iter().filter(|fault| fault.is_wrong()).collect();
    let all = &figures.all;
    let shares = format!(
        "{} ok under {}; longest without a success {}",
        all.ok_share.map_or_else(|| "nothing invoked, none".to_owned(), percent),
        plural(figures.windows.len() as u64, "fault", "faults"),
        Nanos(all.longest_unserved_ns)
    );
    let sentence = match wrong.as_slice() {
        [] => format!("{shares}."),
        [only] => format!(
            "Nothing succeeded in {} under `{}`, though a majority was up and connected; {shares}.",
            Nanos(only.length_ns()),
            only.fault
        ),
        [first, ..] => format!(
            "Nothing succeeded under {}, such as `{}`, though a majority was up and connected; {shares}.",
            plural(wrong.len() as u64, "fault", "faults"),
            first.fault
        ),
    };
    let (judgement, wrong) = (Judgement::bad_if(!wrong.is_empty()), wrong.into_iter().map(line));
    let kinds = figures.kinds.iter().map(|(kind, served)| format!("{kind}: {}", told(served)));
    let details = wrong.chain(kinds).collect();
    Found::new(judgement, sentence).because(details).with(Figures::Availability(figures))
}

fn line(fault: &FaultWindow) -> String {
    format!("{}, from {}: {}", fault.fault, instant(fault.window.start_ns), told(&fault.served))
}

fn told(served: &Served) -> String {
    let share = served.ok_share.map_or_else(String::new, |share| format!(" ({})", percent(share)));
    format!(
        "{} of {} ok{share} in {:.1} s, longest without a success {}",
        count(served.ok),
        count(served.invoked),
        served.seconds,
        Nanos(served.longest_unserved_ns)
    )
}

impl FaultWindow {
    fn length_ns(&self) -> u64 {
        self.window.end_ns.saturating_sub(self.window.start_ns)
    }

    fn is_wrong(&self) -> bool {
        self.majority == Some(true)
            && self.served.invoked > 0
            && self.length_ns() >= WINDOW_NS_MIN
            && self.served.longest_unserved_ns >= self.length_ns()
    }
}

impl UnderFaults {
    fn of(evidence: &Evidence<'_>) -> Self {
        let successes = successes(evidence);
        let held: Vec<&FaultRecord> =
            evidence.faults.iter().filter(|fault| fault.took_hold).collect();
        let mut figures = Self::default();
        for fault in &held {
            let (window, total) = (fault.window(), &fault.service.total);
            let served = Served {
                seconds: fault.service.seconds,
                invoked: total.invoked,
                ok: total.ok,
                ok_share: total.ok_share,
                longest_unserved_ns: longest_unserved_ns(&successes, window),
            };
            figures.kinds.entry(fault.kind.clone()).or_default().add(&served);
            figures.windows.push(FaultWindow {
                fault: fault.description.clone(),
                kind: fault.kind.clone(),
                window,
                served,
                majority: majority(&evidence.facts.nodes, evidence.faults, window),
            });
        }
        let (stormy, served) = (evidence.stormy, figures.windows.iter().map(|fault| fault.served));
        figures.all = Served {
            seconds: stormy.seconds,
            invoked: stormy.total.invoked,
            ok: stormy.total.ok,
            ok_share: stormy.total.ok_share,
            longest_unserved_ns: served.map(|served| served.longest_unserved_ns).max().unwrap_or(0),
        };
        figures
    }
}

impl Served {
    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.invoked += other.invoked;
        self.ok += other.ok;
        self.ok_share = (self.invoked > 0).then(|| self.ok as f64 / self.invoked as f64);
        self.longest_unserved_ns = self.longest_unserved_ns.max(other.longest_unserved_ns);
    }
}

/// When operations succeeded, in order.
fn successes(evidence: &Evidence<'_>) -> Vec<u64> {
    let operations = evidence.history.operations.iter();
    let ok = operations.filter(|operation| operation.outcome == Outcome::Ok);
    let mut at: Vec<u64> = ok.filter_map(|op| op.completed).map(Moment::time_ns).collect();
    at.sort_unstable();
    at
}

fn longest_unserved_ns(successes: &[u64], window: Window) -> u64 {
    let from = successes.partition_point(|at| *at < window.start_ns);
    let within = successes[from..].iter().copied().take_while(|at| *at < window.end_ns);
    let mut last_ns = window.start_ns;
    let mut longest_ns = 0;
    for at_ns in within.chain([window.end_ns]) {
        longest_ns = longest_ns.max(at_ns.saturating_sub(last_ns));
        last_ns = at_ns;
    }
    longest_ns
}

/// Whether some node was up all the while with a majority it could speak to, both ways.
///
/// Every fault that was not seen to be undone before the window counts for all of it. `None`
/// where it is not known which nodes there are, or what one of the faults does to them.
fn majority(nodes: &[String], faults: &[FaultRecord], window: Window) -> Option<bool> {
    if nodes.is_empty() {
        return None;
    }
    let mut down: BTreeSet<&str> = BTreeSet::new();
    let mut cut: BTreeSet<(&str, &str)> = BTreeSet::new();
    let overlaps = |fault: &&FaultRecord| {
        fault.invoked_ns < window.end_ns
            && fault.undone_ns.is_none_or(|undone_ns| undone_ns > window.start_ns)
    };
    for fault in faults.iter().filter(overlaps) {
        match fault.f.as_str() {
            "kill" | "pause" if !fault.targets.is_empty() => {
                down.extend(fault.targets.iter().map(String::as_str));
            }
            "partition" if !fault.cut.is_empty() => {
                cut.extend(fault.cut.iter().map(|(from, to)| (from.as_str(), to.as_str())));
            }
            _ => return None,
        }
    }
    let reaches = |one: &str, other: &str| {
        one == other || !cut.contains(&(one, other)) && !cut.contains(&(other, one))
    };
    let up: Vec<&str> =
        nodes.iter().map(String::as_str).filter(|node| !down.contains(node)).collect();
    let peers = |node: &&str| up.iter().filter(|peer| reaches(node, peer)).count();
    Some(up.iter().any(|node| peers(node) > nodes.len() / 2))
}

#[cfg(test)]
mod tests;
