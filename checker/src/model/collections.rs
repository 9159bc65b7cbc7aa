//! Lists, grow-only sets, counters and ids, where their procedures do not apply.

use std::ops::Range;

use super::Model;
use crate::counter::CounterOp;
use crate::grow_set::GrowSetOp;
use crate::ids::IdOp;
use crate::list::ListOp;

/// A list with append and whole-list reads, initially empty; elements may be repeated.
#[derive(Clone, Debug, Default)]
pub struct AppendList {
    /// Where each list that was read stands in `arena`.
    pub lists: Vec<Range<u32>>,
    /// The elements of the lists.
    pub arena: Vec<u32>,
}

impl Model for AppendList {
    type State = Vec<u32>;
    type Op = ListOp;

    fn init(&self) -> Vec<u32> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u32>, op: &ListOp) -> Option<Vec<u32>> {
        match *op {
            ListOp::Append(element) => Some([state.as_slice(), &[element]].concat()),
            ListOp::Read(list) => {
                let Range { start, end } = self.lists[list.0 as usize];
                (self.arena[start as usize..end as usize] == **state).then(|| state.clone())
            }
        }
    }

    fn reads_only(&self, op: &ListOp) -> bool {
        matches!(op, ListOp::Read(_))
    }

    fn kind(&self, op: &ListOp) -> Option<u128> {
        Some(match *op {
            ListOp::Append(element) => super::effect(0, element, 0),
            ListOp::Read(list) => super::effect(1, list.0, 0),
        })
    }

    const LOOKS_AHEAD: bool = true;

    fn viable<'a>(
        &self,
        state: &Vec<u32>,
        read: &ListOp,
        _before: impl Iterator<Item = &'a ListOp>,
    ) -> bool {
        let ListOp::Read(list) = *read else { return true };
        let Range { start, end } = self.lists[list.0 as usize];
        self.arena[start as usize..end as usize].starts_with(state)
    }

    fn owned_bytes(&self, state: &Vec<u32>) -> usize {
        state.capacity() * size_of::<u32>()
    }
}

/// A set with add and whole-set reads, initially empty.
#[derive(Clone, Debug, Default)]
pub struct GrowSet {
    /// Where each set that was read stands in `arena`.
    pub sets: Vec<Range<u32>>,
    /// The elements of the sets, rising within each.
    pub arena: Vec<u32>,
}

impl Model for GrowSet {
    type State = Vec<u32>;
    type Op = GrowSetOp;

    fn init(&self) -> Vec<u32> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u32>, op: &GrowSetOp) -> Option<Vec<u32>> {
        match *op {
            GrowSetOp::Add(element) => {
                let mut state = state.clone();
                if let Err(place) = state.binary_search(&element) {
                    state.insert(place, element);
                }
                Some(state)
            }
            GrowSetOp::Read(set) => {
                let Range { start, end } = self.sets[set.0 as usize];
                (self.arena[start as usize..end as usize] == **state).then(|| state.clone())
            }
        }
    }

    fn reads_only(&self, op: &GrowSetOp) -> bool {
        matches!(op, GrowSetOp::Read(_))
    }

    fn kind(&self, op: &GrowSetOp) -> Option<u128> {
        Some(match *op {
            GrowSetOp::Add(element) => super::effect(0, element, 0),
            GrowSetOp::Read(set) => super::effect(1, set.0, 0),
        })
    }

    fn owned_bytes(&self, state: &Vec<u32>) -> usize {
        state.capacity() * size_of::<u32>()
    }
}

/// A counter that goes up by one, initially 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Model for Counter {
    type State = i64;
    type Op = CounterOp;

    fn init(&self) -> i64 {
        0
    }

    fn step(&self, count: &i64, op: &CounterOp) -> Option<i64> {
        match *op {
            CounterOp::Increment => count.checked_add(1),
            CounterOp::Read(seen) => (seen == *count).then_some(*count),
        }
    }

    fn reads_only(&self, op: &CounterOp) -> bool {
        matches!(op, CounterOp::Read(_))
    }

    fn kind(&self, op: &CounterOp) -> Option<u128> {
        matches!(op, CounterOp::Increment).then_some(0)
    }
}

/// What an operation does to a counter whose steps differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AmountOp {
    /// Adds this much, which may be below 0.
    Add(i128),
    /// Returns the count.
    Read(i128),
}

/// A counter that goes up and down by any amounts, initially 0.
///
/// Amounts are whole numbers of 64 bits, so that no sum of them leaves 128.
#[derive(Clone, Copy, Debug, Default)]
pub struct AmountCounter;

impl Model for AmountCounter {
    type State = i128;
    type Op = AmountOp;

    fn init(&self) -> i128 {
        0
    }

    fn step(&self, count: &i128, op: &AmountOp) -> Option<i128> {
        match *op {
            AmountOp::Add(amount) => count.checked_add(amount),
            AmountOp::Read(seen) => (seen == *count).then_some(*count),
        }
    }

    fn reads_only(&self, op: &AmountOp) -> bool {
        matches!(op, AmountOp::Read(_))
    }

    fn kind(&self, op: &AmountOp) -> Option<u128> {
        match *op {
            AmountOp::Add(amount) => Some(amount.cast_unsigned()),
            AmountOp::Read(_) => None,
        }
    }
}

/// Fetch-and-increment, which gives 0 first, and ids that are never given twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ids;

impl Model for Ids {
    /// The count, and the ids generated, rising.
    type State = (u64, Vec<u32>);
    type Op = IdOp;

    fn init(&self) -> (u64, Vec<u32>) {
        (0, Vec::new())
    }

    fn step(&self, (next, generated): &(u64, Vec<u32>), op: &IdOp) -> Option<(u64, Vec<u32>)> {
        match *op {
            IdOp::Given(number) if u64::from(number) != *next => None,
            IdOp::Given(_) | IdOp::Unknown => Some((next.checked_add(1)?, generated.clone())),
            IdOp::Generated(id) => {
                let place = generated.binary_search(&id).err()?;
                let mut generated = generated.clone();
                generated.insert(place, id);
                Some((*next, generated))
            }
        }
    }

    fn kind(&self, op: &IdOp) -> Option<u128> {
        matches!(op, IdOp::Unknown).then_some(0)
    }

    fn owned_bytes(&self, (_, generated): &(u64, Vec<u32>)) -> usize {
        generated.capacity() * size_of::<u32>()
    }
}
