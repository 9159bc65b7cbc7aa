//! The events not yet passed, as a list that gives up and takes back operations in O(1).

use super::{NEVER, Timed};

/// What stands at a place of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The beginning of an operation not taken.
    Invocation(u32),
    /// The end of an operation not taken.
    Completion,
    /// Past the last event.
    End,
}

/// A doubly linked list of events over arrays.
///
/// Place `i` is the invocation of operation `i`, place `operations + i` its completion, and
/// the last place both ends of the list. An operation is restored in the reverse order of
/// lifting, so a lifted place still knows its neighbours.
pub(super) struct Timeline {
    next: Vec<u32>,
    previous: Vec<u32>,
    operations: u32,
    /// Whether each operation has a completion in the list.
    ends: Vec<bool>,
}

impl Timeline {
    pub(super) fn new<Op>(operations: &[Timed<Op>]) -> Self {
        let count = operations.len() as u32;
        // Equal positions are concurrent: beginnings, whose places are lower, come before ends.
        let mut events = Vec::with_capacity(2 * operations.len());
        for (index, operation) in (0..).zip(operations) {
            events.push((operation.invoked, index));
            if operation.returned != NEVER {
                events.push((operation.returned, count + index));
            }
        }
        events.sort_unstable();
        let sentinel = 2 * count;
        let mut timeline = Self {
            next: vec![sentinel; 2 * operations.len() + 1],
            previous: vec![sentinel; 2 * operations.len() + 1],
            operations: count,
            ends: operations.iter().map(|operation| operation.returned != NEVER).collect(),
        };
        let mut last = sentinel;
        for (_, place) in events {
            timeline.link(last, place);
            last = place;
        }
        timeline.link(last, sentinel);
        timeline
    }

    pub(super) fn first(&self) -> u32 {
        self.next[self.sentinel() as usize]
    }

    pub(super) fn after(&self, place: u32) -> u32 {
        self.next[place as usize]
    }

    pub(super) fn entry(&self, place: u32) -> Entry {
        if place < self.operations {
            Entry::Invocation(place)
        } else if place < self.sentinel() {
            Entry::Completion
        } else {
            Entry::End
        }
    }

    /// Takes both events of an operation out.
    pub(super) fn lift(&mut self, operation: u32) {
        self.unlink(operation);
        if self.ends[operation as usize] {
            self.unlink(self.operations + operation);
        }
    }

    /// Puts both events of the operation lifted last back.
    pub(super) fn restore(&mut self, operation: u32) {
        if self.ends[operation as usize] {
            self.relink(self.operations + operation);
        }
        self.relink(operation);
    }

    fn sentinel(&self) -> u32 {
        2 * self.operations
    }

    fn link(&mut self, earlier: u32, later: u32) {
        self.next[earlier as usize] = later;
        self.previous[later as usize] = earlier;
    }

    fn unlink(&mut self, place: u32) {
        self.link(self.previous[place as usize], self.next[place as usize]);
    }

    fn relink(&mut self, place: u32) {
        let (earlier, later) = (self.previous[place as usize], self.next[place as usize]);
        self.next[earlier as usize] = place;
        self.previous[later as usize] = place;
    }
}
