//! The few operations of a violation that a search found, for any model.
//!
//! Two reductions are sound whatever the model is. *Prefixes*: where the events up to some
//! point have no linearization, more events give none (a linearization of all, cut after the
//! operations that ended by then, would be one: whatever else it has before the cut had
//! begun, and counts as indeterminate). *Reads*: an operation that only reads can be left
//! out of any linearization, so if there is none without it, there is none with it. An
//! operation that may change the state can never be left out: others may need it.

use super::{Searched, Timed, search, search_exactly};
use crate::check::Budget;
use crate::model::Model;
use crate::timed::NEVER;

/// Configurations one candidate may cost.
const CANDIDATE_CONFIGURATIONS: u64 = 20_000;

/// Operations and configurations gone through before the reduction settles for what it has:
/// seconds.
const WORK_MAX: u64 = 2_000_000;

/// A violation that shows itself early and with few reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimal {
    /// The operations, by position, rising: all that began by `until` and may change the
    /// state, and the reads that cannot be left out.
    pub operations: Vec<u32>,
    /// The events after this position play no part: what ended later counts as
    /// indeterminate.
    pub until: u32,
}

impl Minimal {
    /// The operations of the violation, with those that had not ended made indeterminate.
    pub fn of<Op: Clone>(&self, operations: &[Timed<Op>]) -> Vec<Timed<Op>> {
        let cut = |index: &u32| {
            let timed = &operations[*index as usize];
            let returned = if timed.returned <= self.until { timed.returned } else { NEVER };
            Timed { op: timed.op.clone(), invoked: timed.invoked, returned }
        };
        self.operations.iter().map(cut).collect()
    }
}

/// Reduces operations without a linearization; `None` if they have one, or if the budget
/// does not suffice to see that they have none.
///
/// The prefix is the shortest, unless finding it exhausts the budget where
/// [`search`](super::search()) does not; of the reads none can go, unless the work allowed
/// runs out first.
pub fn minimal<M: Model>(
    model: &M,
    operations: &[Timed<M::Op>],
    budget: &Budget<'_>,
) -> Option<Minimal>
where
    M::Op: Clone,
{
    let until = match search_exactly(model, operations, budget) {
        Searched::Linearizable(_) => return None,
        Searched::Violation { unpassed } => operations[unpassed as usize].returned,
        Searched::Exhausted(_) => match search(model, operations, budget) {
            Searched::Violation { .. } => NEVER - 1,
            Searched::Linearizable(_) | Searched::Exhausted(_) => return None,
        },
    };
    let took_part = |index: &u32| {
        let timed = &operations[*index as usize];
        timed.invoked <= until && (timed.returned <= until || !model.can_be_left_out(&timed.op))
    };
    let all = (0..operations.len() as u32).filter(took_part).collect();
    let mut reduction = Reduction {
        model,
        operations,
        budget,
        work: 0,
        minimal: Minimal { operations: all, until },
    };
    reduction.drop_reads();
    Some(reduction.minimal)
}

struct Reduction<'a, M: Model> {
    model: &'a M,
    operations: &'a [Timed<M::Op>],
    budget: &'a Budget<'a>,
    work: u64,
    /// Has no linearization.
    minimal: Minimal,
}

impl<M: Model> Reduction<'_, M>
where
    M::Op: Clone,
{
    /// Drops runs of reads, halving their length, until none can go.
    fn drop_reads(&mut self) {
        let is_read =
            |index: &u32| self.model.can_be_left_out(&self.operations[*index as usize].op);
        let mut reads: Vec<u32> = self.minimal.operations.iter().copied().filter(is_read).collect();
        let mut chunk = reads.len().max(1);
        loop {
            let mut dropped = false;
            let mut start = 0;
            while start < reads.len() {
                let end = (start + chunk).min(reads.len());
                if self.can_go(&reads[start..end]) {
                    let gone: Vec<u32> = reads.drain(start..end).collect();
                    self.minimal.operations.retain(|index| !gone.contains(index));
                    dropped = true;
                } else {
                    start = end;
                }
            }
            let spent = self.work > WORK_MAX || self.budget.stopped();
            if spent || (chunk == 1 && !dropped) {
                return;
            }
            chunk = (chunk / 2).max(1);
        }
    }

    /// Whether there is certainly no linearization without these reads.
    fn can_go(&mut self, reads: &[u32]) -> bool {
        if self.work > WORK_MAX || self.budget.stopped() {
            return false;
        }
        let kept = self.minimal.operations.iter().copied().filter(|index| {
            // Reads are in rising order.
            reads.binary_search(index).is_err()
        });
        let candidate = Minimal { operations: kept.collect(), until: self.minimal.until };
        let operations = candidate.of(self.operations);
        let configurations = self.budget.configurations.min(CANDIDATE_CONFIGURATIONS);
        let searched = search(self.model, &operations, &Budget { configurations, ..*self.budget });
        self.work += operations.len() as u64;
        if let Searched::Exhausted(progress) = searched {
            self.work += progress.configurations;
        }
        matches!(searched, Searched::Violation { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::{Random, brute_force};
    use crate::model::{Register, RegisterOp};
    use crate::search::tests::{register_history, register_step};

    fn is_legal(operations: &[Timed<RegisterOp>]) -> bool {
        let step = |state: &u32, op: &RegisterOp| register_step(state, op);
        brute_force(operations, &0, &step)
    }

    #[test]
    fn a_minimal_violation_is_one_and_ends_where_it_begins() {
        let mut random = Random::new(11);
        let mut violations = 0;
        for _ in 0..20_000 {
            let operations = register_history(&mut random);
            let Some(found) = minimal(&Register, &operations, &Budget::default()) else {
                assert!(is_legal(&operations), "{operations:#?}");
                continue;
            };
            violations += 1;
            assert!(!is_legal(&found.of(&operations)), "{found:?} of {operations:#?}");
            let sooner = Minimal {
                operations: (0..operations.len() as u32)
                    .filter(|index| operations[*index as usize].invoked <= found.until)
                    .collect(),
                until: found.until - 1,
            };
            assert!(is_legal(&sooner.of(&operations)), "{found:?} of {operations:#?}");
            for left_out in &found.operations {
                if Register.reads_only(&operations[*left_out as usize].op) {
                    let fewer = found.operations.iter().copied().filter(|index| index != left_out);
                    let fewer = Minimal { operations: fewer.collect(), until: found.until };
                    assert!(is_legal(&fewer.of(&operations)), "{left_out} can go from {found:?}");
                }
            }
        }
        assert!(violations > 3000, "only {violations} violations");
    }
}
