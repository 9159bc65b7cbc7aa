//! A counter whose increments return it: fetch and increment.
//!
//! Numbers are places in the order. A number above all returned so far leaves *gaps* below
//! it, which operations in flight or indeterminate must have been given before that moment:
//! each gap is a *pledge* made there, and whoever returns its number later
//! must have begun by then. Gaps by number are also gaps by position, since each number
//! below a gap was already given or a gap when it was made.
//!
//! A number that is neither new nor a gap was returned before, or passed to an operation
//! nobody will hear of: either way it may not be returned, so nothing is kept about it.
//!
//! Time and memory: those of the pledges, so of the operations begun since the horizon.

use std::collections::VecDeque;

use super::pledges::Pledges;
use super::{Completion, Halt, Moment, Monitor};
use crate::fault::planted;
use crate::procedure::Conflict;
use crate::verdict::{Contradiction, OperationId};

/// An operation in flight that will be given a number.
#[derive(Clone, Copy, Debug)]
pub struct PendingId {
    operation: OperationId,
    invoked: u32,
}

/// Judges fetch and increment, event by event; the first event without legal order is
/// found exactly.
///
/// A conflict names the operation that could not be placed; of a number that cannot be
/// returned any more it says [`Contradiction::OutOfOrder`], also if it is a duplicate.
pub struct IdsMonitor {
    /// The least number above all returned.
    next: u64,
    /// The numbers below it that operations in flight must have been given, rising.
    gaps: VecDeque<u64>,
    pledges: Pledges,
}

impl IdsMonitor {
    /// The first operation will be given `first`.
    pub fn new(first: u64) -> Self {
        Self { next: first, gaps: VecDeque::new(), pledges: Pledges::default() }
    }

    /// How many positions are kept: a measure of the memory used.
    pub fn kept(&self) -> usize {
        self.pledges.kept()
    }

    fn give(&mut self, number: u64, pending: PendingId, at: Moment) -> Result<(), Contradiction> {
        if number >= self.next {
            let kept = self.pledges.leave(pending.invoked);
            if !kept || !self.pledges.pledge(at.position, number - self.next) {
                return Err(Contradiction::MissingId);
            }
            self.gaps.extend(self.next..number);
            self.next = number + 1;
            return Ok(());
        }
        let gap = self.gaps.binary_search(&number).map_err(|_| Contradiction::OutOfOrder)?;
        let made = self.pledges.open()[gap];
        if made < pending.invoked && !planted("online ids: a gap is filled late") {
            return Err(Contradiction::OutOfOrder);
        }
        self.gaps.remove(gap);
        let kept = self.pledges.redeem_at(gap, pending.invoked);
        let unasked = planted("online ids: nobody asks who fills the other gaps");
        (kept || unasked).then_some(()).ok_or(Contradiction::MissingId)
    }
}

impl Monitor for IdsMonitor {
    type Call = ();
    type Reply = u64;
    type Pending = PendingId;

    fn invoke(&mut self, operation: OperationId, (): (), at: Moment) -> Result<PendingId, Halt> {
        self.pledges.join(at.position);
        Ok(PendingId { operation, invoked: at.position })
    }

    fn complete(
        &mut self,
        pending: PendingId,
        completion: Completion<u64>,
        at: Moment,
    ) -> Result<(), Halt> {
        let judged = match completion {
            Completion::Info => Ok(()),
            Completion::Fail => {
                let kept = self.pledges.leave(pending.invoked);
                kept.then_some(()).ok_or(Contradiction::MissingId)
            }
            Completion::Ok(number) => self.give(number, pending, at),
        };
        judged.map_err(|kind| Halt::Violation(Conflict::new(kind, [pending.operation.0])))?;
        let settled = self.pledges.settle(at.horizon);
        self.gaps.drain(..settled);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::{Random, brute_force};
    use crate::online::judged::{Cut, JudgedOnline, Recorded, simulate};

    fn step(next: &u64, (_, number): &((), Option<u64>)) -> Vec<u64> {
        let legal = number.is_none_or(|number| number == *next);
        legal.then_some(next + 1).into_iter().collect()
    }

    fn generate(random: &mut Random) -> Vec<Recorded<(), u64>> {
        let mut next = 0;
        let lies = random.pick(&[0, 10, 30]);
        let (operations, indeterminate) = (2 + random.below(8), random.pick(&[0, 15, 40]));
        simulate(random, operations, indeterminate, &mut |random, _| {
            let lie = random.chance(lies);
            if random.chance(10) {
                return ((), lie.then_some(next));
            }
            let number = if lie { next + 1 - u64::from(random.below(3)).min(next) } else { next };
            next += u64::from(!(lie && random.chance(20)));
            ((), (!lie || random.chance(80)).then_some(number))
        })
    }

    #[test]
    fn the_first_event_without_legal_order_is_found() {
        let judged = JudgedOnline {
            generate: &generate,
            monitor: &|| IdsMonitor::new(0),
            legal: &|operations: &[Cut<_, _>]| brute_force(operations, &0, &step),
        };
        let tally = judged.run(120_000, 1).unwrap();
        assert!(tally.linearizable > 20_000, "{tally:?}");
        assert!(tally.violations > 15_000, "{tally:?}");
        assert!(tally.with_indeterminate > 20_000, "{tally:?}");
        let faults = [
            "online pledges: nobody asks whether pledges can be kept",
            "online pledges: indeterminate ones keep many",
            "online ids: a gap is filled late",
            "online ids: nobody asks who fills the other gaps",
        ];
        assert_eq!(judged.survivors(&faults, 60_000, 2), Vec::<&str>::new());
    }
}
