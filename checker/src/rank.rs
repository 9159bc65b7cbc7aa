//! Operations whose place is known but for a range: the rank lemma.
//!
//! What the operations returned often gives each of them a range of *ranks* such that the
//! legal orders are exactly those in which each operation can be given a rank of its range
//! with ranks never falling along the order, operations of equal rank being
//! interchangeable. Such an order also keeps real time iff **no operation ended before one
//! began whose highest rank is below the lowest rank of the first** (an *inversion*).
//!
//! *Proof.* An inversion excludes every order. Without one, give operation y the greatest
//! of its own lowest rank and the lowest ranks of all that ended before it began: that is
//! in its range. If x ended before y began, then what ended before x began also ended
//! before y began, so the rank of x is not above that of y; and x began before y, so
//! ordering by rank and by beginnings among equal ranks keeps real time.
//!
//! Inversions are found by rank instead of by time: with the earliest end among the
//! operations of lowest rank r or more at hand for every r, each operation y needs one
//! comparison. Nothing is sorted but by counting.
//!
//! Knows nothing of what the operations do: whoever finds the ranges knows, as
//! [`list`](crate::list) does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::fault::planted;
use crate::timed::{NEVER, Timed};

/// The ranks an operation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    lowest: u32,
    highest: u32,
}

impl Ranks {
    /// No rank: the operation takes no part.
    pub const ABSENT: Self = Self { lowest: 1, highest: 0 };

    /// Exactly `rank`.
    pub fn exactly(rank: u32) -> Self {
        Self { lowest: rank, highest: rank }
    }

    /// `rank` or any above it.
    pub fn from(rank: u32) -> Self {
        Self { lowest: rank, highest: u32::MAX }
    }

    fn is_absent(self) -> bool {
        self.lowest > self.highest
    }
}

/// Two operations that stand in one order in time and in the other by their ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inversion {
    /// Ended before the other began, but all its ranks are above those of the other.
    pub first: u32,
    /// Began after the first had ended.
    pub second: u32,
}

/// The absence of an operation.
const NONE: u32 = u32::MAX;

/// Puts the operations in an order that keeps both real time and ranks.
///
/// `operations` are by beginnings and `ranges` belong to them, one each; all lowest ranks,
/// and highest ones other than of [`Ranks::from`], are below `count`. The order names
/// operations by position and holds all but the absent ones, so whoever calls decides which
/// indeterminate operations took effect. O(operations + count), and a
/// factor of the logarithm of the concurrency where ranges are wider than one rank.
///
/// # Errors
/// An inversion; among all of them one whose second operation begins first.
///
/// # Panics
/// If there are not as many ranges as operations.
///
/// ```
/// use squall_checker::rank::{Inversion, Ranks, arrange};
/// use squall_checker::timed::Timed;
///
/// let at = |invoked, returned| Timed { op: (), invoked, returned };
/// let ranges = [Ranks::exactly(1), Ranks::exactly(0)];
/// assert_eq!(arrange(&[at(1, 3), at(2, 4)], &ranges, 2), Ok(vec![1, 0]));
/// let inversion = Inversion { first: 0, second: 1 };
/// assert_eq!(arrange(&[at(1, 2), at(3, 4)], &ranges, 2), Err(inversion));
/// ```
pub fn arrange<Op>(
    operations: &[Timed<Op>],
    ranges: &[Ranks],
    count: u32,
) -> Result<Vec<u32>, Inversion> {
    assert_eq!(operations.len(), ranges.len(), "one range for each operation");
    arrange_by(operations, |index| ranges[index as usize], count)
}

/// Does as [`arrange`], with ranges that are told for each position when asked.
///
/// Each is asked for a few times, which costs less than memory for all of them where it is
/// a matter of looking it up.
///
/// # Errors
/// As for [`arrange`].
pub fn arrange_by<Op>(
    operations: &[Timed<Op>],
    range: impl Fn(u32) -> Ranks,
    count: u32,
) -> Result<Vec<u32>, Inversion> {
    // Of the size of all ranks, so used twice.
    let mut by_rank = vec![NONE; count as usize + 1];
    let width = earliest_ends(operations, &range, &mut by_rank);
    if let Some(inversion) = inversion(operations, &range, &by_rank) {
        return Err(inversion);
    }
    by_rank.fill(0);
    let total = operations.len() as u32;
    Ok(match width {
        Width::One => counting_sort(total, range, by_rank),
        Width::Several => {
            let raised = raised(operations, &range);
            counting_sort(total, |index| raised[index as usize], by_rank)
        }
    })
}

/// How many ranks the operations may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    /// Each one, or none.
    One,
    /// Some more.
    Several,
}

/// Finds, for each rank, the operation that ended first among those of this lowest rank or a
/// higher one.
fn earliest_ends<Op>(
    operations: &[Timed<Op>],
    range: &impl Fn(u32) -> Ranks,
    earliest: &mut [u32],
) -> Width {
    let mut width = Width::One;
    for (index, operation) in (0..).zip(operations) {
        let ranks = range(index);
        if ranks.is_absent() {
            continue;
        }
        if ranks.lowest < ranks.highest {
            width = Width::Several;
        }
        let slot = &mut earliest[ranks.lowest as usize];
        if operation.returned < end(operations, *slot) {
            *slot = index;
        }
    }
    let mut first = NONE;
    for slot in earliest.iter_mut().rev() {
        if end(operations, *slot) < end(operations, first) {
            first = *slot;
        }
        *slot = first;
    }
    width
}

fn end<Op>(operations: &[Timed<Op>], index: u32) -> u32 {
    operations.get(index as usize).map_or(NEVER, |operation| operation.returned)
}

