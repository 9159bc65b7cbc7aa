//! Counters that count up by one and are read: decided by one sweep through time.
//!
//! The sweep keeps the least count there can be by now. It lets an increment take effect
//! only when it must: when it ends, or when a read ends that returned more than the count;
//! then the pending increments take effect, those that end first at first and the
//! indeterminate ones last, until the count is what the read returned. A read takes effect
//! when the count is what it returned. Two things can go wrong:
//!
//! - *Too high.* A read ends, and although all increments that had begun took effect, the
//!   count is below what it returned. So it returned more than **the number of increments
//!   that began before or when it ended**, an upper bound in every order.
//! - *Too low.* A read begins when the count is above what it returned. Then it returned
//!   less than one of its lower bounds in every order: **the number of increments that had
//!   ended before it began**; and for each read R' that ended before it began, **what R'
//!   returned, plus the number of increments that began after R' ended and ended before the
//!   read began**.
//!
//! *Proof that the count c at a time t is one of those lower bounds.* If all increments in c
//! ended before t, c is the first bound, since all that ended are counted. Otherwise look at
//! the last read R' whose end made increments take effect of which one, say j, does not end
//! before t. What took effect after that was because it ended, or made to by a read that
//! took only increments ending before t; so all of it ended before t. An increment that had
//! begun by the end of R' and was passed over then does not end before j does, hence not
//! before t, and is not in c. So c is what R' returned plus exactly the increments that
//! began after R' ended and ended before t.
//!
//! Hence the sweep fails iff some read breaks one of the bounds, and otherwise the order in
//! which things took effect is a linearization. That every read lies between the number of
//! ended and of begun increments is *not* enough. Anyone can recount the bounds of one read,
//! so a conflict names only it, and R' if R' is needed.
//!
//! Deliberately absent: increments by different amounts and decrements (whether some of
//! them add up to a count is a knapsack), and increments that return the count: those are
//! [`ids`](crate::ids). One common amount, up or down, is for the caller to divide by.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::fault::planted;
use crate::procedure::{Conflict, Decision};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// The absence of a read.
const NONE: u32 = u32::MAX;

/// What an operation does to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterOp {
    /// Adds one.
    Increment,
    /// Returns the count.
    Read(i64),
}

/// Decides whether the operations on one counter, 0 at first, have a linearization.
///
/// `operations` are by beginnings; indeterminate reads are ignored, and indeterminate
/// increments that no read needs are left out of the order. O(n log c) in time, with c the
/// greatest number of operations at once that are not indeterminate, and O(n) in memory.
///
/// Conflicts: [`CountTooHigh`](Contradiction::CountTooHigh) (a read) and
/// [`CountTooLow`](Contradiction::CountTooLow) (a read, or two of which the earlier had
/// returned too much for the later one). Always applicable.
///
/// ```
/// use squall_checker::counter::{CounterOp, decide};
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::{NEVER, Timed};
///
/// let operations = [
///     Timed { op: CounterOp::Increment, invoked: 1, returned: 5 },
///     Timed { op: CounterOp::Increment, invoked: 2, returned: NEVER },
///     Timed { op: CounterOp::Read(1), invoked: 3, returned: 4 },
/// ];
/// assert_eq!(decide(&operations), Decision::Linearizable(vec![0, 2]));
/// ```
pub fn decide(operations: &[Timed<CounterOp>]) -> Decision {
    match Sweep::new(operations).run() {
        Ok(order) => Decision::Linearizable(order),
        Err(Failure::TooHigh(read)) => {
            Decision::Violation(Conflict::new(Contradiction::CountTooHigh, [read]))
        }
        Err(Failure::TooLow(read)) => Decision::Violation(too_low(operations, read)),
    }
}

/// The read at which the sweep ended.
enum Failure {
    TooHigh(u32),
    TooLow(u32),
}

/// An operation that has begun, by its end.
type Pending = BinaryHeap<Reverse<(u32, u32)>>;

/// The state of the sweep.
struct Sweep<'a> {
    operations: &'a [Timed<CounterOp>],
    /// What took effect so far.
    order: Vec<u32>,
    count: usize,
    /// Increments that end and have not taken effect.
    increments: Pending,
    /// Indeterminate increments that have not taken effect, the last one first to be taken.
    open: Vec<u32>,
    /// Reads that have not ended.
    reads: Pending,
    /// By count, the last read that waits for it, or [`NONE`].
    waiting: Vec<u32>,
    /// By operation, the read before it that waits for the same count, or [`NONE`].
    before: Vec<u32>,
}

