//! The most damning cycle of dependencies, and the shortest of its kind.
//!
//! Kinds in the order they are looked for, as Adya (1999) names them: only overwrites
//! (G0), also reads from (G1c), both updated the same state (lost update), one read that
//! missed a write (G-single), several (G2). Then the same with real time: without it a
//! cycle shows that the transactions are not even serializable, which says more.
//!
//! Components are found by Kosaraju's method: petgraph's version of Tarjan's is recursive
//! and overflows the stack on the long chains that histories are. The search for short
//! cycles has a budget; past it a longer cycle, or one with more missed writes, may be
//! reported, but no wrong one: every edge is a [fact](super::facts) of its own.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef};

use super::edges::Links;
use super::evidence::{Evidence, Kind, Missed};
use super::writes::NONE;
use super::{Anomaly, Dependency};
use crate::verdict::{Contradiction, Precedence};

/// Links that may be followed in search of short cycles, per kind.
const STEPS_MAX: usize = 4_000_000;

const OVERWRITES: &[Precedence] = &[Precedence::WriteWrite];
const WRITES_SEEN: &[Precedence] = &[Precedence::WriteWrite, Precedence::ReadsFrom];
const OVERWRITES_IN_TIME: &[Precedence] = &[Precedence::WriteWrite, Precedence::RealTime];
const WRITES_SEEN_IN_TIME: &[Precedence] =
    &[Precedence::WriteWrite, Precedence::ReadsFrom, Precedence::RealTime];

/// From the most damning kind to the least, before and after lost updates.
const CERTAIN: [Kind; 2] = [
    Kind { steps: OVERWRITES, missed: Missed::None },
    Kind { steps: WRITES_SEEN, missed: Missed::None },
];
const OTHERS: [Kind; 6] = [
    Kind { steps: WRITES_SEEN, missed: Missed::One },
    Kind { steps: WRITES_SEEN, missed: Missed::Any },
    Kind { steps: OVERWRITES_IN_TIME, missed: Missed::None },
    Kind { steps: WRITES_SEEN_IN_TIME, missed: Missed::None },
    Kind { steps: WRITES_SEEN_IN_TIME, missed: Missed::One },
    Kind { steps: WRITES_SEEN_IN_TIME, missed: Missed::Any },
];

/// The graph of what is on or behind a cycle; nodes carry their number among the links.
type Graph = DiGraph<u32, Precedence>;

/// Finds the most damning cycle among the links; none if the facts confirm no cycle.
///
/// `cyclic` marks the nodes that every cycle is among.
pub(super) fn find(links: &Links, cyclic: &[bool], evidence: &Evidence<'_>) -> Option<Anomaly> {
    let graph = graph(links, cyclic);
    let certain = CERTAIN.iter().find_map(|kind| of_kind(&graph, kind, evidence));
    certain
        .or_else(|| lost_update(links, evidence))
        .or_else(|| OTHERS.iter().find_map(|kind| of_kind(&graph, kind, evidence)))
}

/// Two transactions that found the same state of a key and both changed it.
pub(super) fn lost_update(links: &Links, evidence: &Evidence<'_>) -> Option<Anomaly> {
    let (first, second, key) = links.lost_update?;
    let why = Precedence::ReadWrite;
    let source = evidence.source(&Dependency { from: first, to: second, why, key: Some(key) });
    Some(
        Anomaly::new(Contradiction::LostUpdate, [first, second].into_iter().chain(source))
            .about(key, None)
            .with(first, second, why, Some(key))
            .with(second, first, why, Some(key)),
    )
}

fn graph(links: &Links, cyclic: &[bool]) -> Graph {
    let mut graph = Graph::new();
    let mut nodes = vec![NodeIndex::end(); cyclic.len()];
    for (node, _) in (0..).zip(cyclic).filter(|(_, cyclic)| **cyclic) {
        nodes[node as usize] = graph.add_node(node);
    }
    for link in &links.links {
        let (from, to) = (nodes[link.from as usize], nodes[link.to as usize]);
        if from != NodeIndex::end() && to != NodeIndex::end() {
            graph.add_edge(from, to, link.why);
        }
    }
    graph
}

