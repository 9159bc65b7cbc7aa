//! Who drops whose packets: the algebra of network cuts.
//!
//! A [`Grudge`] is a plain value over node numbers `0..nodes`. It knows nothing of how a cut is
//! made ([`crate::network`] does) nor of when ([`crate::schedule`] does). Cuts are directed: the
//! pair `(from, to)` means that what `from` sends never reaches `to`, and says nothing of the way
//! back. The shapes are those of Jepsen's `nemesis.combined`, with the one-way cut added.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rand::Rng;
use rand::seq::SliceRandom as _;
use serde::Serialize;

/// A set of directed cuts between the nodes of one cluster.
///
/// A node never holds a grudge against itself, and every number is below [`Grudge::nodes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grudge {
    nodes: usize,
    cut: BTreeSet<(usize, usize)>,
}

impl Grudge {
    /// The healed network: every node reaches every other.
    #[must_use]
    pub fn none(nodes: usize) -> Self {
        Self { nodes, cut: BTreeSet::new() }
    }

    /// Cuts every ordered pair of different nodes for which `cut` is true.
    #[must_use]
    pub fn of(nodes: usize, cut: impl Fn(usize, usize) -> bool) -> Self {
        let pairs = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
        let cut = pairs.filter(|&(from, to)| from != to && cut(from, to)).collect();
        Self { nodes, cut }
    }

    /// Cuts `node` off from all others, both ways.
    #[must_use]
    pub fn isolate(node: usize, nodes: usize) -> Self {
        Self::halves(&[node], nodes)
    }

    /// Cuts `group` off from the nodes outside it, both ways.
    #[must_use]
    pub fn halves(group: &[usize], nodes: usize) -> Self {
        let mut grudge = Self::none(nodes);
        let rest: Vec<usize> = (0..nodes).filter(|node| !group.contains(node)).collect();
        grudge.cut_both_ways(group, &rest);
        grudge
    }

    /// Splits the cluster into a random majority and the minority that is left.
    #[must_use]
    pub fn random_halves<R: Rng + ?Sized>(rng: &mut R, nodes: usize) -> Self {
        let order = shuffled(rng, nodes);
        Self::halves(&order[..nodes / 2], nodes)
    }

    /// Splits the cluster into two random halves that only one node, the bridge, sees both of.
    ///
    /// With fewer than three nodes there is nothing a bridge could join, and nothing is cut.
    #[must_use]
    pub fn bridge<R: Rng + ?Sized>(nodes: usize, rng: &mut R) -> Self {
        let mut grudge = Self::none(nodes);
        let order = shuffled(rng, nodes);
        let Some((_bridge, rest)) = order.split_first() else {
            return grudge;
        };
        let (left, right) = rest.split_at(rest.len() / 2);
        grudge.cut_both_ways(left, right);
        grudge
    }

    /// Places the nodes on a random ring where each sees a majority, and no two see the same one.
    ///
    /// Each node keeps the neighbours within `ceil(floor(n/2) / 2)` steps either way, which with
    /// itself is the smallest symmetric neighbourhood holding a majority. With fewer than four
    /// nodes that is everybody, and nothing is cut.
    #[must_use]
    pub fn majorities_ring<R: Rng + ?Sized>(nodes: usize, rng: &mut R) -> Self {
        let mut grudge = Self::none(nodes);
        let ring = shuffled(rng, nodes);
        let kept_steps = (nodes / 2).div_ceil(2);
        for (a, &from) in ring.iter().enumerate() {
            for (b, &to) in ring.iter().enumerate() {
                let apart = a.abs_diff(b);
                if apart.min(nodes - apart) > kept_steps {
                    grudge.cut(from, to);
                }
            }
        }
        grudge
    }

    /// Drops what the nodes of `from` send to the nodes of `to`; the way back stays open.
    #[must_use]
    pub fn one_way(from: &[usize], to: &[usize], nodes: usize) -> Self {
        let mut grudge = Self::none(nodes);
        for &sender in from {
            for &receiver in to {
                grudge.cut(sender, receiver);
            }
        }
        grudge
    }

