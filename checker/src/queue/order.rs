//! Builds a linearization of a queue that contradicts nothing.
//!
//! *Sections.* Join the elements that were certainly in the queue at overlapping times, and
//! those whose whole time of coming and going lies inside, into blocks: nothing that found
//! the queue empty can come between the elements of a block. With `f` the first end and `s`
//! the last beginning in a block, in a remaining element or in an operation that found the
//! queue empty, those of smaller `min(f, s)` may come first as a whole, exactly as the
//! clusters of a register. So each belongs after the empty operations that began by then, and
//! the elements between two empty operations, a section, can be ordered by themselves.
//!
//! *A section of a bag.* Every operation happens as it begins, a dequeue not before the
//! beginning of its enqueue.
//!
//! *A section of a queue.* Some elements must enter before others, some must leave before
//! others. Both are orders of intervals; a circle in their union would contain one of two
//! elements, which is an overtaking. So elements can be taken one by one such that none that
//! remains must enter or leave before: this is the order of the enqueues, and of the dequeues.
//! Merging both sequences never gets stuck. Were an enqueue to wait for a dequeue and that,
//! somewhere down the line, for this enqueue, then some dequeue ended before an enqueue at or
//! before a second one began, which ended before a dequeue at or before the first one began.
//! As the order of elements respects the ends, that puts each beginning before the other.
//! The times used count an enqueue as ended when its dequeue has.

use super::{Blocks, Discipline, NONE, QueueOp, Stay, Stays};
use crate::fault::planted;
use crate::nearly_sorted;
use crate::timed::{NEVER, Timed};

/// The operations in the order of a linearization, which must exist.
pub(super) fn build(
    operations: &[Timed<QueueOp>],
    stays: &Stays,
    blocks: &Blocks,
    discipline: Discipline,
) -> Vec<u32> {
    let empties: Vec<u32> = (0..)
        .zip(operations)
        .filter(|(_, operation)| operation.op == QueueOp::Empty)
        .map(|(index, _)| index)
        .collect();
    let mut order = Vec::with_capacity(operations.len());
    let sections = sections(operations, stays, blocks, &empties);
    for (section, members) in sections.iter().enumerate() {
        if section > 0 {
            order.push(empties[section - 1]);
        }
        match discipline {
            Discipline::FirstInFirstOut => merge(&line_up(members), &mut order),
            Discipline::Bag => as_they_begin(members, &mut order),
        }
    }
    order
}

/// The elements before, between and after the empty operations.
fn sections(
    operations: &[Timed<QueueOp>],
    stays: &Stays,
    blocks: &Blocks,
    empties: &[u32],
) -> Vec<Vec<Stay>> {
    let mut sections = vec![Vec::new(); empties.len() + 1];
    for stay in &stays.stays {
        let section = if empties.is_empty() {
            0
        } else {
            let place = if stay.is_certain() {
                blocks.block_of(stay.entered)
            } else if planted("queue: blocks let elements go") {
                stay.left
            } else {
                blocks.cover(stay.left, stay.entered).unwrap_or(stay.left)
            };
            empties.partition_point(|&empty| operations[empty as usize].invoked <= place)
        };
        sections[section].push(*stay);
    }
    sections
}

/// Each operation at its beginning, a dequeue after its enqueue.
fn as_they_begin(members: &[Stay], order: &mut Vec<u32>) {
    let mut points = Vec::with_capacity(2 * members.len());
    for (place, stay) in (0..).zip(members) {
        points.push(nearly_sorted::key(stay.enqueue_began, 2 * place));
        if stay.dequeue != NONE {
            points.push(nearly_sorted::key(stay.left, 2 * place + 1));
        }
    }
    nearly_sorted::sort(&mut points);
    order.extend(points.into_iter().map(|key| {
        let point = nearly_sorted::index(key);
        let stay = &members[point as usize / 2];
        if point.is_multiple_of(2) { stay.enqueue } else { stay.dequeue }
    }));
}

/// Elements sorted by one of their moments, those that are gone being skipped.
struct Queue {
    keys: Vec<u64>,
    next: usize,
}

impl Queue {
    fn new(members: &[Stay], moment: impl Fn(&Stay) -> u32) -> Self {
        let mut keys: Vec<u64> = (0..)
            .zip(members)
            .map(|(place, stay)| nearly_sorted::key(moment(stay), place))
            .collect();
        nearly_sorted::sort(&mut keys);
        Self { keys, next: 0 }
    }

    /// The earliest moment of the elements that are not `gone`.
    fn earliest(&mut self, gone: &[bool]) -> Option<u32> {
        while let Some(&key) = self.keys.get(self.next) {
            if !gone[nearly_sorted::index(key) as usize] {
                return Some(nearly_sorted::position(key));
            }
            self.next += 1;
        }
        None
    }

    /// The next element, if its moment is not after `limit`.
    fn next_by(&mut self, limit: u32) -> Option<usize> {
        let key = *self.keys.get(self.next)?;
        (nearly_sorted::position(key) <= limit).then(|| {
            self.next += 1;
            nearly_sorted::index(key) as usize
        })
    }
}

/// The elements in an order in which they can both enter and leave.
fn line_up(members: &[Stay]) -> Vec<Stay> {
    let taken_out: Vec<Stay> =
        members.iter().copied().filter(|stay| stay.dequeue != NONE).collect();
    let mut line = line_up_by(&taken_out);
    // What stays for ever comes last, and only the enqueues matter among those.
    let mut remaining: Vec<Stay> =
        members.iter().copied().filter(|stay| stay.dequeue == NONE).collect();
    remaining.sort_by_key(|stay| stay.enqueue_began);
    line.extend(remaining);
    line
}

fn line_up_by(members: &[Stay]) -> Vec<Stay> {
    let mut beginnings = Queue::new(members, |stay| stay.enqueue_began);
    let mut ends = Queue::new(members, |stay| stay.entered);
    let mut leaving_begins = Queue::new(members, |stay| stay.left);
    let mut leaving_ends = Queue::new(members, |stay| stay.left_by);
    let mut gone = vec![false; members.len()];
    let mut may = vec![0_u8; members.len()];
    let mut ready = Vec::new();
    let mut line = Vec::with_capacity(members.len());
    while let (Some(enter_by), Some(leave_by)) =
        (ends.earliest(&gone), leaving_ends.earliest(&gone))
    {
        let mut allow = |place: usize| {
            may[place] += 1;
            if may[place] == 2 {
                ready.push(place);
            }
        };
        while let Some(place) = beginnings.next_by(enter_by) {
            allow(place);
        }
        while let Some(place) = leaving_begins.next_by(leave_by) {
            allow(place);
        }
        let place = ready.pop().expect("a circle would contain an overtaking");
        gone[place] = true;
        line.push(members[place]);
    }
    line
}

/// Enqueues and dequeues in the order of the elements, each dequeue as early as it can be.
fn merge(line: &[Stay], order: &mut Vec<u32>) {
    // The earliest end among the enqueues from each place on.
    let mut enter_by = vec![NEVER; line.len() + 1];
    for (place, stay) in line.iter().enumerate().rev() {
        enter_by[place] = enter_by[place + 1].min(stay.entered);
    }
    let leaving = line.iter().take_while(|stay| stay.dequeue != NONE).count();
    let (mut entered, mut left) = (0, 0);
    while entered < line.len() || left < leaving {
        if left < leaving && left < entered && line[left].left <= enter_by[entered] {
            order.push(line[left].dequeue);
            left += 1;
        } else {
            order.push(line[entered].enqueue);
            entered += 1;
        }
    }
}