impl<'a> Sweep<'a> {
    fn new(operations: &'a [Timed<CounterOp>]) -> Self {
        let increments =
            operations.iter().filter(|operation| operation.op == CounterOp::Increment).count();
        Self {
            operations,
            order: Vec::with_capacity(operations.len()),
            count: 0,
            increments: Pending::new(),
            open: Vec::new(),
            reads: Pending::new(),
            waiting: vec![NONE; increments + 1],
            before: vec![NONE; operations.len()],
        }
    }

    fn run(mut self) -> Result<Vec<u32>, Failure> {
        for (index, operation) in (0..).zip(self.operations) {
            // What ends where something begins runs at the same time as that.
            let tie = u32::from(planted("counter: a tie is an order"));
            self.end_before(operation.invoked.saturating_add(tie))?;
            match operation.op {
                CounterOp::Increment if operation.returned == NEVER => self.open.push(index),
                CounterOp::Increment => {
                    self.increments.push(Reverse((operation.returned, index)));
                }
                CounterOp::Read(_) if operation.returned == NEVER => {}
                CounterOp::Read(found) => self.begin_read(index, operation.returned, found)?,
            }
        }
        self.end_before(NEVER)?;
        Ok(self.order)
    }

    /// Lets everything end that ends before `position`, in order.
    fn end_before(&mut self, position: u32) -> Result<(), Failure> {
        loop {
            let end = |pending: &Pending| pending.peek().map_or(NEVER, |Reverse((end, _))| *end);
            let (increment_end, read_end) = (end(&self.increments), end(&self.reads));
            if increment_end.min(read_end) >= position {
                return Ok(());
            }
            if increment_end <= read_end {
                self.increment();
            } else if let Some(Reverse((_, read))) = self.reads.pop() {
                self.end_read(read)?;
            }
        }
    }

    fn begin_read(&mut self, read: u32, returned: u32, found: i64) -> Result<(), Failure> {
        let Ok(found) = usize::try_from(found) else { return Err(Failure::TooLow(read)) };
        if found < self.count && !planted("counter: reads may lag") {
            return Err(Failure::TooLow(read));
        }
        let Some(waiting) = self.waiting.get_mut(found) else {
            // More than there are increments at all.
            return Err(Failure::TooHigh(read));
        };
        if found == self.count {
            self.order.push(read);
        } else {
            self.before[read as usize] = std::mem::replace(waiting, read);
            self.reads.push(Reverse((returned, read)));
        }
        Ok(())
    }

    /// Makes pending increments take effect until the read has.
    fn end_read(&mut self, read: u32) -> Result<(), Failure> {
        let CounterOp::Read(found) = self.operations[read as usize].op else {
            unreachable!("only reads wait to be satisfied");
        };
        while (self.count as i64) < found {
            if !self.increment() {
                return Err(Failure::TooHigh(read));
            }
        }
        Ok(())
    }

    /// Makes the pending increment that ends first take effect, and the reads that waited
    /// for it; false if nothing is pending.
    fn increment(&mut self) -> bool {
        let open_first =
            planted("counter: indeterminate increments first") && !self.open.is_empty();
        let next = if open_first { None } else { self.increments.pop() };
        let next = match next {
            Some(Reverse((_, increment))) => Some(increment),
            None if planted("counter: indeterminate increments never happen") => None,
            None => self.open.pop(),
        };
        let Some(increment) = next else { return false };
        self.order.push(increment);
        self.count += 1;
        let mut read = std::mem::replace(&mut self.waiting[self.count], NONE);
        while read != NONE {
            self.order.push(read);
            read = self.before[read as usize];
        }
        true
    }
}

/// Why a read that began too late for its count returned too little.
///
/// Recounts the bounds, O(n log n).
fn too_low(operations: &[Timed<CounterOp>], read: u32) -> Conflict {
    let late = &operations[read as usize];
    let CounterOp::Read(found) = late.op else { unreachable!("only reads return too little") };
    let began: Vec<u32> = operations
        .iter()
        .filter(|operation| operation.op == CounterOp::Increment && operation.precedes(late))
        .map(|operation| operation.invoked)
        .collect();
    if found < began.len() as i64 {
        return Conflict::new(Contradiction::CountTooLow, [read]);
    }
    let bound = |operation: &Timed<CounterOp>| match operation.op {
        CounterOp::Read(earlier) if operation.precedes(late) => {
            let since = began.len() - began.partition_point(|begin| *begin <= operation.returned);
            Some(earlier.saturating_add(since as i64))
        }
        CounterOp::Read(_) | CounterOp::Increment => None,
    };
    let witness = (0..)
        .zip(operations)
        .find(|(_, operation)| bound(operation).is_some_and(|bound| found < bound))
        .map(|(index, _)| index)
        .expect("the count when the read began is one of its lower bounds");
    Conflict::new(Contradiction::CountTooLow, [witness, read])
}
