//! The few operations on a growing set that contradict each other, none of them to spare.

use super::{Facts, GrowSetHistory, GrowSetOp, NONE, SetId};
use crate::procedure::Conflict;
use crate::rank::Inversion;
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// An element and what is known of its adds.
#[derive(Clone, Copy)]
struct Added {
    element: u32,
    /// The beginning of the add that began first.
    first_begin: u32,
    /// The end of the add that ended first, or [`NEVER`].
    first_end: u32,
}

impl Added {
    fn new(history: &GrowSetHistory<'_>, element: u32) -> Self {
        let mut added = Self { element, first_begin: NEVER, first_end: NEVER };
        for operation in history.operations {
            if operation.op == GrowSetOp::Add(element) {
                added.first_begin = added.first_begin.min(operation.invoked);
                added.first_end = added.first_end.min(operation.returned);
            }
        }
        added
    }

    /// Whether a read that found the element ended before every add of it began.
    fn too_late_for(&self, read: &Timed<GrowSetOp>) -> bool {
        read.returned < self.first_begin
    }

    /// Whether an add had ended before a read began that lacks the element.
    fn missing_from(&self, read: &Timed<GrowSetOp>) -> bool {
        self.first_end < read.invoked
    }

    /// Whether an add ended before every add of `other` began.
    fn precedes(&self, other: &Self) -> bool {
        self.first_end < other.first_begin
    }
}

/// The conflict of some reads and all adds of some elements.
fn conflict(
    history: &GrowSetHistory<'_>,
    kind: Contradiction,
    reads: &[u32],
    elements: &[Added],
) -> Conflict {
    let involved = |operation: &Timed<GrowSetOp>| match operation.op {
        GrowSetOp::Add(element) => elements.iter().any(|added| added.element == element),
        GrowSetOp::Read(_) => false,
    };
    let adds = (0..).zip(history.operations).filter(|(_, operation)| involved(operation));
    Conflict::new(kind, adds.map(|(index, _)| index).chain(reads.iter().copied()))
}

/// Of the elements that are in the one set but not in the other, one that was added least.
fn least_added(history: &GrowSetHistory<'_>, set: &[u32], other: &[u32]) -> Option<Added> {
    let mut adds = vec![0_u32; history.elements as usize];
    for operation in history.operations {
        if let GrowSetOp::Add(element) = operation.op {
            adds[element as usize] += 1;
        }
    }
    let only_here = set.iter().filter(|element| other.binary_search(element).is_err());
    let least = only_here.min_by_key(|element| adds[**element as usize])?;
    Some(Added::new(history, *least))
}

/// What is wrong with an operation that ended before one began that belongs before it.
pub(super) fn inverted(
    history: &GrowSetHistory<'_>,
    facts: &Facts,
    Inversion { first, second }: Inversion,
) -> Conflict {
    let operation = |index: u32| &history.operations[index as usize];
    match (operation(first).op, operation(second).op) {
        (GrowSetOp::Read(larger), GrowSetOp::Read(smaller)) => {
            let lost = least_added(history, history.set(larger), history.set(smaller))
                .expect("a later set of the chain is larger");
            lost_between(history, first, second, lost)
        }
        (GrowSetOp::Read(_), GrowSetOp::Add(element)) => {
            let added = Added::new(history, element);
            conflict(history, Contradiction::ReadBeforeWrite, &[first], &[added])
        }
        (GrowSetOp::Add(element), GrowSetOp::Read(_)) => {
            let added = Added::new(history, element);
            conflict(history, Contradiction::OutOfOrder, &[second], &[added])
        }
        (GrowSetOp::Add(late), GrowSetOp::Add(early)) => {
            let class = facts.seen[early as usize];
            debug_assert!(class != NONE, "what nobody saw has no rank below another");
            let set = facts.chain[class as usize];
            let read = facts.readers[set.0 as usize];
            let (late, early) = (Added::new(history, late), Added::new(history, early));
            found_and_lacking(history, read, early, late).unwrap_or_else(|| {
                conflict(history, Contradiction::OutOfOrder, &[read], &[late, early])
            })
        }
    }
}

/// What is wrong with a read that lacks an element after another had found it.
fn lost_between(history: &GrowSetHistory<'_>, found: u32, lacks: u32, lost: Added) -> Conflict {
    let operation = |index: u32| &history.operations[index as usize];
    if lost.too_late_for(operation(found)) {
        conflict(history, Contradiction::ReadBeforeWrite, &[found], &[lost])
    } else if lost.missing_from(operation(lacks)) {
        conflict(history, Contradiction::OutOfOrder, &[lacks], &[lost])
    } else {
        conflict(history, Contradiction::OutOfOrder, &[found, lacks], &[lost])
    }
}

/// Whether a read contradicts by itself the adds of an element it found or of one it lacks.
fn found_and_lacking(
    history: &GrowSetHistory<'_>,
    read: u32,
    found: Added,
    lacking: Added,
) -> Option<Conflict> {
    let operation = &history.operations[read as usize];
    if found.too_late_for(operation) {
        Some(conflict(history, Contradiction::ReadBeforeWrite, &[read], &[found]))
    } else if lacking.missing_from(operation) {
        Some(conflict(history, Contradiction::OutOfOrder, &[read], &[lacking]))
    } else {
        None
    }
}

/// What is wrong with two sets that each have an element the other lacks.
///
/// Always enough: two reads of them and the adds of one such element each. If time makes
/// fewer of those a contradiction, it is those.
pub(super) fn divergent(
    history: &GrowSetHistory<'_>,
    facts: &Facts,
    one: SetId,
    other: SetId,
) -> Conflict {
    let (set, other_set) = (history.set(one), history.set(other));
    let a = least_added(history, set, other_set).expect("the larger set lacks an element");
    let b = least_added(history, other_set, set).expect("the larger set has one more");
    let (read_a, read_b) = (facts.readers[one.0 as usize], facts.readers[other.0 as usize]);
    let precedes =
        |x: u32, y: u32| history.operations[x as usize].precedes(&history.operations[y as usize]);
    let out_of_order = |reads: &[u32], elements: &[Added]| {
        Some(conflict(history, Contradiction::OutOfOrder, reads, elements))
    };
    found_and_lacking(history, read_a, a, b)
        .or_else(|| found_and_lacking(history, read_b, b, a))
        .or_else(|| match () {
            () if b.precedes(&a) => out_of_order(&[read_a], &[a, b]),
            () if a.precedes(&b) => out_of_order(&[read_b], &[a, b]),
            () if precedes(read_a, read_b) => out_of_order(&[read_a, read_b], &[a]),
            () if precedes(read_b, read_a) => out_of_order(&[read_a, read_b], &[b]),
            () => None,
        })
        .unwrap_or_else(|| {
            conflict(history, Contradiction::DivergentReads, &[read_a, read_b], &[a, b])
        })
}
