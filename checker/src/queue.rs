//! Queues whose elements are all different: first in first out, or in any order (a bag).
//!
//! An element with enqueue `e` and dequeue `d` is in the queue at least from the end of `e` to
//! the beginning of `d`; one that is never dequeued stays for ever. The contradictions are:
//! an element dequeued twice, or without an enqueue, or before its enqueue began; first in
//! first out, an element that was enqueued after another and dequeued before it; and an
//! operation that found the queue empty although those times, joined where they overlap,
//! cover it. Without them there is a linearization, which [`order`] builds; its proof is there.
//!
//! *Indeterminate operations.* An enqueue whose element nobody dequeued is dropped. A dequeue
//! that took nobody knows what takes one of the elements that remain: those, by the ends of
//! their enqueues, are matched with such dequeues, by beginnings. Any other choice leaves some
//! element in the queue for a longer time, by exchange of two crossing matches; and a match
//! is always better than none. What is left over is dropped.
//!
//! Deliberately absent: elements that are enqueued more than once, stacks, priorities.
//!
//! Sources: Gibbons, Bruno & Phillips, *Black-Box Correctness Tests for Basic Parallel Data
//! Structures* (2002); Henzinger, Sezgin & Vafeiadis, *Aspect-Oriented Linearizability Proofs*
//! (2013), for the conditions without indeterminate operations.

mod contradiction;
mod order;
#[cfg(test)]
mod tests;

use crate::fault::planted;
use crate::nearly_sorted;
use crate::procedure::{Conflict, Decision};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// The absence of an operation.
const NONE: u32 = u32::MAX;

/// What an operation does to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueOp {
    /// Puts the element of this number in.
    Enqueue(u32),
    /// Takes the element of this number out.
    Dequeue(u32),
    /// Finds nothing to take out.
    Empty,
    /// Would take something out, but never returned; may also have found nothing.
    DequeueUnknown,
}

/// Which element a dequeue takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discipline {
    /// The one that was enqueued first.
    FirstInFirstOut,
    /// Any.
    Bag,
}

/// Decides whether the operations on one queue, empty at first, have a linearization.
///
/// `operations` are sorted by beginnings; element numbers are below `elements`. In the order,
/// each [`QueueOp::DequeueUnknown`] stands where it takes an element that no other dequeue
/// takes; those that take nothing are left out. Not judged are queues where an element was
/// enqueued twice.
///
/// A violation names elements, by all their operations, and operations that found the queue
/// empty: these have no order even with every `DequeueUnknown` of the queue taking what it
/// likes.
///
/// O(n log n) time, nearly linear if ends are nearly in the order of beginnings; O(n) memory.
///
/// ```
/// use squall_checker::procedure::Decision;
/// use squall_checker::queue::{Discipline, QueueOp, linearize};
/// use squall_checker::timed::{NEVER, Timed};
///
/// let operations = [
///     Timed { op: QueueOp::Enqueue(0), invoked: 1, returned: 2 },
///     Timed { op: QueueOp::DequeueUnknown, invoked: 3, returned: NEVER },
///     Timed { op: QueueOp::Empty, invoked: 4, returned: 5 },
/// ];
/// let decision = linearize(&operations, 1, Discipline::FirstInFirstOut);
/// assert_eq!(decision, Decision::Linearizable(vec![0, 1, 2]));
/// ```
pub fn linearize(operations: &[Timed<QueueOp>], elements: u32, discipline: Discipline) -> Decision {
    let table = match table(operations, elements) {
        Ok(table) => table,
        Err(decision) => return decision,
    };
    match find(operations, &table, discipline) {
        Found::Overtaking(stays, overtaking) => {
            Decision::Violation(contradiction::overtaken(operations, &stays, overtaking))
        }
        Found::NotEmpty(stays, empty) => {
            let conflict = contradiction::not_empty(operations, &stays, discipline, empty);
            Decision::Violation(conflict)
        }
        Found::Nothing { stays, blocks } => {
            Decision::Linearizable(order::build(operations, &stays, &blocks, discipline))
        }
    }
}

/// What is wrong with elements of which each by itself is fine.
enum Found {
    Nothing {
        stays: Stays,
        blocks: Blocks,
    },
    Overtaking(Stays, Overtaking),
    /// The operation found the queue empty, which it was not.
    NotEmpty(Stays, u32),
}

