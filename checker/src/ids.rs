//! Operations that are given numbers: a counter that is fetched and incremented, and ids
//! that only have to differ.
//!
//! **Fetch and increment.** An operation that returned number r is the one with exactly r
//! others before it, so numbers are [ranks](crate::rank). Only indeterminate operations can
//! have been given the numbers in between that nobody returned, each any one of them: the
//! i-th missing number goes to the i-th indeterminate operation by beginnings. The operation
//! in a gap must have begun when the first of the higher numbers was returned; these
//! deadlines only rise with the number, so handing out by beginnings meets them if anything
//! does. What remains are the conditions of the rank lemma among the numbers returned.
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
    /// This number.
    Given(u64),
    /// Nobody knows: it is indeterminate.
    Unknown,
}

const ENDED_WITHOUT: &str = "an operation that ended returned no number";
const INDETERMINATE_WITH: &str = "an indeterminate operation has a number";

/// The number an operation returned.
fn given(operation: &Timed<IdOp>) -> Result<Option<u64>, Decision> {
    match (operation.op, operation.returned) {
        (IdOp::Given(_), NEVER) => Err(Decision::NotApplicable(INDETERMINATE_WITH)),
        (IdOp::Given(number), _) => Ok(Some(number)),
        (IdOp::Unknown, NEVER) => Ok(None),
        (IdOp::Unknown, _) => Err(Decision::NotApplicable(ENDED_WITHOUT)),
    }
}

/// Decides whether operations that each add one to a counter, 0 at first, and return what it
/// was have a linearization.
///
/// `operations` are by beginnings. O(n) in time and memory; indeterminate operations that
/// no gap needs are left out of the order.
///
/// Conflicts: [`DuplicateId`](Contradiction::DuplicateId) (two operations),
/// [`OutOfOrder`](Contradiction::OutOfOrder) (two operations) and
/// [`MissingId`](Contradiction::MissingId) (the operation that returned too much). Not
/// applicable if an operation ended without a number, or has one but is indeterminate.
///
/// ```
/// use squall_checker::ids::{IdOp, fetch_and_increment};
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::{NEVER, Timed};
///
/// let operations = [
///     Timed { op: IdOp::Given(1), invoked: 1, returned: 3 },
///     Timed { op: IdOp::Unknown, invoked: 2, returned: NEVER },
/// ];
/// assert_eq!(fetch_and_increment(&operations), Decision::Linearizable(vec![1, 0]));
/// ```
pub fn fetch_and_increment(operations: &[Timed<IdOp>]) -> Decision {
    number(operations).map_or_else(|refusal| refusal, Decision::Linearizable)
}

/// The order, or the decision that there is none to be had.
fn number(operations: &[Timed<IdOp>]) -> Result<Vec<u32>, Decision> {
    let (owners, count) = owners(operations)?;
    let mut ranges = vec![Ranks::ABSENT; operations.len()];
    let mut unknown = (0..)
        .zip(operations)
        .filter(|(_, operation)| operation.op == IdOp::Unknown)
        .map(|(index, _)| index);
    for (rank, &owner) in (0..).zip(&owners[..count as usize]) {
        let owner = if owner == NONE && !planted("ids: gaps stay open") {
            let greatest = owners[count as usize - 1];
            unknown.next().ok_or_else(|| violation(Contradiction::MissingId, &[greatest]))?
        } else {
            owner
        };
        if owner != NONE {
            ranges[owner as usize] = Ranks::exactly(rank);
        }
    }
    arrange(operations, &ranges, count).map_err(|inversion| {
        // One that fills a gap can only be too late for a number above it, which was
        // returned before as many had begun as there are gaps below that number.
        match operations[inversion.second as usize].op {
            IdOp::Unknown => violation(Contradiction::MissingId, &[inversion.first]),
            IdOp::Given(_) => {
                violation(Contradiction::OutOfOrder, &[inversion.first, inversion.second])
            }
        }
    })
}

/// The operation that returned each number, and how many numbers there are up to the
/// greatest one returned.
fn owners(operations: &[Timed<IdOp>]) -> Result<(Vec<u32>, u32), Decision> {
    let mut owners = vec![NONE; operations.len()];
    let mut count = 0;
    for (index, operation) in (0..).zip(operations) {
        let Some(number) = given(operation)? else { continue };
        let owner = usize::try_from(number).ok().and_then(|number| owners.get_mut(number));
        let Some(owner) = owner else {
            // All other operations together are too few.
            return Err(violation(Contradiction::MissingId, &[index]));
        };
        let earlier = std::mem::replace(owner, index);
        if earlier != NONE && !planted("ids: numbers may repeat") {
            return Err(violation(Contradiction::DuplicateId, &[earlier, index]));
        }
        count = count.max(number as u32 + 1);
    }
    Ok((owners, count))
}

fn violation(kind: Contradiction, operations: &[u32]) -> Decision {
    Decision::Violation(Conflict::new(kind, operations.iter().copied()))
}

/// Decides whether all ids differ.
///
/// `operations` are by beginnings, and ids are below `ids`: the caller numbers whatever was
/// returned. The order is that of the beginnings, without the indeterminate operations.
/// O(n + ids).
///
/// Conflict: [`DuplicateId`](Contradiction::DuplicateId) (two operations). Not applicable if
/// an operation ended without an id, or has one but is indeterminate, or has one that is not
/// below `ids`.
///
/// ```
/// use squall_checker::ids::{IdOp, unique};
/// use squall_checker::procedure::{Conflict, Decision};
/// use squall_checker::timed::Timed;
/// use squall_checker::verdict::Contradiction;
///
/// let given = |id, at| Timed { op: IdOp::Given(id), invoked: at, returned: at };
/// assert_eq!(unique(&[given(1, 1), given(0, 2)], 2), Decision::Linearizable(vec![0, 1]));
/// let twice = Conflict::new(Contradiction::DuplicateId, [0, 1]);
/// assert_eq!(unique(&[given(1, 1), given(1, 2)], 2), Decision::Violation(twice));
/// ```
pub fn unique(operations: &[Timed<IdOp>], ids: u32) -> Decision {
    let mut owners = vec![NONE; ids as usize];
    let mut order = Vec::with_capacity(operations.len());
    for (index, operation) in (0..).zip(operations) {
        let id = match given(operation) {
            Ok(Some(id)) => id,
            Ok(None) => continue,
            Err(refusal) => return refusal,
        };
        let owner = usize::try_from(id).ok().and_then(|id| owners.get_mut(id));
        let Some(owner) = owner else {
            return Decision::NotApplicable("an id is above the bound given");
        };
        if *owner != NONE && !planted("ids: numbers may repeat") {
            return violation(Contradiction::DuplicateId, &[*owner, index]);
        }
        *owner = index;
        order.push(index);
    }
    Decision::Linearizable(order)
}
