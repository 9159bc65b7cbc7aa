//! Lists that grow by appending different elements and are read whole: decided in linear
//! time.
//!
//! A list only grows, so of any two reads one must have found a prefix of what the other
//! found: all must be prefixes of the longest list that was read. Its elements are then
//! known in their order, and so is the place of every operation but the appends nobody saw:
//! a read of k elements comes after the append of the element at place k - 1 (counted from
//! 0) and before that of the element at place k; an append that ended but is not in the
//! longest list comes after everything in it; an indeterminate append that nobody saw never
//! took effect. These are [ranks](crate::rank): 2k for a read of k elements, 2k + 1 for the
//! append of the element at place k, with reads of equal length interchangeable, and so are
//! the appends nobody saw. The rank lemma does the rest.
//!
//! **Why a few operations suffice as proof.** Take a legal order and drop from it all
//! appends but some, and from every read the elements of the dropped ones: what remains is
//! a legal order. So if a few operations have no legal order, each read being restricted to
//! the elements that those few append, neither has the history. The operations of every
//! conflict named here have none, and lose that property with any one of them taken away.
//! For an element that nobody appended, the read of it is proof enough.
//!
//! Deliberately absent: elements appended twice (reads do not tell which append they saw),
//! lists that can shrink or be replaced, and reads of a part.

mod conflict;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::fault::planted;
use crate::procedure::{Conflict, Decision};
use crate::rank::{Ranks, arrange_by};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// The absence of an operation or of a place.
const NONE: u32 = u32::MAX;

/// So many that every rank, about twice as many, is a number of 32 bits.
const MOST_OPERATIONS: usize = 1 << 30;

/// One of the different lists that were read: its position in [`ListHistory::lists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListId(pub u32);

/// What an operation does to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOp {
    /// Puts this element at the end.
    Append(u32),
    /// Returns the whole list.
    Read(ListId),
}

/// The operations of one list and what the reads found.
#[derive(Clone, Copy, Debug)]
pub struct ListHistory<'a> {
    /// By beginnings. Indeterminate reads are ignored.
    pub operations: &'a [Timed<ListOp>],
    /// Where each list that was read stands in `arena`.
    ///
    /// Best given once each, however often they were read. Ranges may overlap: a list that
    /// is known to be a prefix of another need not be stored, and one that begins where the
    /// longest one begins is not even looked at.
    pub lists: &'a [Range<u32>],
    /// The elements of the lists.
    pub arena: &'a [u32],
    /// Elements are below this.
    pub elements: u32,
}

impl<'a> ListHistory<'a> {
    fn list(&self, id: ListId) -> &'a [u32] {
        let range = &self.lists[id.0 as usize];
        &self.arena[range.start as usize..range.end as usize]
    }
}

/// Who did what, by element and by list.
struct Facts {
    /// The append of each element, or [`NONE`].
    appenders: Vec<u32>,
    /// The first read of each list, or [`NONE`].
    readers: Vec<u32>,
    /// The place of each element in the longest list, or [`NONE`].
    places: Vec<u32>,
    /// The longest list that was read.
    longest: Option<ListId>,
}

/// Decides whether the operations on one list, empty at first, have a linearization.
///
/// O(operations + elements + stored elements of the lists) in time and memory, whatever the
/// concurrency and however many operations are indeterminate. Lists are compared element by
/// element. Indeterminate appends that nobody saw are left out of the order.
///
/// Conflicts: [`NeverWritten`](Contradiction::NeverWritten) (a read),
/// [`RepeatedElement`](Contradiction::RepeatedElement) (a read and the append),
/// [`ReadBeforeWrite`](Contradiction::ReadBeforeWrite) (a read and the append),
/// [`DivergentReads`](Contradiction::DivergentReads) (two reads and the appends of the
/// elements in which they first differ) and [`OutOfOrder`](Contradiction::OutOfOrder) (two
/// or three operations). Not applicable if an element was appended twice.
///
/// # Panics
/// If a read names no list, or a list lies outside of the arena.
///
/// ```
/// use squall_checker::list::{ListHistory, ListId, ListOp, decide};
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::Timed;
///
/// let operations = [
///     Timed { op: ListOp::Append(0), invoked: 1, returned: 4 },
///     Timed { op: ListOp::Append(1), invoked: 2, returned: 3 },
///     Timed { op: ListOp::Read(ListId(0)), invoked: 5, returned: 6 },
/// ];
/// let history = ListHistory { operations: &operations, lists: &[0..2], arena: &[1, 0], elements: 2 };
/// assert_eq!(decide(&history), Decision::Linearizable(vec![1, 0, 2]));
/// ```
pub fn decide(history: &ListHistory<'_>) -> Decision {
    linearize(history).map_or_else(|refusal| refusal, Decision::Linearizable)
}

