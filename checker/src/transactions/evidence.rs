//! From a cycle of transactions to the few that show it.

use super::Anomaly;
use super::facts::{Dependency, Footprint, forced};
use super::input::{KeyId, Objects, Outcome, Transactions};
use super::versions::Versions;
use super::writes::{NONE, Writes};
use crate::verdict::{Contradiction, Precedence};

/// Transactions on a cycle for which every one of them is tried as its beginning.
const ROTATED_MAX: usize = 32;

/// How many reads that missed a write a cycle may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    None,
    One,
    Any,
}

/// A kind of cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// What its edges may be, but for missed writes.
    pub(super) steps: &'static [Precedence],
    pub(super) missed: Missed,
}

impl Kind {
    pub(super) fn takes(&self, why: Precedence) -> bool {
        self.steps.contains(&why) || why == Precedence::ReadWrite && self.missed != Missed::None
    }
}

/// What makes a cycle short and complete.
pub(super) struct Evidence<'a> {
    pub(super) transactions: &'a Transactions,
    pub(super) writes: &'a Writes,
    pub(super) readers: Readers<'a>,
}

/// Where to find somebody who read something.
pub(super) enum Readers<'a> {
    /// The longest reads of lists.
    Longest(&'a Versions),
    /// Somebody who found each value of a register, or [`NONE`].
    ByElement(&'a [u32]),
}

/// Something that a read must show for a cycle to hold.
enum Need {
    /// An order of appends to a key, up to that of this member.
    Order(usize, KeyId),
    /// That this indeterminate member took part.
    TookPart(usize),
}

impl Evidence<'_> {
    pub(super) fn is_transaction(&self, node: u32) -> bool {
        (node as usize) < self.transactions.len()
    }

    /// The anomaly that a ring of transactions shows, by as few of them as the facts between
    /// any two allow; none if the facts do not confirm it.
    ///
    /// If the kind has one missed write, it is the step from the first of the ring.
    pub(super) fn anomaly(&self, ring: &[u32], kind: &Kind) -> Option<Anomaly> {
        let of = |transaction| Footprint::of(self.transactions, self.writes, transaction);
        let ring: Vec<Footprint> = ring.iter().map(|&transaction| of(transaction)).collect();
        let mut edges = self.leaps(&ring, 0, kind)?;
        if kind.missed != Missed::One {
            let members: Vec<Footprint> = edges.iter().map(|edge| of(edge.from)).collect();
            let rotations = 0..members.len().min(ROTATED_MAX);
            let others = rotations.filter_map(|start| self.leaps(&members, start, kind));
            edges = others.min_by_key(Vec::len).unwrap_or(edges);
        }
        let members: Vec<Footprint> = edges.iter().map(|edge| of(edge.from)).collect();
        let named = members.iter().map(|member| member.transaction);
        let witnesses = self.witnesses(&members, &edges);
        let sources = edges.iter().filter_map(|edge| self.source(edge));
        let mut anomaly =
            Anomaly::new(contradiction(&edges), named.chain(witnesses).chain(sources));
        anomaly.key = edges.iter().find_map(|edge| edge.key);
        anomaly.edges = edges;
        Some(anomaly)
    }

    /// Goes round a ring from `start`, each time as far as the facts allow.
    fn leaps(&self, ring: &[Footprint], start: usize, kind: &Kind) -> Option<Vec<Dependency>> {
        let at = |steps: usize| &ring[(start + steps) % ring.len()];
        let mut every = kind.steps.to_vec();
        if kind.missed == Missed::Any {
            every.push(Precedence::ReadWrite);
        }
        let (mut edges, mut here) = (Vec::new(), 0);
        while here < ring.len() {
            let first_of_one = here == 0 && kind.missed == Missed::One;
            let allowed: &[_] = if first_of_one { &[Precedence::ReadWrite] } else { &every };
            let farthest = if here == 0 { ring.len() - 1 } else { ring.len() };
            let (next, edge) = (here + 1..=farthest).rev().find_map(|next| {
                Some((next, forced(self.transactions, at(here), at(next), allowed)?))
            })?;
            edges.push(edge);
            here = next;
        }
        Some(edges)
    }

    /// The transactions, besides the members, whose reads the edges rest on.
    fn witnesses(&self, members: &[Footprint], edges: &[Dependency]) -> Vec<u32> {
        let mut needs = Vec::new();
        for (position, edge) in edges.iter().enumerate() {
            // Of registers, the second itself found what the first wrote.
            let lists = self.transactions.objects() == Objects::Lists;
            if let (Precedence::WriteWrite, Some(key), true) = (edge.why, edge.key, lists) {
                needs.push(Need::Order((position + 1) % edges.len(), key));
            }
            if self.transactions.outcome(edge.from) == Outcome::Info {
                needs.push(Need::TookPart(position));
            }
        }
        let met = |need: &Need, by: &Footprint| match need {
            Need::Order(last, key) => by.shows_order(&members[*last], *key),
            Need::TookPart(member) => by.shows_any(&members[*member]),
        };
        let of = |reader| Footprint::of(self.transactions, self.writes, reader);
        let mut witnesses: Vec<Footprint> = Vec::new();
        for need in &needs {
            if members.iter().chain(&witnesses).any(|reader| met(need, reader)) {
                continue;
            }
            witnesses.extend(self.reader(need, members).map(of));
        }
        for position in (0..witnesses.len()).rev() {
            let rest = || {
                let rest = witnesses.iter().enumerate().filter(|(other, _)| *other != position);
                members.iter().chain(rest.map(|(_, witness)| witness))
            };
            if needs.iter().all(|need| rest().any(|reader| met(need, reader))) {
                witnesses.remove(position);
            }
        }
        witnesses.iter().map(|witness| witness.transaction).collect()
    }
}

impl Evidence<'_> {
    /// Who wrote the value of a register that both ends of a missed write found: without it,
    /// the one that replaced the value might have come first.
    pub(super) fn source(&self, edge: &Dependency) -> Option<u32> {
        let key = edge.key.filter(|_| edge.why == Precedence::ReadWrite)?;
        let found = Footprint::of(self.transactions, self.writes, edge.from).found(key)?;
        Some(self.writes.of(found).writer)
    }

    /// Somebody whose read meets a need.
    fn reader(&self, need: &Need, members: &[Footprint]) -> Option<u32> {
        match (&self.readers, need) {
            (Readers::Longest(versions), Need::Order(_, key)) => Some(versions.of(*key).reader),
            (Readers::Longest(versions), Need::TookPart(member)) => {
                members[*member].seen_at().map(|key| versions.of(key).reader)
            }
            (Readers::ByElement(readers), Need::Order(member, _) | Need::TookPart(member)) => {
                let left = members[*member].left();
                left.map(|element| readers[element as usize]).find(|&reader| reader != NONE)
            }
        }
    }
}

/// What Adya calls a cycle of these edges.
fn contradiction(edges: &[Dependency]) -> Contradiction {
    let count = |why| edges.iter().filter(|edge| edge.why == why).count();
    match (count(Precedence::ReadWrite), count(Precedence::ReadsFrom)) {
        (0, 0) => Contradiction::G0,
        (0, _) => Contradiction::G1c,
        (1, _) => Contradiction::GSingle,
        _ => Contradiction::G2,
    }
}
