//! What each node was, when: probes joined into spans.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::faults::FaultRecord;
use crate::probes::Probe;
use crate::wording::{Nanos, instant};

/// What a node was seen to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It claims to lead.
    Leader,
    /// It stands for election.
    Candidate,
    /// It follows.
    Follower,
    /// It answers, without a role known here.
    Up,
    /// It does not answer, and the nemesis had paused it.
    Paused,
    /// It does not answer, and the nemesis had killed it.
    Killed,
    /// It does not answer, and no fault explains it.
    Silent,
}

/// A stretch in which a node stayed what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpan {
    /// When it was first seen so.
    pub start_ns: u64,
    /// When it was first seen otherwise, or the last sight of it plus three seconds.
    pub end_ns: u64,
    /// What it was.
    pub state: NodeState,
    /// The term it claimed.
    pub term: Option<u64>,
}

/// For how long a probe speaks for a node when no other follows.
pub(crate) const HOLD_NS_MAX: u64 = 3_000_000_000;

/// Joins the probes of each of `nodes` into spans, in order of time; nodes that only the
/// probes know come last.
pub fn node_spans(
    nodes: &[String],
    probes: &[Probe],
    faults: &[FaultRecord],
    run_end_ns: u64,
) -> Vec<(String, Vec<NodeSpan>)> {
    let mut of_node: BTreeMap<&str, Vec<&Probe>> = BTreeMap::new();
    for probe in probes {
        of_node.entry(&probe.node).or_default().push(probe);
    }
    let mut lanes = Vec::with_capacity(nodes.len());
    for node in nodes {
        let seen = of_node.remove(node.as_str()).unwrap_or_default();
        lanes.push((node.clone(), spans(seen, faults, run_end_ns)));
    }
    lanes.extend(
        of_node.into_iter().map(|(node, seen)| (node.to_owned(), spans(seen, faults, run_end_ns))),
    );
    lanes
}

fn spans(mut seen: Vec<&Probe>, faults: &[FaultRecord], run_end_ns: u64) -> Vec<NodeSpan> {
    seen.sort_by_key(|probe| probe.time);
    let mut spans: Vec<NodeSpan> = Vec::new();
    for (position, probe) in seen.iter().enumerate() {
        let next_ns = seen.get(position + 1).map_or(run_end_ns, |next| next.time);
        let end_ns = next_ns.min(probe.time.saturating_add(HOLD_NS_MAX)).max(probe.time);
        let state = state(probe, faults);
        // A node that does not answer is in the term it was in, for all anybody knows.
        let term = if probe.alive { probe.term } else { None };
        match spans.last_mut() {
            Some(last) if last.state == state && last.term == term && last.end_ns == probe.time => {
                last.end_ns = end_ns;
            }
            _ => spans.push(NodeSpan { start_ns: probe.time, end_ns, state, term }),
        }
    }
    spans
}

fn state(probe: &Probe, faults: &[FaultRecord]) -> NodeState {
    if probe.alive {
        return match probe.role.as_deref() {
            Some("leader") => NodeState::Leader,
            Some("candidate" | "pre-candidate") => NodeState::Candidate,
            Some("follower") => NodeState::Follower,
            Some(_) | None => NodeState::Up,
        };
    }
    let explains = |f: &str| {
        faults.iter().any(|fault| {
            // A node takes its time to answer once the undo has begun.
            let over_ns = fault.undone_ns.unwrap_or(u64::MAX);
            fault.f == f
                && (fault.invoked_ns..=over_ns).contains(&probe.time)
                && fault.targets.contains(&probe.node)
        })
    };
    if explains("pause") {
        NodeState::Paused
    } else if explains("kill") {
        NodeState::Killed
    } else {
        NodeState::Silent
    }
}

/// A node did not answer for long, and no fault explains it: it may have crashed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    node: String,
    start_ns: u64,
    lasted_ns: u64,
}

/// Shorter silences are a busy machine's.
const SILENCE_NS_MIN: u64 = 1_000_000_000;

/// Silences of nodes that had answered before, by node and time.
pub(super) fn silences(lanes: &[(String, Vec<NodeSpan>)]) -> Vec<Silence> {
    let mut silences = Vec::new();
    for (node, spans) in lanes {
        let answered = spans.iter().position(|span| !matches!(span.state, NodeState::Silent));
        let later = spans.iter().skip(answered.unwrap_or(spans.len()));
        for span in later.filter(|span| span.state == NodeState::Silent) {
            let lasted_ns = span.end_ns.saturating_sub(span.start_ns);
            if lasted_ns >= SILENCE_NS_MIN {
                silences.push(Silence { node: node.clone(), start_ns: span.start_ns, lasted_ns });
            }
        }
    }
    silences
}

/// Terms that more than one node said it led, in sentences: Raft forbids that (Ongaro 2014, 3.6.3,
/// election safety), so whoever looks for a cause begins there.
pub(super) fn shared_terms(lanes: &[(String, Vec<NodeSpan>)]) -> Vec<String> {
    let mut leaders: BTreeMap<u64, BTreeMap<&str, u64>> = BTreeMap::new();
    for (node, spans) in lanes {
        for span in spans.iter().filter(|span| span.state == NodeState::Leader) {
            if let Some(term) = span.term {
                leaders.entry(term).or_default().entry(node).or_insert(span.start_ns);
            }
        }
    }
    let shared = leaders.iter().filter(|(_, nodes)| nodes.len() > 1);
    let told = shared.take(SHARED_TERMS_MAX).map(|(term, nodes)| {
        let nodes: Vec<String> =
            nodes.iter().map(|(node, at)| format!("{node} from {}", instant(*at))).collect();
        format!("More than one node said that it led term {term}: {}.", nodes.join(", "))
    });
    told.collect()
}

/// Terms told that had several leaders.
const SHARED_TERMS_MAX: usize = 3;

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, lasted) = (&self.node, Nanos(self.lasted_ns));
        let start = instant(self.start_ns);
        write!(f, "{node} did not answer from {start} for {lasted}, and no fault explains it.")
    }
}
