//! Searching many objects in rounds, so that a hard one does not keep an easy one waiting.

use rayon::prelude::*;

use super::depth_first::DepthFirst;
use super::{LookAhead, Searched, Shortage, Timed};
use crate::check::Budget;
use crate::model::Model;

/// Configurations each object may take in the first round.
const FIRST_ROUND: u64 = 1 << 10;

/// How much more each round allows than the one before.
const GROWTH: u64 = 4;

/// The operations of one object.
#[derive(Debug)]
pub struct KeyProblem<'a, M: Model> {
    /// What it is.
    pub model: &'a M,
    /// In any order, as for [`search`](super::search()).
    pub operations: &'a [Timed<M::Op>],
}

/// Whether to go on once an object has no linearization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterViolation {
    /// Every object is searched.
    Continue,
    /// What is undecided when the round ends stays so.
    Stop,
}

/// An object under way.
enum Key<'a, M: Model> {
    Waiting(&'a KeyProblem<'a, M>),
    Searching(Box<DepthFirst<'a, M>>, Searched),
    Decided(Searched),
}

/// Searches many objects, in parallel and in rounds of growing length.
///
/// `budget.configurations` is per object, `budget.memory_bytes` for all together: what is
/// left of it is shared evenly among the undecided. A search that pauses between rounds
/// keeps what it has. Results stand where their problems stood and do not depend on the
/// number of threads, unless memory runs out or the caller stops it.
pub fn search_keys<M>(
    problems: &[KeyProblem<'_, M>],
    budget: &Budget<'_>,
    after_violation: AfterViolation,
) -> Vec<Searched>
where
    M: Model + Sync,
    M::Op: Sync,
    M::State: Send,
{
    let mut keys: Vec<Key<'_, M>> = problems.iter().map(Key::Waiting).collect();
    let mut allowed = FIRST_ROUND.min(budget.configurations);
    loop {
        let (undecided, used) = keys.iter().fold((0, 0), |(count, bytes), key| match key {
            Key::Waiting(_) => (count + 1, bytes),
            Key::Searching(search, _) => (count + 1, bytes + search.bytes()),
            Key::Decided(_) => (count, bytes),
        });
        let share = budget.memory_bytes.saturating_sub(used) / u64::max(undecided, 1);
        keys.par_iter_mut().for_each(|key| key.go_on(budget, allowed, share));
        let found = |key: &Key<'_, M>| matches!(key, Key::Decided(Searched::Violation { .. }));
        let end = match after_violation {
            AfterViolation::Stop => keys.iter().any(found),
            AfterViolation::Continue => false,
        };
        let undecided = keys.iter().any(|key| !matches!(key, Key::Decided(_)));
        if end || !undecided || allowed >= budget.configurations || budget.stopped() {
            return keys.into_iter().map(Key::finish).collect();
        }
        allowed = allowed.saturating_mul(GROWTH).min(budget.configurations);
    }
}

impl<M: Model> Key<'_, M> {
    /// One round: until `configurations` in all or `share` bytes more.
    fn go_on(&mut self, budget: &Budget<'_>, configurations: u64, share: u64) {
        if let Self::Waiting(problem) = self {
            let search =
                Box::new(DepthFirst::new(problem.model, problem.operations, LookAhead::Allowed));
            let nothing = Searched::Exhausted(search.progress(Shortage::Stopped));
            *self = Self::Searching(search, nothing);
        }
        let Self::Searching(search, searched) = self else { return };
        let memory_bytes = search.bytes().saturating_add(share);
        *searched = search.run(&Budget { configurations, memory_bytes, stop: budget.stop });
        if !matches!(searched, Searched::Exhausted(_)) {
            let searched = std::mem::replace(searched, Searched::Linearizable(Vec::new()));
            *self = Self::Decided(searched);
        }
    }

    fn finish(self) -> Searched {
        match self {
            Self::Decided(searched) | Self::Searching(_, searched) => searched,
            Self::Waiting(_) => unreachable!("the first round begins with every object"),
        }
    }
}
