//! Reduces a register's history without a linearization to a few operations that show it.
//!
//! Candidates are *closed*: each read comes with its sources, the operations that may have
//! stored what it returned, so that what contradicts itself among them does so whatever
//! the rest of the history holds. The argument stands with the verifier, which states the
//! rules again by itself.

use crate::check::Budget;
use crate::model::{Register, RegisterOp, ValueId};
use crate::search::{NEVER, Searched, Timed, search};

/// Configurations one candidate may cost.
const CANDIDATE_CONFIGURATIONS: u64 = 20_000;

/// Operations and configurations gone through before the reduction settles for what it has:
/// seconds.
const WORK_MAX: u64 = 2_000_000;

/// The operations, by position, of a closed part without a linearization.
///
/// `operations` are those of a key that took part, by beginnings, and have no linearization.
/// The result is minimal (no operation can go) unless the work allowed runs out first.
pub(crate) fn reduce(operations: &[Timed<RegisterOp>], budget: &Budget<'_>) -> Vec<u32> {
    if let Some(read) = never_stored(operations) {
        return vec![read];
    }
    let mut reduction = Reduction {
        operations,
        sources: operations.iter().map(|_| None).collect(),
        stores: Stores::of(operations),
        budget,
        work: 0,
    };
    let set = reduction.shortest_prefix();
    reduction.drop_chunks(set)
}

/// The first read of a value that nobody stored; needs no search.
pub(crate) fn never_stored(operations: &[Timed<RegisterOp>]) -> Option<u32> {
    let stores = Stores::of(operations);
    let lacks = |timed: &Timed<RegisterOp>| {
        let RegisterOp::Read(value) = timed.op else { return false };
        value != ValueId::INITIAL && stores.by_value.get(value.0 as usize).is_none_or(Vec::is_empty)
    };
    operations.iter().position(lacks).map(|index| index as u32)
}

struct Reduction<'a> {
    operations: &'a [Timed<RegisterOp>],
    /// The sources of each operation that needs a value, once asked for.
    sources: Vec<Option<Vec<u32>>>,
    stores: Stores,
    budget: &'a Budget<'a>,
    work: u64,
}

impl Reduction<'_> {
    /// The operations that began by the earliest position at which they contradict each other.
    fn shortest_prefix(&mut self) -> Vec<u32> {
        let mut least = 1;
        let mut best: Vec<u32> = (0..self.operations.len() as u32).collect();
        let mut length = best.len();
        while least < length && !self.spent() {
            let middle = usize::midpoint(least, length);
            let candidate = self.close((0..middle as u32).collect());
            if self.contradicts(&candidate) {
                best = candidate;
                length = middle;
            } else {
                least = middle + 1;
            }
        }
        best
    }

    /// Drops runs of operations, halving their length, until none can go.
    fn drop_chunks(&mut self, mut set: Vec<u32>) -> Vec<u32> {
        let mut chunk = (set.len() / 2).max(1);
        loop {
            let mut dropped = false;
            let mut start = 0;
            while start < set.len() && !self.spent() {
                let end = (start + chunk).min(set.len());
                let candidate = self.close([&set[..start], &set[end..]].concat());
                if self.contradicts(&candidate) {
                    set = candidate;
                    dropped = true;
                } else {
                    start = end;
                }
            }
            if self.spent() || (chunk == 1 && !dropped) {
                return set;
            }
            chunk = (chunk / 2).max(1);
        }
    }

    /// Without the reads that lack a source, and without what was refused: whether the
    /// value was another one depends on stores outside of the set.
    fn close(&mut self, set: Vec<u32>) -> Vec<u32> {
        let members = self.membership(&set);
        set.into_iter()
            .filter(|&index| match self.operations[index as usize].op {
                RegisterOp::Read(_) => self.has_sources(index, &members),
                RegisterOp::Refused(_) => false,
                RegisterOp::Write(_) | RegisterOp::Cas { .. } => true,
            })
            .collect()
    }

    /// Whether a closed set certainly has no linearization.
    fn contradicts(&mut self, set: &[u32]) -> bool {
        if self.spent() {
            return false;
        }
        let members = self.membership(set);
        let operations: Vec<Timed<RegisterOp>> = set
            .iter()
            .map(|&index| {
                let timed = self.operations[index as usize];
                match timed.op {
                    // Nothing is known of the state it found, only of the one it left.
                    RegisterOp::Cas { new, .. } if !self.has_sources(index, &members) => {
                        Timed { op: RegisterOp::Write(new), ..timed }
                    }
                    _ => timed,
                }
            })
            .collect();
        let configurations = self.budget.configurations.min(CANDIDATE_CONFIGURATIONS);
        let budget = Budget { configurations, ..*self.budget };
        let searched = search(&Register, &operations, &budget);
        self.work += set.len() as u64;
        match &searched {
            Searched::Exhausted(progress) => self.work += progress.configurations,
            Searched::Linearizable(_) | Searched::Violation { .. } => {}
        }
        matches!(searched, Searched::Violation { .. })
    }

    fn spent(&self) -> bool {
        self.work > WORK_MAX || self.budget.stopped()
    }

    fn membership(&self, set: &[u32]) -> Vec<bool> {
        let mut members = vec![false; self.operations.len()];
        for &index in set {
            members[index as usize] = true;
        }
        members
    }

    fn has_sources(&mut self, index: u32, members: &[bool]) -> bool {
        let Self { operations, sources, stores, .. } = self;
        sources[index as usize]
            .get_or_insert_with(|| stores.sources(operations, index))
            .iter()
            .all(|&source| members[source as usize])
    }
}

