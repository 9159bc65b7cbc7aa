//! Operations that are given numbers: a counter that is fetched and incremented, and ids
//! that only have to differ.
//!
//! **Fetch and increment.** An operation that returned number r is the one with exactly r
//! others before it, so numbers are [ranks](crate::rank), and every rank has one operation.
//! Only indeterminate operations can have been given the numbers in between that nobody
//! returned, each any one of them: the i-th missing number goes to the i-th indeterminate
//! operation by beginnings. The operation in a gap must have begun when the first of the
//! higher numbers was returned; these deadlines only rise with the number, so handing out by
//! beginnings meets them if anything does. What remains is the condition of the rank lemma:
//! no operation began after one of higher rank had ended.
//!
//! If a gap cannot be filled, then some y that returned r did so before enough indeterminate
//! operations had begun for all gaps below r. So every failure is one of
//!
//! - two operations returned one number;
//! - x ended before y began and returned the higher number;
//! - y returned r, but r is more than **the number of operations that returned less than r
//!   plus the number of indeterminate ones that began before or when y ended**: nobody else
//!   can have been before y.
//!
//! **Unique ids.** Any order will do as long as no two operations returned the same.
//!
//! **Both at once.** An id that was generated neither needs nor changes the count, so the
//! operation that returned it may have any rank.
//!
//! Deliberately absent: counters that do not start at 0 (the caller subtracts), and numbers
//! taken in blocks.

#[cfg(test)]
mod tests;

use crate::fault::planted;
use crate::procedure::{Conflict, Decision};
use crate::rank::{Ranks, arrange};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// The absence of an operation.
const NONE: u32 = u32::MAX;

/// What an operation was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdOp {
    /// This number, which is how many were given before. [`u32::MAX`] stands for all that
    /// are too large to have been reached.
    Given(u32),
    /// A number, but nobody knows which: it is indeterminate.
    Unknown,
    /// This id, which only has to differ from the others that were generated.
    Generated(u32),
}

const ENDED_WITHOUT: &str = "an operation that ended returned no number";
const INDETERMINATE_WITH: &str = "an indeterminate operation has a number";
const ABOVE: &str = "an id is above the bound given";

/// Decides whether operations that each add one to a counter, 0 at first, and return what it
/// was, or that return an id never returned before, have a linearization.
///
/// `operations` are by beginnings, and generated ids are below `generated`: the caller
/// numbers whatever was returned. O(n + generated) in time and memory, times the logarithm
/// of the concurrency where there are operations of both sorts; indeterminate operations
/// that no gap needs are left out of the order.
///
/// Conflicts: [`DuplicateId`](Contradiction::DuplicateId) (two operations),
/// [`OutOfOrder`](Contradiction::OutOfOrder) (two operations) and
/// [`MissingId`](Contradiction::MissingId) (the operation that returned too much). Not
/// applicable if an operation ended without a number, or has one but is indeterminate, or
/// has an id that is not below `generated`.
///
/// ```
/// use squall_checker::ids::{IdOp, decide};
/// use squall_checker::procedure::{Conflict, Decision};
/// use squall_checker::timed::{NEVER, Timed};
/// use squall_checker::verdict::Contradiction;
///
/// let operations = [
///     Timed { op: IdOp::Given(1), invoked: 1, returned: 3 },
///     Timed { op: IdOp::Unknown, invoked: 2, returned: NEVER },
/// ];
/// assert_eq!(decide(&operations, 0), Decision::Linearizable(vec![1, 0]));
///
/// let generated = |id, at| Timed { op: IdOp::Generated(id), invoked: at, returned: at };
/// assert_eq!(decide(&[generated(1, 1), generated(0, 2)], 2), Decision::Linearizable(vec![0, 1]));
/// let twice = Conflict::new(Contradiction::DuplicateId, [0, 1]);
/// assert_eq!(decide(&[generated(1, 1), generated(1, 2)], 2), Decision::Violation(twice));
/// ```
pub fn decide(operations: &[Timed<IdOp>], generated: u32) -> Decision {
    order(operations, generated).map_or_else(|refusal| refusal, Decision::Linearizable)
}

/// The order, or the decision that there is none to be had.
fn order(operations: &[Timed<IdOp>], generated: u32) -> Result<Vec<u32>, Decision> {
    let generates = distinct(operations, generated)?;
    if generates == operations.len() {
        return Ok((0..operations.len() as u32).collect());
    }
    let mut owners = owners(operations)?;
    fill_gaps(operations, &mut owners)?;
    if generates == 0 {
        in_time(operations, &owners)?;
        // The planted fault leaves gaps open.
        owners.retain(|owner| *owner != NONE);
        return Ok(owners);
    }
    let mut ranges: Vec<Ranks> = operations
        .iter()
        .map(|operation| match operation.op {
            IdOp::Generated(_) => Ranks::from(0),
            IdOp::Given(_) | IdOp::Unknown => Ranks::ABSENT,
        })
        .collect();
    for (rank, &owner) in (0..).zip(&owners).filter(|(_, owner)| **owner != NONE) {
        ranges[owner as usize] = Ranks::exactly(rank);
    }
    let count = owners.len().max(1) as u32;
    arrange(operations, &ranges, count)
        .map_err(|inversion| inverted(operations, inversion.first, inversion.second))
}