/// Looks for a contradiction between elements, or with what found the queue empty.
///
/// Of the operations not in `table` only the order of the unknown dequeues matters.
fn find(operations: &[Timed<QueueOp>], table: &Table, discipline: Discipline) -> Found {
    let stays = Stays::new(operations, table);
    if discipline == Discipline::FirstInFirstOut
        && let Some(overtaking) = overtaking(&stays)
    {
        return Found::Overtaking(stays, overtaking);
    }
    let blocks = Blocks::new(&stays);
    let covered = (0..)
        .zip(operations)
        .filter(|(_, operation)| operation.op == QueueOp::Empty)
        .find(|(_, empty)| blocks.cover(empty.invoked, empty.returned).is_some());
    match covered {
        Some((empty, _)) => Found::NotEmpty(stays, empty),
        None => Found::Nothing { stays, blocks },
    }
}

/// The operations of each element, by element; [`NONE`] where there is none.
struct Table {
    enqueues: Vec<u32>,
    dequeues: Vec<u32>,
}

/// Files the operations under their elements; the decision, if that decides.
fn table(operations: &[Timed<QueueOp>], elements: u32) -> Result<Table, Decision> {
    let mut enqueues = vec![NONE; elements as usize];
    let mut dequeues = vec![NONE; elements as usize];
    let mut twice = None;
    for (index, operation) in (0..).zip(operations) {
        match operation.op {
            QueueOp::Enqueue(element) => {
                if enqueues[element as usize] != NONE {
                    return Err(Decision::NotApplicable("an element was enqueued twice"));
                }
                enqueues[element as usize] = index;
            }
            QueueOp::Dequeue(element) => {
                let first = std::mem::replace(&mut dequeues[element as usize], index);
                if first != NONE && !planted("queue: twice is fine") {
                    twice = twice.or(Some((element, [first, index])));
                }
            }
            QueueOp::DequeueUnknown if !operation.is_indeterminate() => {
                return Err(Decision::NotApplicable("a dequeue that ended does not tell of what"));
            }
            QueueOp::Empty | QueueOp::DequeueUnknown => {}
        }
    }
    let violation =
        |kind, named: &[u32]| Err(Decision::Violation(Conflict::new(kind, named.iter().copied())));
    for (&enqueue, &dequeue) in enqueues.iter().zip(&dequeues) {
        if dequeue == NONE {
            continue;
        }
        if enqueue == NONE {
            return violation(Contradiction::NeverEnqueued, &[dequeue]);
        }
        if operations[dequeue as usize].precedes(&operations[enqueue as usize]) {
            return violation(Contradiction::DequeuedBeforeEnqueue, &[enqueue, dequeue]);
        }
    }
    if let Some((element, [first, second])) = twice {
        let enqueue = enqueues[element as usize];
        return violation(Contradiction::DequeuedTwice, &[enqueue, first, second]);
    }
    Ok(Table { enqueues, dequeues })
}

/// An element that was certainly, or is best taken to have been, in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    enqueue: u32,
    /// What took it out: a dequeue that returned it, or an unknown one; [`NONE`] if nothing.
    dequeue: u32,
    enqueue_began: u32,
    /// The end of the enqueue, or of the dequeue if that is earlier.
    entered: u32,
    /// The beginning of the dequeue, or of the enqueue if that is later; [`NEVER`] if none.
    left: u32,
    /// The end of the dequeue; [`NEVER`] if none.
    left_by: u32,
}

/// The elements that took part.
struct Stays {
    /// Those whose dequeue returned them, then the others.
    stays: Vec<Stay>,
    /// How many of `stays` were returned by a dequeue.
    returned: usize,
}