/// What the operations store, arranged for finding sources.
struct Stores {
    /// Per value, the operations that store it, by beginnings.
    by_value: Vec<Vec<u32>>,
    /// Ends of successful stores, rising, each with the latest beginning up to there.
    latest_beginnings: Vec<(u32, u32)>,
}

impl Stores {
    fn of(operations: &[Timed<RegisterOp>]) -> Self {
        let mut by_value: Vec<Vec<u32>> = Vec::new();
        let mut latest_beginnings = Vec::new();
        for (index, operation) in (0..).zip(operations) {
            let Some(value) = stored(operation.op) else { continue };
            let slot = value.0 as usize;
            by_value.resize(by_value.len().max(slot + 1), Vec::new());
            by_value[slot].push(index);
            if operation.returned != NEVER {
                latest_beginnings.push((operation.returned, operation.invoked));
            }
        }
        latest_beginnings.sort_unstable();
        let mut latest = 0;
        for (_, beginning) in &mut latest_beginnings {
            latest = latest.max(*beginning);
            *beginning = latest;
        }
        Self { by_value, latest_beginnings }
    }

    /// The operations that may have stored what operation `index` needs.
    fn sources(&self, operations: &[Timed<RegisterOp>], index: u32) -> Vec<u32> {
        let reader = &operations[index as usize];
        let Some(value) = needed(reader.op) else { return Vec::new() };
        let stores = self.by_value.get(value.0 as usize).map_or(&[][..], Vec::as_slice);
        let ended_before = self.latest_beginnings.partition_point(|(end, _)| *end < reader.invoked);
        let overwritten_before = match ended_before.checked_sub(1) {
            Some(last) => self.latest_beginnings[last].1,
            None => 0,
        };
        let others = || stores.iter().copied().filter(|&store| store != index);
        let sources: Vec<u32> = others()
            .filter(|&store| {
                let store = &operations[store as usize];
                store.invoked <= reader.returned && store.returned >= overwritten_before
            })
            .collect();
        if sources.is_empty() {
            // None can have been current; the nearest is for people to see.
            let began = |store: &u32| operations[*store as usize].invoked <= reader.returned;
            let nearest = others().rfind(began).or_else(|| others().next());
            return nearest.into_iter().collect();
        }
        sources
    }
}

fn stored(op: RegisterOp) -> Option<ValueId> {
    match op {
        RegisterOp::Read(_) | RegisterOp::Refused(_) => None,
        RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } => Some(value),
    }
}

fn needed(op: RegisterOp) -> Option<ValueId> {
    match op {
        RegisterOp::Write(_) | RegisterOp::Refused(_) => None,
        RegisterOp::Read(value) | RegisterOp::Cas { expected: value, .. } => Some(value),
    }
}
