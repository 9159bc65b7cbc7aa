//! Fits in the operations that were told only "not this value".
//!
//! They change nothing, so a register without an order of the others has none at all. But
//! where they fit depends on which order of the others is taken, and we know no polynomial
//! procedure for that. So: (1) they are put into the order found for the others, each as
//! early as it can go, which is no loss for those after it; (2) else, if for one of them the
//! value was certainly there all the time, that is a contradiction; (3) else it stays open.
//!
//! *Gaps.* Gap `g` is the place before the `g`-th operation of the order. An operation may
//! stand there iff everything from `g` on ended no earlier than it began and everything
//! before `g` began no later than it ended: a contiguous range of gaps. Two of them keep
//! their real-time order if the later one takes no earlier gap, and in one gap they stand
//! by beginnings.
//!
//! *Certainly there.* Value `a` was there throughout operation r if its store or a read of
//! it ended before r began (so it was stored by then), and a read of it or the
//! compare-and-set that replaced it began after r ended: between the store of a value and
//! what finds it nothing else can be stored. The store of `a` and later operations of its
//! chain add nothing, as they would contradict the chain itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clusters::Clusters;
use super::{Obstacle, conflict};
use crate::fault::planted;
use crate::model::{RegisterOp, ValueId};
use crate::procedure::Conflict;
use crate::timed::{NEVER, Timed};

/// The order with all refused operations in it, or why there is none.
pub(super) fn place(clusters: &Clusters<'_>, order: &[u32]) -> Result<Vec<u32>, Obstacle> {
    if let Some(gaps) = Gaps::of(clusters.operations(), order).choose() {
        return Ok(merge(order, &gaps));
    }
    match in_vain(clusters) {
        Some(conflict) => Err(Obstacle::Conflict(conflict)),
        None => Err(Obstacle::NotApplicable(
            "whether its refused compare-and-sets fit in is for a search to find out",
        )),
    }
}

/// The gaps of an order.
struct Gaps<'a> {
    operations: &'a [Timed<RegisterOp>],
    /// Per gap, the last beginning before it.
    last_beginning: Vec<u32>,
    /// Per gap, the first end after it.
    first_end: Vec<u32>,
    /// The gaps just after a store, rising, each with the value stored; first the initial one.
    stores: Vec<(u32, ValueId)>,
}

/// A refused operation and the gap it takes.
type Placed = (u32, u32);

impl<'a> Gaps<'a> {
    fn of(operations: &'a [Timed<RegisterOp>], order: &[u32]) -> Self {
        let mut last_beginning = vec![0; order.len() + 1];
        let mut first_end = vec![NEVER; order.len() + 1];
        let mut stores = vec![(0, ValueId::INITIAL)];
        for (gap, &index) in order.iter().enumerate() {
            let operation = &operations[index as usize];
            last_beginning[gap + 1] = last_beginning[gap].max(operation.invoked);
            if let RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } = operation.op {
                stores.push((gap as u32 + 1, value));
            }
        }
        for (gap, &index) in order.iter().enumerate().rev() {
            first_end[gap] = first_end[gap + 1].min(operations[index as usize].returned);
        }
        Self { operations, last_beginning, first_end, stores }
    }

    /// A gap for each refused operation, by beginnings; `None` if one finds none.
    fn choose(&self) -> Option<Vec<Placed>> {
        let mut placed: Vec<Placed> = Vec::new();
        // Ends and gaps of those placed that may still be going on.
        let mut ongoing: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
        let (mut earliest, mut after_ended) = (0, 0);
        for (index, operation) in (0..).zip(self.operations) {
            let RegisterOp::Refused(value) = operation.op else { continue };
            if operation.is_indeterminate() {
                continue;
            }
            while self.first_end[earliest as usize] < operation.invoked {
                earliest += 1;
            }
            while let Some(&Reverse((end, gap))) = ongoing.peek()
                && end < operation.invoked
            {
                ongoing.pop();
                if !planted("register: refused ones overtake each other") {
                    after_ended = gap.max(after_ended);
                }
            }
            let gap = self.next_without(value, earliest.max(after_ended))?;
            if self.last_beginning[gap as usize] > operation.returned
                && !planted("register: refused ones come too late")
            {
                return None;
            }
            ongoing.push(Reverse((operation.returned, gap)));
            placed.push((index, gap));
        }
        Some(placed)
    }

    /// The first gap from `gap` on where the register does not hold `value`.
    fn next_without(&self, value: ValueId, gap: u32) -> Option<u32> {
        let after = self.stores.partition_point(|(start, _)| *start <= gap);
        if self.stores[after - 1].1 != value || planted("register: refused ones fit anywhere") {
            return Some(gap);
        }
        // Values are stored once, so the next store leaves another.
        self.stores.get(after).map(|(start, _)| *start)
    }
}

/// The order with those placed in their gaps.
fn merge(order: &[u32], placed: &[Placed]) -> Vec<u32> {
    let mut by_gap = placed.to_vec();
    // Stable: in one gap they stay by beginnings.
    by_gap.sort_by_key(|(_, gap)| *gap);
    let mut merged = Vec::with_capacity(order.len() + placed.len());
    let mut rest = by_gap.iter().peekable();
    for gap in 0..=order.len() {
        while let Some((index, _)) = rest.next_if(|(_, own)| *own as usize == gap) {
            merged.push(*index);
        }
        merged.extend(order.get(gap));
    }
    merged
}

/// One that was refused although its value was certainly there.
fn in_vain(clusters: &Clusters<'_>) -> Option<Conflict> {
    let operations = clusters.operations();
    let mut first_end = vec![NEVER; clusters.count()];
    let mut last_found = vec![0; clusters.count()];
    first_end[0] = 0;
    for operation in operations {
        match operation.op {
            RegisterOp::Read(_) if operation.is_indeterminate() => {}
            RegisterOp::Read(value) => {
                let first_end = &mut first_end[value.0 as usize];
                *first_end = operation.returned.min(*first_end);
                last_found[value.0 as usize] = operation.invoked;
            }
            RegisterOp::Write(value) => {
                let first_end = &mut first_end[value.0 as usize];
                *first_end = operation.returned.min(*first_end);
            }
            RegisterOp::Cas { expected, new } => {
                let first_end = &mut first_end[new.0 as usize];
                *first_end = operation.returned.min(*first_end);
                if clusters.successor(expected) == Some(new) {
                    let last_found = &mut last_found[expected.0 as usize];
                    *last_found = operation.invoked.max(*last_found);
                }
            }
            RegisterOp::Refused(_) => {}
        }
    }
    let refused = (0..).zip(operations).find_map(|(index, operation)| match operation.op {
        RegisterOp::Refused(value)
            if first_end[value.0 as usize] < operation.invoked
                && operation.returned < last_found[value.0 as usize] =>
        {
            Some((index, value))
        }
        _ => None,
    });
    refused.map(|(index, value)| conflict::refused_in_vain(clusters, index, value))
}
