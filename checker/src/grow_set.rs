//! Sets that only grow and are read whole: decided in linear time.
//!
//! Of any two reads one must have found a subset of what the other found. So the different
//! sets that were read form a chain C(0), C(1), ... by size, and the operations have
//! [ranks](crate::rank): a read of C(k) has 2k + 1, and reads of one set are
//! interchangeable. Let C(k) be the first set that holds an element. No add of it can come
//! before a read that lacks it, so all have 2k as their lowest rank, and one of them must
//! come before the reads of C(k), so its highest rank is 2k as well; the add that began
//! first serves best, as its highest rank only matters to what ended before it began. The
//! other adds of the element change nothing and may have any higher rank. An add that ended
//! and whose element nobody saw comes after all reads; indeterminate adds other than the
//! first of an element that was seen never took effect. The rank lemma does the rest.
//!
//! **Why a few operations suffice as proof.** Take a legal order and drop from it all adds
//! but those of some elements, and from every read the other elements: what remains is a
//! legal order. So if a few operations have no legal order, each read being restricted to
//! the elements all of whose adds are among the few, neither has the history. The
//! operations of every conflict named here have none, and lose that property with any one
//! of them taken away. Elements added often make such a conflict large, hence those added
//! least are chosen. For an element nobody added, the read of it is proof enough.
//!
//! Deliberately absent: removals, and reads of a part or of the size.

mod conflict;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::fault::planted;
use crate::procedure::{Conflict, Decision};
use crate::rank::{Ranks, arrange};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// The absence of an operation or of a class.
const NONE: u32 = u32::MAX;

/// So many that every rank, about twice as many, is a number of 32 bits.
const MOST_OPERATIONS: usize = 1 << 30;

/// One of the different sets that were read: its position in [`GrowSetHistory::sets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId(pub u32);

/// What an operation does to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowSetOp {
    /// Puts this element in, which may be there already.
    Add(u32),
    /// Returns the whole set.
    Read(SetId),
}

/// The operations of one set and what the reads found.
#[derive(Clone, Copy, Debug)]
pub struct GrowSetHistory<'a> {
    /// By beginnings. Indeterminate reads are ignored.
    pub operations: &'a [Timed<GrowSetOp>],
    /// Where each set that was read stands in `arena`; best given once each, however often
    /// they were read. Ranges may overlap.
    pub sets: &'a [Range<u32>],
    /// The elements of the sets, rising within each.
    pub arena: &'a [u32],
    /// Elements are below this.
    pub elements: u32,
}

impl<'a> GrowSetHistory<'a> {
    fn set(&self, id: SetId) -> &'a [u32] {
        let range = &self.sets[id.0 as usize];
        &self.arena[range.start as usize..range.end as usize]
    }
}

/// Who did what, by element and by set.
struct Facts {
    /// The add of each element that began first, or [`NONE`].
    first_adds: Vec<u32>,
    /// The first read of each set, or [`NONE`].
    readers: Vec<u32>,
    /// The place of each set in the chain, or [`NONE`] if nobody read it.
    classes: Vec<u32>,
    /// The first set of the chain that holds the element, or [`NONE`].
    seen: Vec<u32>,
    /// One set for each place in the chain.
    chain: Vec<SetId>,
}

/// Decides whether the operations on one set, empty at first, have a linearization.
///
/// O(operations + elements + stored elements of the sets) in time and memory, and a factor
/// of the logarithm of the concurrency on the operations if an element was added twice.
/// Sets are compared element by element. Indeterminate adds that no read needs are left out
/// of the order.
///
/// Conflicts: [`NeverWritten`](Contradiction::NeverWritten) (a read),
/// [`ReadBeforeWrite`](Contradiction::ReadBeforeWrite) (a read and the adds of an element),
/// [`DivergentReads`](Contradiction::DivergentReads) (two reads and the adds of an element
/// that only the one has and one that only the other has) and
/// [`OutOfOrder`](Contradiction::OutOfOrder) (one or two reads and the adds of one or two
/// elements). Always all adds of an element, even the indeterminate ones. Not applicable if
/// the elements of a set do not rise.
///
/// # Panics
/// If a read names no set, or a set lies outside of the arena.
///
/// ```
/// use squall_checker::grow_set::{GrowSetHistory, GrowSetOp, SetId, decide};
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::Timed;
///
/// let operations = [
///     Timed { op: GrowSetOp::Add(7), invoked: 1, returned: 4 },
///     Timed { op: GrowSetOp::Read(SetId(0)), invoked: 2, returned: 3 },
///     Timed { op: GrowSetOp::Read(SetId(1)), invoked: 5, returned: 6 },
/// ];
/// let sets = [0..0, 0..1];
/// let history =
///     GrowSetHistory { operations: &operations, sets: &sets, arena: &[7], elements: 8 };
/// assert_eq!(decide(&history), Decision::Linearizable(vec![1, 0, 2]));
/// ```
pub fn decide(history: &GrowSetHistory<'_>) -> Decision {
    linearize(history).map_or_else(|refusal| refusal, Decision::Linearizable)
}

