//! Registers with compare-and-set whose written values are all different: decided in linear
//! time, and with a proof either way.
//!
//! The *cluster* of a value is what stored it together with the reads that returned it. A
//! compare-and-set from `a` to `b` stores `b` directly after the cluster of `a`, so clusters
//! form *chains*; a chain begins with a plain write or the initial value. In any
//! linearization a chain is contiguous, because nothing can store between a value and those
//! that find it, and its operations come in the order of the chain. So it remains to order
//! chains. With `f` the first end and `s` the last beginning among
//! the operations of a chain, chain A must come before chain B iff `f(A) < s(B)`: if an
//! operation of A ended before one of B began, all of A comes before all of B. The
//! contradictions therefore are
//!
//! - an operation found a value that nobody stored;
//! - two compare-and-sets found the same value, or some close a circle;
//! - within a chain, a later operation ended before an earlier one began;
//! - two chains must each come before the other.
//!
//! *Claim.* Without these, ordering chains by `k = min(f, s)`, those with `s <= f` first
//! among equals, is a linearization. *Proof.* Let an operation of A end before one of B
//! begins, A and B different: `f(A) < s(B)`, so `f(B) >= s(A)`. If `s(A) <= f(A)`, then
//! `k(A) = s(A)`, which is at most `f(B)` and below `s(B)`, thus at most `k(B)`; it equals
//! `k(B)` only if `k(B) = f(B) < s(B)`, and then A is first by the rule for equals. If
//! `f(A) < s(A)`, then `k(A) = f(A)`, which is below `s(A) <= f(B)` and below `s(B)`, so
//! below `k(B)`. One sweep in this order, keeping the greatest `s` so far, finds a pair of
//! chains with `f(B) < s(A)` for an A before B. That is a contradiction, because then also
//! `f(A) < s(B)`: otherwise `f(B) < s(A)` and `f(A) >= s(B)` put B first, by the same proof.
//!
//! An indeterminate write or compare-and-set takes part iff its value was read, or found by
//! a compare-and-set that takes part: what nobody saw can as well not have happened.
//!
//! Operations that were told only "not this value" are beyond this theory; see `refused`.
//! Knows neither histories nor JSON. Sources: Gibbons & Korach, *Testing Shared Memories*
//! (1997), for reads and writes; Golab, Li & Shah, *Analyzing Consistency Properties for Fun
//! and Profit* (2011), zones. Chains of compare-and-sets as blocks are our own extension.

mod chain;
mod clusters;
mod conflict;
mod minimal;
mod refused;

#[cfg(test)]
mod cross_check;

use crate::fault::planted;
use crate::model::{RegisterOp, ValueId};
use crate::procedure::{Conflict, Decision};
use crate::timed::Timed;
use clusters::Clusters;

/// Insertions may move this many places for each chain before sorting starts over.
const MOVES_PER_CHAIN: usize = 32;

/// Decides whether the operations of one register have a linearization.
///
/// `operations` are by beginnings, positions from 1 on; values are below `values`, and
/// [`ValueId::INITIAL`] is what the register holds at first. Failed operations are left out
/// by the caller; indeterminate reads are ignored. A failed compare-and-set that told what
/// it found is a [`RegisterOp::Read`] of that.
///
/// The order of [`Decision::Linearizable`] holds every operation that ended and those
/// indeterminate ones whose values were found. The operations of a [`Decision::Violation`]
/// are minimal under this rule: a read needs the store of its value among them, and a
/// compare-and-set without the store of what it expected counts as a write. (Reducing a
/// contradiction of thousands of operations gives up after some seconds and may leave too
/// many.) Not applicable if a value was stored twice or the initial value stored at all, if
/// the operations are not by beginnings, or if it stays open whether the compare-and-sets
/// that were only told "not this value" fit in.
///
/// O(operations + values) if values are numbered roughly as they were stored, else with a
/// logarithmic factor; whatever the concurrency and however many operations are
/// indeterminate. Memory beyond the input: 24 bytes a value, 4 an operation.
///
/// ```
/// use squall_checker::model::{RegisterOp, ValueId};
/// use squall_checker::procedure::Decision;
/// use squall_checker::register::decide;
/// use squall_checker::timed::{NEVER, Timed};
///
/// let timed = |op, invoked, returned| Timed { op, invoked, returned };
/// let mut operations = vec![
///     timed(RegisterOp::Write(ValueId(1)), 1, NEVER),
///     timed(RegisterOp::Cas { expected: ValueId(1), new: ValueId(2) }, 2, 3),
/// ];
/// assert_eq!(decide(&operations, 3), Decision::Linearizable(vec![0, 1]));
///
/// operations.push(timed(RegisterOp::Read(ValueId(1)), 4, 5));
/// assert!(matches!(decide(&operations, 3), Decision::Violation(_)));
/// ```
///
/// # Panics
/// If a value is not below `values`.
pub fn decide(operations: &[Timed<RegisterOp>], values: u32) -> Decision {
    match linearize(operations, values) {
        Ok(order) => Decision::Linearizable(order),
        Err(Obstacle::Conflict(conflict)) => {
            Decision::Violation(minimal::reduce(operations, conflict))
        }
        Err(Obstacle::NotApplicable(reason)) => Decision::NotApplicable(reason),
    }
}

/// Why there is no order.
enum Obstacle {
    /// There cannot be one; a contradiction, perhaps with more operations than it needs.
    Conflict(Conflict),
    /// As [`Decision::NotApplicable`].
    NotApplicable(&'static str),
}

/// A linearization, or what is in its way.
fn linearize(operations: &[Timed<RegisterOp>], values: u32) -> Result<Vec<u32>, Obstacle> {
    let mut clusters = Clusters::gather(operations, values)?;
    clusters.link().map_err(Obstacle::Conflict)?;
    let mut chains = clusters.chains().map_err(Obstacle::Conflict)?;
    sort(&mut chains, |chain| clusters.rank(chain));
    sweep(&clusters, &chains).map_err(Obstacle::Conflict)?;
    let order = clusters.spread(&chains);
    drop(chains);
    if clusters.refusals() == 0 {
        return Ok(order);
    }
    refused::place(&clusters, &order)
}

/// Sorts what is nearly sorted already; what is not costs a sort.
fn sort(chains: &mut [ValueId], rank: impl Fn(ValueId) -> u64) {
    let mut moves_left = MOVES_PER_CHAIN * chains.len();
    let mut greatest = 0;
    for index in 0..chains.len() {
        let chain = chains[index];
        let own = rank(chain);
        if own >= greatest {
            greatest = own;
            continue;
        }
        let mut place = index;
        while place > 0 && rank(chains[place - 1]) > own {
            chains[place] = chains[place - 1];
            place -= 1;
            if moves_left == 0 {
                chains[place] = chain;
                chains.sort_unstable_by_key(|chain| rank(*chain));
                return;
            }
            moves_left -= 1;
        }
        chains[place] = chain;
    }
}

/// Looks for a chain that must come before one ranked earlier.
fn sweep(clusters: &Clusters<'_>, chains: &[ValueId]) -> Result<(), Conflict> {
    let mut latest = ValueId::INITIAL;
    let mut latest_beginning = 0;
    for &chain in chains {
        let (first_end, last_beginning) = clusters.extent(chain);
        if first_end < latest_beginning && !planted("register: chains are not swept") {
            return Err(conflict::value_returned(clusters, latest, chain));
        }
        if last_beginning > latest_beginning {
            latest = chain;
            latest_beginning = last_beginning;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
