//! A counter that is incremented by one and read.
//!
//! The sweep of a whole history keeps the least count possible: an increment counts when it
//! ends, or when a reply needs it, and then those that end first count first; see
//! [`counter`](crate::counter). Which these are is not known yet, so such increments are
//! *pledges*. A read may not be below the least count when it began.
//!
//! Time and memory: those of the pledges, so of the operations begun since the horizon.

use super::pledges::Pledges;
use super::{Completion, Halt, Moment, Monitor};
use crate::fault::planted;
use crate::procedure::Conflict;
use crate::verdict::{Contradiction, OperationId};

/// An operation on a counter as it is invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterCall {
    /// Adds one.
    Increment,
    /// Asks for the count.
    Read,
}

/// What a counter replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterReply {
    /// Counted; to a read this says nothing.
    Counted,
    /// The count; to an increment this says the same as `Counted`.
    Count(u64),
}

/// A counter operation in flight.
#[derive(Clone, Copy, Debug)]
pub struct PendingCounter {
    operation: OperationId,
    call: CounterCall,
    invoked: u32,
    /// The least count when it began.
    least: u64,
}

/// Judges a counter, event by event; the first event without legal order is found exactly.
///
/// A conflict names the operation that could not be placed.
#[derive(Default)]
pub struct CounterMonitor {
    least: u64,
    pledges: Pledges,
}

impl CounterMonitor {
    /// A counter at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many positions are kept: a measure of the memory used.
    pub fn kept(&self) -> usize {
        self.pledges.kept()
    }

    fn find(
        &mut self,
        count: u64,
        pending: PendingCounter,
        at: Moment,
    ) -> Result<(), Contradiction> {
        if count < pending.least && !planted("online counter: counts may fall") {
            return Err(Contradiction::CountTooLow);
        }
        if count > self.least {
            if !self.pledges.pledge(at.position, count - self.least) {
                return Err(Contradiction::CountTooHigh);
            }
            self.least = count;
        }
        Ok(())
    }
}

impl Monitor for CounterMonitor {
    type Call = CounterCall;
    type Reply = CounterReply;
    type Pending = PendingCounter;

    fn invoke(
        &mut self,
        operation: OperationId,
        call: CounterCall,
        at: Moment,
    ) -> Result<PendingCounter, Halt> {
        if call == CounterCall::Increment {
            self.pledges.join(at.position);
        }
        Ok(PendingCounter { operation, call, invoked: at.position, least: self.least })
    }

    fn complete(
        &mut self,
        pending: PendingCounter,
        completion: Completion<CounterReply>,
        at: Moment,
    ) -> Result<(), Halt> {
        let judged = match (pending.call, completion) {
            (_, Completion::Info)
            | (CounterCall::Read, Completion::Fail | Completion::Ok(CounterReply::Counted)) => {
                Ok(())
            }
            (CounterCall::Increment, Completion::Fail) => {
                let kept = self.pledges.leave(pending.invoked);
                kept.then_some(()).ok_or(Contradiction::CountTooHigh)
            }
            (CounterCall::Increment, Completion::Ok(_)) => {
                let pledged = self.pledges.redeem(pending.invoked);
                self.least += u64::from(!pledged || planted("online counter: counted twice"));
                Ok(())
            }
            (CounterCall::Read, Completion::Ok(CounterReply::Count(count))) => {
                self.find(count, pending, at)
            }
        };
        judged.map_err(|kind| Halt::Violation(Conflict::new(kind, [pending.operation.0])))?;
        self.pledges.settle(at.horizon);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::{Random, brute_force};
    use crate::online::judged::{Cut, JudgedOnline, Recorded, simulate};

    fn step(count: &u64, (call, reply): &(CounterCall, Option<CounterReply>)) -> Vec<u64> {
        let next = match (*call, *reply) {
            (CounterCall::Increment, _) => Some(count + 1),
            (_, Some(CounterReply::Count(found))) => (found == *count).then_some(*count),
            (CounterCall::Read, _) => Some(*count),
        };
        next.into_iter().collect()
    }

    fn generate(random: &mut Random) -> Vec<Recorded<CounterCall, CounterReply>> {
        let mut count = 0;
        let lies = random.pick(&[0, 10, 30]);
        let (operations, indeterminate) = (2 + random.below(8), random.pick(&[0, 15, 40]));
        simulate(random, operations, indeterminate, &mut |random, _| {
            let lie = random.chance(lies);
            if random.chance(45) {
                let off = u64::from(lie && random.chance(50));
                let found = if lie { (count + 2 * off).saturating_sub(1) } else { count };
                return (CounterCall::Read, Some(CounterReply::Count(found)));
            }
            if random.chance(10) {
                return (CounterCall::Increment, lie.then_some(CounterReply::Counted));
            }
            count += 1;
            (CounterCall::Increment, (!lie).then_some(CounterReply::Counted))
        })
    }

    #[test]
    fn the_first_event_without_legal_order_is_found() {
        let judged = JudgedOnline {
            generate: &generate,
            monitor: &CounterMonitor::new,
            legal: &|operations: &[Cut<_, _>]| brute_force(operations, &0, &step),
        };
        let tally = judged.run(120_000, 1).unwrap();
        assert!(tally.linearizable > 20_000, "{tally:?}");
        assert!(tally.violations > 15_000, "{tally:?}");
        assert!(tally.with_indeterminate > 20_000, "{tally:?}");
        let faults = [
            "online pledges: a candidate takes the youngest pledge",
            "online pledges: nobody asks whether pledges can be kept",
            "online pledges: indeterminate ones keep many",
            "online counter: counts may fall",
            "online counter: counted twice",
        ];
        assert_eq!(judged.survivors(&faults, 60_000, 2), Vec::<&str>::new());
    }
}
