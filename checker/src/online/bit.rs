//! One bit that is set and cleared by operations that say whether they did: an element of a
//! set, or a lock without owners.
//!
//! The sweep of a whole history lets the bit change only when a reply forces it, and then by
//! the operation that ends first among those that could have changed it; see
//! `bit` for the argument. Here that operation is not known yet, so the change
//! is a *pledge*. A reply that only tells the state needs the bit to have
//! been so at some time since its operation began, which the last time it was so tells.
//!
//! Time and memory: those of the pledges, so of the operations begun since the horizon.

use super::pledges::Pledges;
use super::{Completion, Halt, Moment, Monitor};
use crate::fault::planted;
use crate::procedure::Conflict;
use crate::verdict::{Contradiction, OperationId};

/// An operation on a bit as it is invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitCall {
    /// Makes the bit this, if it is not.
    Change(bool),
    /// Asks for the bit.
    Read,
}

/// What a bit replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitReply {
    /// Changed it; to a read this says nothing.
    Changed,
    /// It was this, and nothing was changed.
    Found(bool),
}

/// A bit operation in flight.
#[derive(Clone, Copy, Debug)]
pub struct PendingBit {
    operation: OperationId,
    call: BitCall,
    invoked: u32,
}

/// Judges a bit, event by event; the first event without legal order is found exactly.
///
/// A conflict names the operation that could not be placed, as [`Contradiction::NoOrder`].
pub struct BitMonitor {
    bit: bool,
    /// When the bit was last what it is not now; 0 if never.
    last_other: u32,
    /// Changes to clear and to set.
    pledges: [Pledges; 2],
}

impl BitMonitor {
    /// A bit that is `bit` at first.
    pub fn new(bit: bool) -> Self {
        Self { bit, last_other: 0, pledges: <[Pledges; 2]>::default() }
    }

    /// How many positions are kept: a measure of the memory used.
    pub fn kept(&self) -> usize {
        self.pledges.iter().map(Pledges::kept).sum()
    }

    /// The bit changes now.
    fn flip(&mut self, position: u32) {
        self.bit = !self.bit;
        self.last_other = position;
    }

    /// The bit changes now by an operation in flight; whether there is one.
    fn force(&mut self, position: u32) -> bool {
        let possible = self.pledges[usize::from(!self.bit)].pledge(position, 1);
        self.flip(position);
        possible
    }

    /// Whether the bit could have been `found` since `invoked`.
    fn find(&mut self, found: bool, invoked: u32, position: u32) -> bool {
        let since = self.last_other >= invoked && !planted("online bit: only now counts");
        self.bit == found || since || self.force(position)
    }

    /// Whether the bit could have been changed to `to` since `invoked`.
    fn change(&mut self, to: bool, invoked: u32, position: u32) -> bool {
        if self.pledges[usize::from(to)].redeem(invoked) {
            return true;
        }
        let possible = self.bit != to || self.force(position);
        self.flip(position);
        possible
    }
}

impl Monitor for BitMonitor {
    type Call = BitCall;
    type Reply = BitReply;
    type Pending = PendingBit;

    fn invoke(
        &mut self,
        operation: OperationId,
        call: BitCall,
        at: Moment,
    ) -> Result<PendingBit, Halt> {
        if let BitCall::Change(to) = call {
            self.pledges[usize::from(to)].join(at.position);
        }
        Ok(PendingBit { operation, call, invoked: at.position })
    }

    fn complete(
        &mut self,
        pending: PendingBit,
        completion: Completion<BitReply>,
        at: Moment,
    ) -> Result<(), Halt> {
        let PendingBit { operation, call, invoked } = pending;
        let position = at.position;
        let mut leave = || match call {
            BitCall::Change(to) => self.pledges[usize::from(to)].leave(invoked),
            BitCall::Read => true,
        };
        let possible = match (completion, call) {
            (Completion::Info, _) => true,
            (Completion::Fail, _) => leave(),
            (Completion::Ok(BitReply::Found(found)), _) => {
                leave() && self.find(found, invoked, position)
            }
            (Completion::Ok(BitReply::Changed), BitCall::Change(to)) => {
                self.change(to, invoked, position)
            }
            (Completion::Ok(BitReply::Changed), BitCall::Read) => true,
        };
        if !possible {
            return Err(Halt::Violation(Conflict::new(Contradiction::NoOrder, [operation.0])));
        }
        for pledges in &mut self.pledges {
            pledges.settle(at.horizon);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::{Random, brute_force};
    use crate::online::judged::{Cut, JudgedOnline, Recorded, simulate};

    fn step(bit: &bool, (call, reply): &(BitCall, Option<BitReply>)) -> Vec<bool> {
        let next = match (*call, *reply) {
            (_, Some(BitReply::Found(found))) => (found == *bit).then_some(*bit),
            (BitCall::Read, _) => Some(*bit),
            (BitCall::Change(to), _) => (to != *bit).then_some(to),
        };
        next.into_iter().collect()
    }

    fn generate(random: &mut Random) -> Vec<Recorded<BitCall, BitReply>> {
        let mut bit = false;
        let lies = random.pick(&[0, 5, 15]);
        let (count, indeterminate) = (2 + random.below(8), random.pick(&[0, 15, 40]));
        simulate(random, count, indeterminate, &mut |random, _| {
            let lie = random.chance(lies);
            if random.chance(25) {
                return (BitCall::Read, Some(BitReply::Found(bit != lie)));
            }
            let to = random.chance(50);
            let call = BitCall::Change(to);
            if random.chance(10) {
                return (call, lie.then_some(BitReply::Changed));
            }
            if bit == to {
                return (call, Some(if lie { BitReply::Changed } else { BitReply::Found(bit) }));
            }
            bit = to;
            (call, (!lie).then_some(BitReply::Changed))
        })
    }

    #[test]
    fn the_first_event_without_legal_order_is_found() {
        let judged = JudgedOnline {
            generate: &generate,
            monitor: &|| BitMonitor::new(false),
            legal: &|operations: &[Cut<_, _>]| brute_force(operations, &false, &step),
        };
        let tally = judged.run(120_000, 1).unwrap();
        assert!(tally.linearizable > 20_000, "{tally:?}");
        assert!(tally.violations > 15_000, "{tally:?}");
        assert!(tally.with_indeterminate > 20_000, "{tally:?}");
        let faults = [
            "online pledges: a candidate takes the youngest pledge",
            "online pledges: nobody asks whether pledges can be kept",
            "online pledges: indeterminate ones keep many",
            "online bit: only now counts",
        ];
        assert_eq!(judged.survivors(&faults, 60_000, 2), Vec::<&str>::new());
    }
}
