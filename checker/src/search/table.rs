//! Finding numbered things by what they hold: an open-addressing table of numbers.
//!
//! The things themselves lie in flat arrays of their owner, so that giving up a search of
//! millions of configurations frees a few allocations and not millions.

use std::hash::{BuildHasher, Hash};

use rustc_hash::FxBuildHasher;

/// The number of nothing; no thing is ever given it.
const VACANT: u32 = u32::MAX;

/// The most things that can be numbered.
pub(crate) const NUMBERS_MAX: usize = VACANT as usize;

/// The hash the tables go by.
pub(crate) fn hash(value: &(impl Hash + ?Sized)) -> u32 {
    // The half whose lowest bits are mixed best.
    FxBuildHasher.hash_one(value) as u32
}

/// A place of the table.
#[derive(Clone, Copy)]
struct Slot {
    /// To tell most things apart without looking at them, and to move them when growing.
    hash: u32,
    number: u32,
}

const EMPTY: Slot = Slot { hash: 0, number: VACANT };

/// Numbers by the hash of what they stand for.
pub(crate) struct Table {
    /// At most half full; the length is a power of two.
    slots: Vec<Slot>,
    filled: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { slots: vec![EMPTY; 16], filled: 0 }
    }

    /// The number with this hash of which `is` holds.
    pub(crate) fn find(&self, hash: u32, is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.place(hash, is).map(|place| self.slots[place].number)
    }

    /// Adds a number that is not there.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        self.filled += 1;
        if 2 * self.filled > self.slots.len() {
            let larger = vec![EMPTY; 2 * self.slots.len()];
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot.number != VACANT {
                    self.put(slot);
                }
            }
        }
        self.put(Slot { hash, number });
    }

    /// Puts `number` in the place of `former`, which has the same hash and is there.
    pub(crate) fn replace(&mut self, hash: u32, former: u32, number: u32) {
        let place = self.place(hash, |found| found == former);
        self.slots[place.expect("a number is replaced only where it was found")].number = number;
    }

    /// Empties the table and keeps its room.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.filled = 0;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    fn place(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            if slot.number == VACANT {
                return None;
            }
            if slot.hash == hash && is(slot.number) {
                return Some(place);
            }
            place = (place + 1) & mask;
        }
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut place = slot.hash as usize & mask;
        while self.slots[place].number != VACANT {
            place = (place + 1) & mask;
        }
        self.slots[place] = slot;
    }
}

/// Equal things get equal numbers, from 0 on in order of appearance.
pub(crate) struct Interner<T> {
    things: Vec<T>,
    table: Table,
}

impl<T: Eq + Hash> Interner<T> {
    pub(crate) fn new() -> Self {
        Self { things: Vec::new(), table: Table::new() }
    }

    /// The number of `thing`.
    ///
    /// # Panics
    /// When four thousand million different things are there; whoever interns stops before.
    pub(crate) fn number(&mut self, thing: T) -> u32 {
        let Self { things, table } = self;
        let hash = hash(&thing);
        if let Some(number) = table.find(hash, |number| things[number as usize] == thing) {
            return number;
        }
        assert!(things.len() < NUMBERS_MAX, "too many things to number");
        let number = things.len() as u32;
        things.push(thing);
        table.insert(hash, number);
        number
    }

    pub(crate) fn get(&self, number: u32) -> &T {
        &self.things[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.things.len()
    }

    /// Without what the things own elsewhere.
    pub(crate) fn bytes(&self) -> usize {
        self.things.capacity() * size_of::<T>() + self.table.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_have_equal_numbers_however_many_there_are() {
        let mut interner = Interner::new();
        for round in 0..2 {
            for thing in 0..10_000_u64 {
                let number = interner.number(thing * thing);
                assert_eq!(u64::from(number), thing, "round {round}");
                assert_eq!(*interner.get(number), thing * thing);
            }
        }
        assert_eq!(interner.len(), 10_000);
    }

    #[test]
    fn a_replaced_number_is_found_in_place_of_the_former() {
        let mut table = Table::new();
        (0..100).for_each(|number| table.insert(7, number));
        table.replace(7, 40, 1000);
        assert_eq!(table.find(7, |number| number == 40), None);
        assert_eq!(table.find(7, |number| number == 1000), Some(1000));
        assert_eq!(table.find(8, |_| true), None);
        table.clear();
        assert_eq!(table.find(7, |_| true), None);
    }
}