/// The order, or the decision that there is none to be had.
fn linearize(history: &GrowSetHistory<'_>) -> Result<Vec<u32>, Decision> {
    let mut facts = gather(history)?;
    chain(history, &mut facts)?;
    let (ranges, count) = ranks(history, &facts);
    arrange(history.operations, &ranges, count)
        .map_err(|inversion| Decision::Violation(conflict::inverted(history, &facts, inversion)))
}

/// Finds the first add of each element and the first read of each set.
fn gather(history: &GrowSetHistory<'_>) -> Result<Facts, Decision> {
    if history.operations.len() > MOST_OPERATIONS {
        return Err(Decision::NotApplicable("there are more operations than ranks"));
    }
    let mut facts = Facts {
        first_adds: vec![NONE; history.elements as usize],
        readers: vec![NONE; history.sets.len()],
        classes: vec![NONE; history.sets.len()],
        seen: vec![NONE; history.elements as usize],
        chain: Vec::new(),
    };
    for (index, operation) in (0..).zip(history.operations) {
        let first = match operation.op {
            GrowSetOp::Add(element) => match facts.first_adds.get_mut(element as usize) {
                Some(first) => first,
                None => return Err(Decision::NotApplicable(ABOVE)),
            },
            GrowSetOp::Read(_) if operation.returned == NEVER => continue,
            GrowSetOp::Read(set) => &mut facts.readers[set.0 as usize],
        };
        if *first == NONE {
            *first = index;
        }
    }
    Ok(facts)
}

const ABOVE: &str = "an element is above the bound given";

/// Puts the sets that were read in a chain, and finds where each element enters it.
///
/// By size, each set is compared with the one before it: inclusion is transitive.
fn chain(history: &GrowSetHistory<'_>, facts: &mut Facts) -> Result<(), Decision> {
    let mut by_size: Vec<SetId> = (0..history.sets.len() as u32)
        .map(SetId)
        .filter(|id| facts.readers[id.0 as usize] != NONE)
        .collect();
    by_size.sort_by_key(|id| history.set(*id).len());
    for id in by_size {
        let previous = facts.chain.last().copied();
        let smaller = previous.map_or(&[][..], |previous| history.set(previous));
        let set = history.set(id);
        // The same set may have been given twice.
        if previous.is_none() || smaller.len() < set.len() {
            facts.chain.push(id);
        }
        let class = facts.chain.len() as u32 - 1;
        facts.classes[id.0 as usize] = class;
        let lacking = enter(facts, smaller, set, id, class)?;
        if let (Some(previous), true) = (previous, lacking)
            && !planted("grow set: only sizes count")
        {
            let conflict = conflict::divergent(history, facts, previous, id);
            return Err(Decision::Violation(conflict));
        }
    }
    Ok(())
}

/// Notes the elements of a set that the next `smaller` one lacks; whether it lacks one of
/// those of the smaller one.
fn enter(
    facts: &mut Facts,
    smaller: &[u32],
    set: &[u32],
    id: SetId,
    class: u32,
) -> Result<bool, Decision> {
    if !set.is_sorted_by(|a, b| a < b) {
        return Err(Decision::NotApplicable("the elements of a set do not rise"));
    }
    let mut found = 0;
    let mut rest = smaller;
    for &element in set {
        while let [first, others @ ..] = rest
            && *first < element
        {
            rest = others;
        }
        if rest.first() == Some(&element) {
            found += 1;
            continue;
        }
        match facts.first_adds.get(element as usize) {
            None => return Err(Decision::NotApplicable(ABOVE)),
            Some(&NONE) => {
                let reader = facts.readers[id.0 as usize];
                let conflict = Conflict::new(Contradiction::NeverWritten, [reader]);
                return Err(Decision::Violation(conflict));
            }
            Some(_) => facts.seen[element as usize] = class,
        }
    }
    Ok(found < smaller.len())
}

/// The ranks of each operation, and how many there are.
fn ranks(history: &GrowSetHistory<'_>, facts: &Facts) -> (Vec<Ranks>, u32) {
    let last = 2 * facts.chain.len() as u32;
    let rank = |(index, operation): (u32, &Timed<GrowSetOp>)| {
        let indeterminate = operation.returned == NEVER;
        match operation.op {
            GrowSetOp::Read(_) if indeterminate => Ranks::ABSENT,
            GrowSetOp::Read(set) => Ranks::exactly(2 * facts.classes[set.0 as usize] + 1),
            GrowSetOp::Add(element) => {
                let class = facts.seen[element as usize];
                let first = facts.first_adds[element as usize] == index;
                let first = first || planted("grow set: every add is the first");
                match (class, first) {
                    (NONE, _) if indeterminate => Ranks::ABSENT,
                    (NONE, _) if planted("grow set: unseen adds are forgotten") => Ranks::ABSENT,
                    (NONE, _) => Ranks::exactly(last),
                    (class, true) if planted("grow set: no add need be first") => {
                        Ranks::from(2 * class)
                    }
                    (class, true) => Ranks::exactly(2 * class),
                    (_, false) if indeterminate => Ranks::ABSENT,
                    (class, false) => Ranks::from(2 * class),
                }
            }
        }
    };
    ((0..).zip(history.operations).map(rank).collect(), last + 1)
}
