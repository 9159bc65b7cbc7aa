//! Keys that follow each other, so that none lives as long as the run.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Places that are in use at the same time, each for one key after another.
///
/// A key is left for a fresh one after `life` changes of it have been issued, or when somebody
/// gives it up. What is issued is a number of its own: unique per key, dense from 1. Clients
/// share the counts, so that those that a fault holds up do not stay behind on old keys.
#[derive(Clone, Debug)]
pub struct Slots {
    issued: Arc<[AtomicU64]>,
    life: u64,
}

impl Slots {
    /// `count` places with keys of `life` changes, both at least 1.
    pub fn new(count: usize, life: u64) -> Self {
        Self { issued: (0..count.max(1)).map(|_| AtomicU64::new(0)).collect(), life: life.max(1) }
    }

    /// How many places there are.
    pub fn count(&self) -> usize {
        self.issued.len()
    }

    /// The number of the next change in a place, and the generation of the key it goes to.
    pub fn issue(&self, slot: usize) -> (u64, u64) {
        let number = self.issued[slot].fetch_add(1, Ordering::Relaxed);
        (number % self.life + 1, number / self.life)
    }

    /// The generation of the key that was changed last, 0 if none was.
    pub fn newest(&self, slot: usize) -> u64 {
        self.issued[slot].load(Ordering::Relaxed).saturating_sub(1) / self.life
    }

    /// The generation of the key that the next change goes to.
    pub fn next(&self, slot: usize) -> u64 {
        self.issued[slot].load(Ordering::Relaxed) / self.life
    }

    /// Leaves the key of `generation` for a fresh one, if that has not happened yet.
    pub fn give_up(&self, slot: usize, generation: u64) {
        self.issued[slot].fetch_max((generation + 1) * self.life, Ordering::Relaxed);
    }

    /// Every key there has been, as place and generation: the newest of all places first, at
    /// most `most`.
    pub fn all(&self, most: usize) -> Vec<(usize, u64)> {
        let mut keys: Vec<(u64, usize, u64)> = Vec::new();
        for slot in 0..self.count() {
            let newest = self.newest(slot);
            keys.extend((0..=newest).map(|generation| (newest - generation, slot, generation)));
        }
        keys.sort_unstable();
        keys.truncate(most);
        keys.into_iter().map(|(_, slot, generation)| (slot, generation)).collect()
    }

    /// The name of a key.
    pub fn key(slot: usize, generation: u64) -> String {
        format!("{slot}.{generation}")
    }
}

/// Keys read back on every node at the end, the newest first; a run of minutes has some
/// hundred.
pub(crate) const FINAL_KEYS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_are_unique_and_dense_per_key() {
        let slots = Slots::new(2, 3);
        let issued: Vec<_> = (0..7).map(|_| slots.issue(1)).collect();
        assert_eq!(issued, [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1), (1, 2)]);
        assert_eq!((slots.newest(1), slots.newest(0)), (2, 0));
    }

    #[test]
    fn a_key_given_up_is_left_once() {
        let slots = Slots::new(1, 10);
        assert_eq!(slots.issue(0), (1, 0));
        slots.give_up(0, 0);
        slots.give_up(0, 0);
        assert_eq!((slots.next(0), slots.issue(0)), (1, (1, 1)));
    }

    #[test]
    fn the_newest_of_every_place_come_first() {
        let slots = Slots::new(2, 1);
        for _ in 0..3 {
            slots.issue(0);
        }
        assert_eq!(slots.all(3), [(0, 2), (1, 0), (0, 1)]);
        let all: HashSet<_> = slots.all(100).into_iter().collect();
        assert_eq!(all.len(), 4);
    }
}