    /// Cuts each group off from every other, both ways; nodes in none of them see everybody.
    #[must_use]
    pub fn groups(groups: &[Vec<usize>], nodes: usize) -> Self {
        let mut grudge = Self::none(nodes);
        for (place, group) in groups.iter().enumerate() {
            for other in &groups[..place] {
                grudge.cut_both_ways(group, other);
            }
        }
        grudge
    }

    /// Cuts what either cuts; for a cluster of as many nodes as this one.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (from, to) in other.pairs() {
            self.cut(from, to);
        }
        self
    }

    /// How many nodes the cluster has.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// True when nothing is cut.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cut.is_empty()
    }

    /// True when what `from` sends must not reach `to`.
    #[must_use]
    pub fn cuts(&self, from: usize, to: usize) -> bool {
        self.cut.contains(&(from, to))
    }

    /// The directed pairs `(from, to)` that are cut, in ascending order.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.cut.iter().copied()
    }

    /// The nodes that appear in the most cuts, on either end: those a partition is aimed at.
    #[must_use]
    pub fn hardest_hit(&self) -> Vec<usize> {
        let cuts_of = |node| {
            let touches = |&(from, to): &(usize, usize)| from == node || to == node;
            self.pairs().filter(touches).count()
        };
        let most = (0..self.nodes).map(cuts_of).max().unwrap_or(0);
        (0..self.nodes).filter(|&node| most > 0 && cuts_of(node) == most).collect()
    }

    /// Says in words who is cut off from whom, such as `n1 cut off from n2, n3`.
    ///
    /// `names` has one name for each node; a node without one is called by its number.
    #[must_use]
    pub fn describe(&self, names: &[String]) -> String {
        if self.cut.is_empty() {
            return "nothing cut".to_owned();
        }
        let mut sentences =
            self.sentences(names, "cut off from", |a, b| self.cuts(a, b) && self.cuts(b, a));
        sentences.extend(
            self.sentences(names, "cannot reach", |a, b| self.cuts(a, b) && !self.cuts(b, a)),
        );
        sentences.join("; ")
    }

    /// One sentence for each group of nodes that relate in the same way to the same others.
    ///
    /// A symmetric relation is told from the smaller group's side only.
    fn sentences(
        &self,
        names: &[String],
        verb: &str,
        related: impl Fn(usize, usize) -> bool,
    ) -> Vec<String> {
        let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for node in 0..self.nodes {
            let others: Vec<usize> = (0..self.nodes).filter(|&o| related(node, o)).collect();
            if others.is_empty() {
                continue;
            }
            match groups.iter_mut().find(|(_, to)| *to == others) {
                Some((from, _)) => from.push(node),
                None => groups.push((vec![node], others)),
            }
        }
        groups.sort_by_key(|(from, _)| from.len());
        let mut told = BTreeSet::new();
        let mut sentences = Vec::new();
        for (from, others) in groups {
            let fresh: Vec<usize> = others
                .into_iter()
                .filter(|&to| from.iter().any(|&node| !told.contains(&(to, node))))
                .collect();
            if fresh.is_empty() {
                continue;
            }
            for &node in &from {
                told.extend(fresh.iter().map(|&to| (node, to)));
            }
            let mut sentence = list(&from, names);
            let _ = write!(sentence, " {verb} {}", list(&fresh, names));
            sentences.push(sentence);
        }
        sentences
    }

    fn cut(&mut self, from: usize, to: usize) {
        if from != to && from < self.nodes && to < self.nodes {
            self.cut.insert((from, to));
        }
    }

    fn cut_both_ways(&mut self, left: &[usize], right: &[usize]) {
        for &a in left {
            for &b in right {
                self.cut(a, b);
                self.cut(b, a);
            }
        }
    }
}

fn shuffled<R: Rng + ?Sized>(rng: &mut R, nodes: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nodes).collect();
    order.shuffle(rng);
    order
}

fn list(nodes: &[usize], names: &[String]) -> String {
    let named = |&node: &usize| names.get(node).cloned().unwrap_or_else(|| format!("node {node}"));
    nodes.iter().map(named).collect::<Vec<_>>().join(", ")
}