/// The shortest cycle of a kind within the budget.
fn of_kind(graph: &Graph, kind: &Kind, evidence: &Evidence<'_>) -> Option<Anomaly> {
    let part = EdgeFiltered::from_fn(graph, |edge| kind.takes(*edge.weight()));
    let mut components = kosaraju_scc(&part);
    components.retain(|component| component.len() > 1);
    components.sort_by_key(Vec::len);
    let mut ways = Ways::new(graph, kind, &components);
    let mut best: Option<Anomaly> = None;
    for &node in components.iter().flatten() {
        if ways.steps >= STEPS_MAX || best.as_ref().is_some_and(|best| best.edges.len() == 2) {
            break;
        }
        if !evidence.is_transaction(graph[node]) {
            continue;
        }
        let ring = match kind.missed {
            Missed::One => ways.through_one_missed(node, evidence),
            Missed::None | Missed::Any => ways.back_to(node),
        };
        let Some(ring) = ring else { continue };
        let Some(found) = evidence.anomaly(&transactions_of(graph, evidence, &ring), kind) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| found.edges.len() < best.edges.len()) {
            best = Some(found);
        }
    }
    best
}

/// The transactions on a cycle of nodes, in order.
fn transactions_of(graph: &Graph, evidence: &Evidence<'_>, ring: &[NodeIndex]) -> Vec<u32> {
    ring.iter().map(|&node| graph[node]).filter(|&node| evidence.is_transaction(node)).collect()
}

/// Shortest ways within the components of one kind.
struct Ways<'a> {
    graph: &'a Graph,
    kind: &'a Kind,
    /// The component of each node, or [`NONE`].
    component: Vec<u32>,
    /// The node before each one, and the search that found it.
    before: Vec<(NodeIndex, u32)>,
    searches: u32,
    /// Links followed so far.
    steps: usize,
}

impl<'a> Ways<'a> {
    fn new(graph: &'a Graph, kind: &'a Kind, components: &[Vec<NodeIndex>]) -> Self {
        let mut component = vec![NONE; graph.node_count()];
        for (number, nodes) in (0..).zip(components) {
            for node in nodes {
                component[node.index()] = number;
            }
        }
        let before = vec![(NodeIndex::end(), 0); graph.node_count()];
        Self { graph, kind, component, before, searches: 0, steps: 0 }
    }

    fn together(&self, one: NodeIndex, other: NodeIndex) -> bool {
        self.component[one.index()] == self.component[other.index()]
    }

    /// A shortest cycle through a node.
    fn back_to(&mut self, node: NodeIndex) -> Option<Vec<NodeIndex>> {
        let kind = self.kind;
        self.way(&[node], node, |why| kind.takes(why))
    }

    /// A shortest cycle that leaves a node by a missed write and comes back without another;
    /// the node is its first.
    fn through_one_missed(
        &mut self,
        node: NodeIndex,
        evidence: &Evidence<'_>,
    ) -> Option<Vec<NodeIndex>> {
        let graph = self.graph;
        let missed = |node| {
            let edges = graph.edges(node);
            edges.filter(|edge| *edge.weight() == Precedence::ReadWrite).map(|edge| edge.target())
        };
        let mut starts: Vec<NodeIndex> = Vec::new();
        for target in missed(node) {
            if evidence.is_transaction(graph[target]) {
                starts.push(target);
            } else {
                // A node of unseen appends is only the middle of a missed write.
                starts.extend(missed(target));
            }
        }
        starts.retain(|&start| self.together(start, node) && start != node);
        let steps = self.kind.steps;
        let mut way = self.way(&starts, node, |why| steps.contains(&why))?;
        way.rotate_right(1);
        Some(way)
    }

    /// A shortest way from one of `starts` to `goal` and the nodes on it, `goal` last.
    fn way(
        &mut self,
        starts: &[NodeIndex],
        goal: NodeIndex,
        usable: impl Fn(Precedence) -> bool,
    ) -> Option<Vec<NodeIndex>> {
        self.searches += 1;
        let mut reached: Vec<NodeIndex> = starts.to_vec();
        for start in starts {
            self.before[start.index()] = (NodeIndex::end(), self.searches);
        }
        let mut taken = 0;
        while let Some(&node) = reached.get(taken) {
            taken += 1;
            for edge in self.graph.edges(node) {
                self.steps += 1;
                let next = edge.target();
                if !usable(*edge.weight()) || !self.together(node, next) {
                    continue;
                }
                if next == goal {
                    return Some(self.trace(node, goal));
                }
                if self.before[next.index()].1 != self.searches {
                    self.before[next.index()] = (node, self.searches);
                    reached.push(next);
                }
            }
        }
        None
    }

    fn trace(&self, last: NodeIndex, goal: NodeIndex) -> Vec<NodeIndex> {
        let mut way = vec![goal];
        let mut node = last;
        while node != NodeIndex::end() && node != goal {
            way.push(node);
            node = self.before[node.index()].0;
        }
        way.reverse();
        way
    }
}
