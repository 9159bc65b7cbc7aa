//! A set whose elements are added, removed, looked for, and read all at once.

use std::ops::Range;

use super::{Indeterminate, Model};
use crate::grow_set::SetId;

/// What an operation does to a set or says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// Adds this element, which was absent.
    Adds(u32),
    /// Removes this element, which was present.
    Removes(u32),
    /// Adds this element, which may be there already.
    Put(u32),
    /// Removes this element, which may be absent already.
    Drop(u32),
    /// Finds this element present, or absent.
    Contains(u32, bool),
    /// Finds exactly this set.
    Read(SetId),
}

impl SetOp {
    /// The element it is about; none if it is about all.
    #[must_use]
    pub fn element(self) -> Option<u32> {
        match self {
            Self::Adds(element)
            | Self::Removes(element)
            | Self::Put(element)
            | Self::Drop(element)
            | Self::Contains(element, _) => Some(element),
            Self::Read(_) => None,
        }
    }
}

/// How the elements of a set come in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Elements {
    /// In any way.
    #[default]
    Mixed,
    /// No operation reads the whole set, and all that end on an element do so before the
    /// first on an element of a higher number begins. The state then is that of one element:
    /// those before it take no part any more.
    OneByOne,
}

/// A set, initially empty.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// How its elements come.
    pub elements: Elements,
    /// Where each set that was read stands in `arena`.
    pub sets: Vec<Range<u32>>,
    /// The elements of the sets, rising within each.
    pub arena: Vec<u32>,
}

/// The elements of a [`Set`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetState {
    /// Those below this take no part any more.
    from: u32,
    /// Rising.
    present: Vec<u32>,
}

impl Model for Set {
    type State = SetState;
    type Op = SetOp;

    fn init(&self) -> SetState {
        SetState::default()
    }

    fn step(&self, state: &SetState, op: &SetOp) -> Option<SetState> {
        let element = match *op {
            SetOp::Read(set) => {
                let Range { start, end } = self.sets[set.0 as usize];
                let found = &self.arena[start as usize..end as usize];
                return (found == state.present).then(|| state.clone());
            }
            SetOp::Adds(element)
            | SetOp::Removes(element)
            | SetOp::Put(element)
            | SetOp::Drop(element)
            | SetOp::Contains(element, _) => element,
        };
        // What is still open of an element passed never ended, and need not happen.
        if element < state.from {
            return None;
        }
        let mut next = state.clone();
        if self.elements == Elements::OneByOne && element > state.from {
            next = SetState { from: element, present: Vec::new() };
        }
        let place = next.present.binary_search(&element);
        match (op, place) {
            (SetOp::Adds(_) | SetOp::Put(_), Err(place)) => next.present.insert(place, element),
            (SetOp::Removes(_) | SetOp::Drop(_), Ok(place)) => {
                next.present.remove(place);
            }
            (SetOp::Put(_) | SetOp::Contains(_, true), Ok(_))
            | (SetOp::Drop(_) | SetOp::Contains(_, false), Err(_)) => {}
            _ => return None,
        }
        Some(next)
    }

    fn reads_only(&self, op: &SetOp) -> bool {
        match op {
            // To find the next element absent ends the one before.
            SetOp::Contains(..) => self.elements == Elements::Mixed,
            SetOp::Read(_) => true,
            _ => false,
        }
    }

    fn can_be_left_out(&self, op: &SetOp) -> bool {
        matches!(op, SetOp::Contains(..) | SetOp::Read(_))
    }

    fn kind(&self, op: &SetOp) -> Option<u128> {
        Some(match *op {
            SetOp::Adds(element) => super::effect(0, element, 0),
            SetOp::Removes(element) => super::effect(1, element, 0),
            SetOp::Put(element) => super::effect(2, element, 0),
            SetOp::Drop(element) => super::effect(3, element, 0),
            SetOp::Contains(element, present) => super::effect(4, element, present.into()),
            SetOp::Read(set) => super::effect(5, set.0, 0),
        })
    }

    fn indeterminate(&self) -> Indeterminate {
        match self.elements {
            // A read of the whole set may need several of them at once.
            Elements::Mixed => Indeterminate::Anytime,
            // What is legal whether the element is there or not replaces it or is about
            // another one, and leads to the same state from either.
            Elements::OneByOne => Indeterminate::WhenNeeded,
        }
    }

    fn owned_bytes(&self, state: &SetState) -> usize {
        state.present.capacity() * size_of::<u32>()
    }
}