impl Stays {
    fn new(operations: &[Timed<QueueOp>], table: &Table) -> Self {
        let mut stays = Vec::with_capacity(table.enqueues.len());
        let mut remaining = Vec::new();
        for (&enqueue, &dequeue) in table.enqueues.iter().zip(&table.dequeues) {
            if dequeue != NONE {
                stays.push(Stay::new(operations, enqueue, dequeue));
            } else if enqueue != NONE && !operations[enqueue as usize].is_indeterminate() {
                let end = operations[enqueue as usize].returned;
                remaining.push(nearly_sorted::key(end, enqueue));
            }
        }
        nearly_sorted::sort(&mut remaining);
        let returned = stays.len();
        let mut unknown = (0..)
            .zip(operations)
            .filter(|(_, operation)| operation.op == QueueOp::DequeueUnknown)
            .map(|(index, _)| index);
        if planted("queue: unknown dequeues take the latest") {
            remaining.reverse();
        }
        for key in remaining {
            let dequeue = unknown.next().unwrap_or(NONE);
            stays.push(Stay::new(operations, nearly_sorted::index(key), dequeue));
        }
        Self { stays, returned }
    }
}

impl Stay {
    fn new(operations: &[Timed<QueueOp>], enqueue: u32, dequeue: u32) -> Self {
        let put = &operations[enqueue as usize];
        let (left, left_by) = operations
            .get(dequeue as usize)
            .map_or((NEVER, NEVER), |taken| (taken.invoked.max(put.invoked), taken.returned));
        let entered = put.returned.min(left_by);
        Self { enqueue, dequeue, enqueue_began: put.invoked, entered, left, left_by }
    }

    /// Whether it was certainly in the queue at some time.
    fn is_certain(&self) -> bool {
        self.entered < self.left
    }
}

/// Two elements, by their places among the stays, that came out in the wrong order.
#[derive(Clone, Copy)]
struct Overtaking {
    overtaken: usize,
    overtaker: usize,
}

/// Looks for an element that entered after another had, and left before that could.
fn overtaking(stays: &Stays) -> Option<Overtaking> {
    let stays = &stays.stays;
    let sorted = |moment: fn(&Stay) -> u32| {
        let moments = (0..).zip(stays).map(|(place, stay)| (moment(stay), place));
        let mut keys: Vec<u64> =
            moments.map(|(moment, place)| nearly_sorted::key(moment, place)).collect();
        nearly_sorted::sort(&mut keys);
        keys
    };
    let mut entered = sorted(|stay| stay.entered).into_iter().peekable();
    let mut longest: Option<usize> = None;
    for key in sorted(|stay| stay.enqueue_began) {
        let overtaker = nearly_sorted::index(key) as usize;
        let began = nearly_sorted::position(key);
        while let Some(key) = entered.next_if(|&key| nearly_sorted::position(key) < began) {
            let place = nearly_sorted::index(key) as usize;
            if longest.is_none_or(|longest| stays[longest].left < stays[place].left) {
                longest = Some(place);
            }
        }
        if let Some(overtaken) = longest
            && stays[overtaker].left_by < stays[overtaken].left
            && !planted("queue: overtaking is fine")
        {
            return Some(Overtaking { overtaken, overtaker });
        }
    }
    None
}

/// The times when something was certainly in the queue: disjoint, by beginnings.
struct Blocks(Vec<(u32, u32)>);

impl Blocks {
    fn new(stays: &Stays) -> Self {
        let certain = (0..).zip(&stays.stays).filter(|(_, stay)| stay.is_certain());
        let mut keys: Vec<u64> =
            certain.map(|(place, stay)| nearly_sorted::key(stay.entered, place)).collect();
        nearly_sorted::sort(&mut keys);
        let mut blocks: Vec<(u32, u32)> = Vec::new();
        for key in keys {
            let Stay { entered, left, .. } = stays.stays[nearly_sorted::index(key) as usize];
            match blocks.last_mut() {
                // Where one only touches another, the queue may be empty between them.
                Some((_, end)) if entered < *end || entered == *end && planted("queue: touch") => {
                    *end = left.max(*end);
                }
                _ => blocks.push((entered, left)),
            }
        }
        Self(blocks)
    }

    /// The beginning of the block that contains `moment`, which is in one.
    fn block_of(&self, moment: u32) -> u32 {
        let next = self.0.partition_point(|(begin, _)| *begin <= moment);
        self.0[..next].last().map_or(moment, |(begin, _)| *begin)
    }

    /// The beginning of the block that contains `from..=to` in its interior.
    fn cover(&self, from: u32, to: u32) -> Option<u32> {
        let next = self.0.partition_point(|(begin, _)| *begin < from);
        let (begin, end) = *self.0[..next].last()?;
        (to < end).then_some(begin)
    }
}