/// How many operations generated an id, all of them different.
fn distinct(operations: &[Timed<IdOp>], generated: u32) -> Result<usize, Decision> {
    let mut owners = vec![NONE; generated as usize];
    let mut count = 0;
    for (index, operation) in (0..).zip(operations) {
        let id = match (operation.op, operation.returned) {
            (IdOp::Given(_) | IdOp::Generated(_), NEVER) => {
                return Err(Decision::NotApplicable(INDETERMINATE_WITH));
            }
            (IdOp::Unknown, returned) if returned != NEVER => {
                return Err(Decision::NotApplicable(ENDED_WITHOUT));
            }
            (IdOp::Given(_) | IdOp::Unknown, _) => continue,
            (IdOp::Generated(id), _) => id,
        };
        let owner = owners.get_mut(id as usize).ok_or(Decision::NotApplicable(ABOVE))?;
        let earlier = std::mem::replace(owner, index);
        if earlier != NONE && !planted("ids: ids may repeat") {
            return Err(violation(Contradiction::DuplicateId, &[earlier, index]));
        }
        count += 1;
    }
    Ok(count)
}

/// The operation that returned each number, up to the greatest one returned.
fn owners(operations: &[Timed<IdOp>]) -> Result<Vec<u32>, Decision> {
    let given = |operation: &Timed<IdOp>| match operation.op {
        IdOp::Given(number) => Some(number),
        IdOp::Unknown | IdOp::Generated(_) => None,
    };
    let count = operations.iter().filter_map(given).max().map_or(0, |most| most as usize + 1);
    // Beyond that, all other operations together are too few.
    let mut owners = vec![NONE; count.min(operations.len())];
    for (index, operation) in (0..).zip(operations) {
        let Some(number) = given(operation) else { continue };
        let Some(owner) = owners.get_mut(number as usize) else {
            return Err(violation(Contradiction::MissingId, &[index]));
        };
        let earlier = std::mem::replace(owner, index);
        if earlier != NONE && !planted("ids: numbers may repeat") {
            return Err(violation(Contradiction::DuplicateId, &[earlier, index]));
        }
    }
    Ok(owners)
}

/// Gives the numbers that nobody returned to indeterminate operations, by beginnings.
fn fill_gaps(operations: &[Timed<IdOp>], owners: &mut [u32]) -> Result<(), Decision> {
    let Some(&greatest) = owners.last() else { return Ok(()) };
    if planted("ids: gaps stay open") {
        return Ok(());
    }
    let mut unknown = (0..)
        .zip(operations)
        .filter(|(_, operation)| operation.op == IdOp::Unknown)
        .map(|(index, _)| index);
    for owner in owners.iter_mut().filter(|owner| **owner == NONE) {
        *owner = unknown.next().ok_or_else(|| violation(Contradiction::MissingId, &[greatest]))?;
    }
    Ok(())
}

/// Looks for an operation that began after one of higher number had ended.
fn in_time(operations: &[Timed<IdOp>], owners: &[u32]) -> Result<(), Decision> {
    let mut earliest = NONE;
    let mut end = NEVER;
    for &owner in owners.iter().rev().filter(|owner| **owner != NONE) {
        let operation = &operations[owner as usize];
        let tied = planted("ids: a tie is an order") && end == operation.invoked;
        if end < operation.invoked || tied {
            return Err(inverted(operations, earliest, owner));
        }
        if operation.returned < end {
            end = operation.returned;
            earliest = owner;
        }
    }
    Ok(())
}

/// What is wrong with an operation that ended before one of lower number began.
fn inverted(operations: &[Timed<IdOp>], first: u32, second: u32) -> Decision {
    // One that fills a gap can only be too late for a number above it, which was returned
    // before as many had begun as there are gaps below that number.
    match operations[second as usize].op {
        IdOp::Unknown => violation(Contradiction::MissingId, &[first]),
        IdOp::Given(_) | IdOp::Generated(_) => {
            violation(Contradiction::OutOfOrder, &[first, second])
        }
    }
}

fn violation(kind: Contradiction, operations: &[u32]) -> Decision {
    Decision::Violation(Conflict::new(kind, operations.iter().copied()))
}
