//! Whether the system served when nothing hindered it: after the last heal, and between faults.
//!
//! Unavailability is a result of its own. It is never a violation, since a system that answers
//! nothing contradicts nothing; but one that does not come back once every fault is undone has
//! failed its users all the same, and that is said plainly.

use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Moment, Outcome};

use super::service::Window;
use crate::facts::{NodeRecovery, RunFacts};
use crate::wording::{Millis, Nanos, instant, plural};

/// What was seen of availability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Availability {
    /// Whether nodes were seen not to serve again in time after the last fault was undone.
    pub unavailable: bool,
    /// Those that did not, where they are known one by one.
    pub not_served_again: Vec<String>,
    /// The longest stretch without a successful operation while clients worked and no fault was
    /// in force; `None` if there was no such time.
    pub longest_gap: Option<Window>,
    /// All such stretches of at least [`GAP_NS_MIN`], in order of time.
    pub gaps: Vec<Window>,
}

/// Shorter gaps are not kept one by one: an election after a heal takes that long.
pub const GAP_NS_MIN: u64 = 1_000_000_000;

/// A gap from which on a reader is told: established TCP may stay silent for 2 s after a heal,
/// and an election follows.
const GAP_TOLD_NS_MIN: u64 = 4_000_000_000;

/// Gaps beyond this are only counted.
const GAPS_TOLD_MAX: usize = 3;

impl Availability {
    /// Looks for it in a run whose faults were not in force during `calm`, which is in order.
    pub(super) fn of(history: &History, facts: &RunFacts, calm: &[Window]) -> Self {
        let recovered = &facts.recovered;
        let silent = recovered.nodes.iter().filter(|node| node.served_again_ms.is_none());
        let gaps = gaps(history, &worked(facts, calm));
        Self {
            unavailable: recovered.was_looked_for() && recovered.served_again_ms.is_none(),
            not_served_again: silent.map(|node| node.node.clone()).collect(),
            longest_gap: gaps.iter().copied().max_by_key(|gap| gap.end_ns - gap.start_ns),
            gaps: gaps.into_iter().filter(|gap| gap.end_ns - gap.start_ns >= GAP_NS_MIN).collect(),
        }
    }

    /// Who did not serve again, and when, as a sentence without its full stop.
    pub(crate) fn sentence(&self, facts: &RunFacts) -> String {
        let recovered = &facts.recovered;
        let who = match self.not_served_again.as_slice() {
            all if all.is_empty() || all.len() == recovered.nodes.len() => "the cluster".to_owned(),
            some => some.join(", "),
        };
        let heal = match facts.faults_planned {
            0 => "the end of the clients",
            _ => "the heal",
        };
        match recovered.deadline_ms {
            0 => format!("{who} did not serve again after {heal}"),
            ms if ms.is_multiple_of(1_000) => {
                format!("{who} did not serve again within {} s of {heal}", ms / 1_000)
            }
            ms => format!("{who} did not serve again within {} of {heal}", Millis(ms)),
        }
    }

    /// What a reader should know of gaps and of nodes that did not come back, in sentences.
    pub(super) fn caveats(&self, facts: &RunFacts) -> Vec<String> {
        let long = |gap: &&Window| gap.end_ns - gap.start_ns >= GAP_TOLD_NS_MIN;
        let told = self.gaps.iter().filter(long).take(GAPS_TOLD_MAX).map(|gap| {
            format!(
                "No operation succeeded from {} for {}, though no fault was in force.",
                instant(gap.start_ns),
                Nanos(gap.end_ns - gap.start_ns)
            )
        });
        let mut caveats: Vec<String> = told.collect();
        let more = self.gaps.iter().filter(long).count().saturating_sub(GAPS_TOLD_MAX) as u64;
        if more > 0 {
            caveats.push(format!("{} like that.", plural(more, "more gap", "more gaps")));
        }
        caveats.extend(facts.recovered.nodes.iter().filter_map(|node| {
            let answer = node.last_answer.as_ref()?;
            Some(format!("What {} answered last when it should serve again: {answer}.", node.node))
        }));
        caveats
    }
}

/// Which nodes served again, and how late the last of them, as a sentence; nothing if none did.
pub(super) fn others(nodes: &[NodeRecovery]) -> Option<String> {
    let served: Vec<_> =
        nodes.iter().filter_map(|node| Some((node.node.as_str(), node.served_again_ms?))).collect();
    let latest = served.iter().map(|(_, ms)| *ms).max()?;
    let names: Vec<_> = served.iter().map(|(node, _)| *node).collect();
    Some(format!("{} served again {} after the heal.", names.join(", "), Millis(latest)))
}

/// The part of `calm` in which clients worked; all of it where nobody knows.
fn worked(facts: &RunFacts, calm: &[Window]) -> Vec<Window> {
    let ns = |ms: u64| ms.saturating_mul(1_000_000);
    let Some(began_ms) = facts.timings.clients_began_ms else {
        return calm.to_vec();
    };
    let (start_ns, end_ns) = (ns(began_ms), ns(began_ms.saturating_add(facts.timings.workload_ms)));
    let clipped = calm.iter().map(|window| Window {
        start_ns: window.start_ns.max(start_ns),
        end_ns: window.end_ns.min(end_ns),
    });
    clipped.filter(|window| window.start_ns < window.end_ns).collect()
}

/// The stretches of `windows`, which are in order and apart, between successes.
fn gaps(history: &History, windows: &[Window]) -> Vec<Window> {
    let ok = history.operations.iter().filter(|op| op.outcome == Outcome::Ok);
    let mut successes: Vec<u64> = ok.filter_map(|op| op.completed).map(Moment::time_ns).collect();
    successes.sort_unstable();
    let mut gaps = Vec::new();
    for window in windows {
        let from = successes.partition_point(|at| *at <= window.start_ns);
        let within = successes[from..].iter().copied().take_while(|at| *at < window.end_ns);
        let mut start_ns = window.start_ns;
        for end_ns in within.chain([window.end_ns]) {
            if end_ns > start_ns {
                gaps.push(Window { start_ns, end_ns });
            }
            start_ns = end_ns;
        }
    }
    gaps
}
