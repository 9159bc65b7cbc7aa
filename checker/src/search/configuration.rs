//! Sets of operations taken, and the cache of configurations visited.
//!
//! Ended operations are taken nearly in the order they began, so of their set only the
//! words between the first gap and the last member are kept. Indeterminate operations may
//! stay open for ever and would keep the first gap at the beginning, so they have a set of
//! their own.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

/// Words the cache may hold: 512 MiB, beside 20 to 36 bytes per configuration, which has at
/// least three words.
const WORDS_MAX: usize = 1 << 26;

/// The operations taken so far.
pub(super) struct Taken {
    ended: Window,
    indeterminate: Window,
    /// Per operation: whether it ended, and its position among its kind.
    places: Vec<(bool, u32)>,
}

impl Taken {
    /// Empty; `ended` says of each operation whether it ended.
    pub(super) fn new(ended: impl Iterator<Item = bool>) -> Self {
        let mut counts = [0, 0];
        let places: Vec<(bool, u32)> = ended
            .map(|ended| {
                let count = &mut counts[usize::from(ended)];
                *count += 1;
                (ended, *count - 1)
            })
            .collect();
        Self { indeterminate: Window::new(counts[0]), ended: Window::new(counts[1]), places }
    }

    pub(super) fn insert(&mut self, operation: u32) {
        let (window, place) = self.locate(operation);
        window.insert(place);
    }

    pub(super) fn remove(&mut self, operation: u32) {
        let (window, place) = self.locate(operation);
        window.remove(place);
    }

    fn locate(&mut self, operation: u32) -> (&mut Window, u32) {
        let (ended, place) = self.places[operation as usize];
        (if ended { &mut self.ended } else { &mut self.indeterminate }, place)
    }
}

/// A bit set that knows the words before which it is full and from which it is empty.
struct Window {
    words: Vec<u64>,
    full: usize,
    empty: usize,
}

impl Window {
    fn new(bits: u32) -> Self {
        Self { words: vec![0; (bits as usize).div_ceil(64)], full: 0, empty: 0 }
    }

    fn insert(&mut self, bit: u32) {
        let word = bit as usize / 64;
        self.words[word] |= 1 << (bit % 64);
        self.empty = self.empty.max(word + 1);
        while self.full < self.empty && self.words[self.full] == u64::MAX {
            self.full += 1;
        }
    }

    fn remove(&mut self, bit: u32) {
        let word = bit as usize / 64;
        self.words[word] &= !(1 << (bit % 64));
        self.full = self.full.min(word);
        while self.empty > 0 && self.words[self.empty - 1] == 0 {
            self.empty -= 1;
        }
        self.full = self.full.min(self.empty);
    }

    /// Appends what tells this set from others over the same bits.
    fn append_to(&self, key: &mut Vec<u64>) {
        key.push((self.full as u64) << 32 | (self.empty - self.full) as u64);
        key.extend_from_slice(&self.words[self.full..self.empty]);
    }
}

/// The configurations visited.
///
/// One arena holds the words of all of them and an open-addressing table finds them in it:
/// giving up a search of millions of configurations frees three allocations, not millions.
pub(super) struct Visited {
    words: Vec<u64>,
    /// Where the words of each configuration begin, and last where they end.
    starts: Vec<u32>,
    /// At most half full; its length is a power of two.
    slots: Vec<Slot>,
}

/// A place of the table.
#[derive(Clone, Copy)]
struct Slot {
    /// Half of the hash, to tell most configurations apart without their words.
    tag: u32,
    /// Number of the configuration, or [`VACANT`].
    configuration: u32,
}

const VACANT: u32 = u32::MAX;

impl Visited {
    pub(super) fn new() -> Self {
        let vacant = Slot { tag: 0, configuration: VACANT };
        Self { words: Vec::new(), starts: vec![0], slots: vec![vacant; 64] }
    }

    /// Adds a configuration; `false` if it was there.
    pub(super) fn insert(&mut self, taken: &Taken, state: u32) -> bool {
        let start = self.words.len();
        self.words.push(u64::from(state));
        taken.indeterminate.append_to(&mut self.words);
        taken.ended.append_to(&mut self.words);
        let hash = FxBuildHasher.hash_one(&self.words[start..]);
        let mask = self.slots.len() - 1;
        // The half whose lowest bits are mixed best.
        let tag = hash as u32;
        let mut place = home(tag, mask);
        while self.slots[place].configuration != VACANT {
            let slot = self.slots[place];
            if slot.tag == tag && self.words_of(slot.configuration) == &self.words[start..] {
                self.words.truncate(start);
                return false;
            }
            place = (place + 1) & mask;
        }
        let configuration = self.starts.len() as u32 - 1;
        self.slots[place] = Slot { tag, configuration };
        self.starts.push(self.words.len() as u32);
        if 2 * self.starts.len() > self.slots.len() {
            self.grow();
        }
        true
    }

    /// Whether another configuration would take too much memory.
    pub(super) fn is_full(&self) -> bool {
        self.words.len() >= WORDS_MAX
    }

    fn words_of(&self, configuration: u32) -> &[u64] {
        let index = configuration as usize;
        &self.words[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    fn grow(&mut self) {
        let vacant = Slot { tag: 0, configuration: VACANT };
        let smaller = std::mem::take(&mut self.slots);
        let mask = 2 * smaller.len() - 1;
        self.slots = vec![vacant; mask + 1];
        for slot in smaller.into_iter().filter(|slot| slot.configuration != VACANT) {
            let mut place = home(slot.tag, mask);
            while self.slots[place].configuration != VACANT {
                place = (place + 1) & mask;
            }
            self.slots[place] = slot;
        }
    }
}

/// Where the search of the table begins; it has fewer places than there are tags.
fn home(tag: u32, mask: usize) -> usize {
    tag as usize & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_told_apart_exactly() {
        // Two windows of more than a word each, filled and emptied in a scrambled order.
        let operations = 300_u32;
        let mut taken = Taken::new((0..operations).map(|operation| operation % 2 == 0));
        let mut visited = Visited::new();
        let mut present = std::collections::BTreeSet::new();
        let mut seen = std::collections::HashSet::new();
        let mut random = 12345_u32;
        for _ in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let operation = (random >> 8) % operations;
            if present.remove(&operation) {
                taken.remove(operation);
            } else {
                present.insert(operation);
                taken.insert(operation);
            }
            let state = (random >> 4) % 2;
            assert_eq!(visited.insert(&taken, state), seen.insert((present.clone(), state)));
        }
    }
}
