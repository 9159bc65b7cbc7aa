//! Queues and bags whose elements may be repeated.

use super::Model;
use crate::queue::{Discipline, QueueOp};

/// A queue or a bag, initially empty.
///
/// What an indeterminate dequeue of a bag took is not determined, so it leads to a state for
/// each element it may have taken, and to one in which it found nothing.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Which element a dequeue takes.
    pub discipline: Discipline,
}

impl Queue {
    /// The elements as they stand: in the order they came, or, where that means nothing, by
    /// number.
    fn with(&self, elements: &[u32], element: u32) -> Vec<u32> {
        let mut elements = elements.to_vec();
        let place = match self.discipline {
            Discipline::FirstInFirstOut => elements.len(),
            Discipline::Bag => elements.partition_point(|other| *other < element),
        };
        elements.insert(place, element);
        elements
    }

    /// The elements without the one at `place`.
    fn without(elements: &[u32], place: usize) -> Vec<u32> {
        [&elements[..place], &elements[place + 1..]].concat()
    }
}

impl Model for Queue {
    type State = Vec<u32>;
    type Op = QueueOp;

    fn init(&self) -> Vec<u32> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u32>, op: &QueueOp) -> Option<Vec<u32>> {
        match *op {
            QueueOp::Enqueue(element) => Some(self.with(state, element)),
            QueueOp::Dequeue(element) => {
                let place = state.iter().position(|other| *other == element)?;
                let is_first = place == 0 || self.discipline == Discipline::Bag;
                is_first.then(|| Self::without(state, place))
            }
            QueueOp::Empty => state.is_empty().then(Vec::new),
            QueueOp::DequeueUnknown if state.is_empty() => Some(Vec::new()),
            QueueOp::DequeueUnknown => Some(Self::without(state, 0)),
        }
    }

    fn others(&self, state: &Vec<u32>, op: &QueueOp) -> Vec<Vec<u32>> {
        match (op, self.discipline) {
            (QueueOp::DequeueUnknown, Discipline::Bag) => (1..state.len())
                .filter(|&place| state[place] != state[place - 1])
                .map(|place| Self::without(state, place))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn reads_only(&self, op: &QueueOp) -> bool {
        matches!(op, QueueOp::Empty)
    }

    fn kind(&self, op: &QueueOp) -> Option<u128> {
        Some(match *op {
            QueueOp::Enqueue(element) => super::effect(0, element, 0),
            QueueOp::Dequeue(element) => super::effect(1, element, 0),
            QueueOp::Empty => super::effect(2, 0, 0),
            QueueOp::DequeueUnknown => super::effect(3, 0, 0),
        })
    }

    fn owned_bytes(&self, state: &Vec<u32>) -> usize {
        state.capacity() * size_of::<u32>()
    }
}