/// The order, or the decision that there is none to be had.
fn linearize(history: &ListHistory<'_>) -> Result<Vec<u32>, Decision> {
    let mut facts = gather(history)?;
    place(history, &mut facts)?;
    compare(history, &facts)?;
    let longest = facts.longest.map_or(0, |id| history.list(id).len() as u32);
    // Planted faults aside, the greatest rank is that of the appends nobody saw.
    arrange_by(history.operations, |index| rank(history, &facts, longest, index), 2 * longest + 2)
        .map_err(|inversion| Decision::Violation(conflict::inverted(history, &facts, inversion)))
}

/// Finds the append of each element, the first read of each list and the longest list.
fn gather(history: &ListHistory<'_>) -> Result<Facts, Decision> {
    if history.operations.len() > MOST_OPERATIONS {
        return Err(Decision::NotApplicable("there are more operations than ranks"));
    }
    let mut facts = Facts {
        appenders: vec![NONE; history.elements as usize],
        readers: vec![NONE; history.lists.len()],
        places: vec![NONE; history.elements as usize],
        longest: None,
    };
    let mut length = None;
    for (index, operation) in (0..).zip(history.operations) {
        match operation.op {
            ListOp::Append(element) => {
                let Some(appender) = facts.appenders.get_mut(element as usize) else {
                    return Err(Decision::NotApplicable("an element is above the bound given"));
                };
                if *appender != NONE {
                    return Err(Decision::NotApplicable("an element was appended twice"));
                }
                *appender = index;
            }
            ListOp::Read(_) if operation.returned == NEVER => {}
            ListOp::Read(list) => {
                let reader = &mut facts.readers[list.0 as usize];
                if *reader == NONE {
                    *reader = index;
                    let found = Some(history.lists[list.0 as usize].len());
                    if found > length {
                        facts.longest = Some(list);
                        length = found;
                    }
                }
            }
        }
    }
    Ok(facts)
}

/// Finds the place of each element of the longest list, and judges that list by itself.
fn place(history: &ListHistory<'_>, facts: &mut Facts) -> Result<(), Decision> {
    let Some(longest) = facts.longest else { return Ok(()) };
    judge(history, facts, longest)?;
    for (place, &element) in (0..).zip(history.list(longest)) {
        facts.places[element as usize] = place;
    }
    Ok(())
}

/// Looks in one list for elements nobody appended and elements that are there twice.
fn judge(history: &ListHistory<'_>, facts: &Facts, list: ListId) -> Result<(), Decision> {
    let reader = facts.readers[list.0 as usize];
    let mut seen = vec![false; history.elements as usize];
    for &element in history.list(list) {
        let Some(seen) = seen.get_mut(element as usize) else {
            return Err(Decision::NotApplicable("an element is above the bound given"));
        };
        let appender = facts.appenders[element as usize];
        if appender == NONE {
            return violation(Contradiction::NeverWritten, &[reader]);
        }
        if std::mem::replace(seen, true) && !planted("list: elements may repeat") {
            return violation(Contradiction::RepeatedElement, &[reader, appender]);
        }
    }
    Ok(())
}

fn violation<T>(kind: Contradiction, operations: &[u32]) -> Result<T, Decision> {
    Err(Decision::Violation(Conflict::new(kind, operations.iter().copied())))
}

/// Looks for a list that is not a prefix of the longest one.
fn compare(history: &ListHistory<'_>, facts: &Facts) -> Result<(), Decision> {
    let Some(longest_id) = facts.longest else { return Ok(()) };
    let longest = history.list(longest_id);
    let start = history.lists[longest_id.0 as usize].start;
    let read = |id: &ListId| facts.readers[id.0 as usize] != NONE;
    for id in (0..).map(ListId).take(history.lists.len()).filter(read) {
        if history.lists[id.0 as usize].start == start {
            continue;
        }
        let list = history.list(id);
        if *list == longest[..list.len()] || planted("list: only lengths count") {
            continue;
        }
        judge(history, facts, id)?;
        return Err(Decision::Violation(conflict::divergent(history, facts, longest_id, id)));
    }
    Ok(())
}

/// The rank of an operation, where the longest list read has this length.
fn rank(history: &ListHistory<'_>, facts: &Facts, longest: u32, index: u32) -> Ranks {
    let operation = &history.operations[index as usize];
    match operation.op {
        ListOp::Read(_) if operation.returned == NEVER => Ranks::ABSENT,
        ListOp::Read(id) => Ranks::exactly(2 * history.lists[id.0 as usize].len() as u32),
        ListOp::Append(element) => match facts.places[element as usize] {
            NONE if operation.returned == NEVER => Ranks::ABSENT,
            NONE if planted("list: unseen appends are forgotten") => Ranks::ABSENT,
            NONE => Ranks::exactly(2 * longest + 1),
            place if planted("list: appends after their reads") => Ranks::exactly(2 * place + 2),
            place => Ranks::exactly(2 * place + 1),
        },
    }
}