/// Looks for an operation that began after one of higher ranks had ended.
fn inversion<Op>(
    operations: &[Timed<Op>],
    range: &impl Fn(u32) -> Ranks,
    earliest: &[u32],
) -> Option<Inversion> {
    let own = u32::from(!planted("rank: equal ranks conflict"));
    for (index, operation) in (0..).zip(operations) {
        let ranks = range(index);
        if ranks.is_absent() || ranks.highest as usize >= earliest.len() - 1 {
            continue;
        }
        let first = earliest[(ranks.highest + own) as usize];
        let ended = end(operations, first);
        let tied = planted("rank: a tie is an order") && ended == operation.invoked;
        if ended < operation.invoked || tied {
            return Some(Inversion { first, second: index });
        }
    }
    None
}

/// The rank of each operation: the greatest of the lowest ranks of itself and of all that
/// ended before it began.
fn raised<Op>(operations: &[Timed<Op>], range: &impl Fn(u32) -> Ranks) -> Vec<Ranks> {
    // Those that have begun and may not have ended, by ends: about as many as run at once.
    let mut pending: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
    let mut ended = 0;
    let raise = |(index, operation): (u32, &Timed<Op>)| {
        let ranks = range(index);
        if ranks.is_absent() {
            return Ranks::ABSENT;
        }
        while let Some(&Reverse((returned, lowest))) = pending.peek()
            && returned < operation.invoked
        {
            pending.pop();
            ended = ended.max(lowest);
        }
        if operation.returned != NEVER {
            pending.push(Reverse((operation.returned, ranks.lowest)));
        }
        let held = if planted("rank: predecessors raise nothing") { 0 } else { ended };
        Ranks::exactly(ranks.lowest.max(held))
    };
    (0..).zip(operations).map(raise).collect()
}

/// The positions below `total` by rank, as they began among equals; `starts` holds a zero
/// for each rank and one more.
fn counting_sort(total: u32, range: impl Fn(u32) -> Ranks, mut starts: Vec<u32>) -> Vec<u32> {
    let mut placed = 0;
    for ranks in (0..total).map(&range).filter(|ranks| !ranks.is_absent()) {
        starts[ranks.lowest as usize + 1] += 1;
        placed += 1;
    }
    for rank in 1..starts.len() {
        starts[rank] += starts[rank - 1];
    }
    let mut order = vec![0; placed];
    for index in 0..total {
        let ranks = range(index);
        if !ranks.is_absent() {
            let start = &mut starts[ranks.lowest as usize];
            order[*start as usize] = index;
            *start += 1;
        }
    }
    if planted("rank: equals in any order") {
        order.sort_by_key(|&index| (range(index).lowest, Reverse(index)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::{Judged, Random, spans};
    use crate::procedure::{Conflict, Decision};
    use crate::verdict::Contradiction;

    /// Ranks in these histories are below this.
    const COUNT: u32 = 6;

    fn generate(random: &mut Random) -> Vec<Timed<Ranks>> {
        let count = 1 + random.below(7);
        let spans = spans(random, count);
        let mut operations: Vec<Timed<Ranks>> = spans
            .spans
            .iter()
            .map(|&(invoked, returned)| Timed { op: Ranks::ABSENT, invoked, returned })
            .collect();
        let mut rank = 0;
        for &index in &spans.effects {
            rank = (rank + random.below(3) / 2).min(COUNT - 1);
            let lowest = if random.chance(25) { random.below(COUNT) } else { rank };
            let highest = match random.below(3) {
                0 => lowest,
                1 => (lowest + random.below(3)).min(COUNT - 1),
                _ => u32::MAX,
            };
            operations[index].op = Ranks { lowest, highest };
            // As good as indeterminate, but the brute force may not leave it out.
            if random.chance(15) {
                operations[index].returned = NEVER - 1;
            }
        }
        operations
    }

    fn decide(operations: &[Timed<Ranks>]) -> Decision {
        let ranges: Vec<Ranks> = operations.iter().map(|operation| operation.op).collect();
        match arrange(operations, &ranges, COUNT) {
            Ok(order) => Decision::Linearizable(order),
            Err(Inversion { first, second }) => {
                let (x, y) = (&operations[first as usize], &operations[second as usize]);
                assert!(x.precedes(y) && x.op.lowest > y.op.highest, "{x:?} {y:?}");
                Decision::Violation(Conflict::new(Contradiction::OutOfOrder, [first, second]))
            }
        }
    }

    /// The state is the rank reached so far.
    fn step(reached: &u32, ranks: &Ranks) -> Vec<u32> {
        let rank = ranks.lowest.max(*reached);
        if rank <= ranks.highest { vec![rank] } else { vec![] }
    }

    fn judged() -> Judged<'static, Ranks, u32> {
        Judged { generate: &generate, decide: &decide, initial: 0, step: &step }
    }

    #[test]
    fn agrees_with_brute_force() {
        let tally = judged().run(150_000, 1).unwrap();
        assert!(tally.linearizable > 20_000 && tally.violations > 20_000, "{tally:?}");
    }

    #[test]
    fn faults_are_caught() {
        let faults = [
            "rank: equal ranks conflict",
            "rank: a tie is an order",
            "rank: predecessors raise nothing",
            "rank: equals in any order",
        ];
        assert_eq!(judged().survivors(&faults, 20_000, 2), Vec::<&str>::new());
    }

    #[test]
    fn absent_operations_take_no_part() {
        let at = |invoked, returned| Timed { op: (), invoked, returned };
        let operations = [at(1, 1), at(2, 2), at(3, 3)];
        let ranges = [Ranks::exactly(1), Ranks::ABSENT, Ranks::exactly(1)];
        assert_eq!(arrange(&operations, &ranges, 2), Ok(vec![0, 2]));
        assert_eq!(arrange::<()>(&[], &[], 0), Ok(vec![]));
    }
}
