//! The configurations visited, each a row of words in one array.
//!
//! A row is where the object is (the completions passed, the operations pending there that
//! were taken, the state) and how many indeterminate operations of each kind were used to
//! get there. Of two rows that differ only in the latter, one that used no more of any kind
//! **dominates** the other: whatever goes on from the other goes on from it as well.

use super::counts::Counts;
use super::table::{NUMBERS_MAX, Table, hash};
use crate::fault::planted;

/// Dominating rows are looked for among this many of the same place: more would make a place
/// of many rows cost the square of their number, and a row kept in vain costs only time.
const COMPARED_MAX: u32 = 32;

/// A configuration, taken out of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Completions passed.
    pub(crate) passed: u32,
    /// The number of the state.
    pub(crate) state: u32,
    /// If an indeterminate operation was used last and has to justify itself by what comes
    /// next: the state before it and 1; otherwise 0.
    pub(crate) before: u32,
    /// The root of the counts used.
    pub(crate) used: u32,
    /// A bit per slot: whether the pending operation there was taken.
    pub(crate) mask: Vec<u64>,
}

impl Configuration {
    /// Nothing taken, nothing passed.
    pub(crate) fn start(state: u32, slots: u32) -> Self {
        let words = (slots as usize).div_ceil(64);
        Self { passed: 0, state, before: 0, used: Counts::NONE, mask: vec![0; words] }
    }

    pub(crate) fn has(&self, slot: u32) -> bool {
        self.mask[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    pub(crate) fn take(&mut self, slot: u32) {
        self.mask[slot as usize / 64] |= 1 << (slot % 64);
    }

    pub(crate) fn release(&mut self, slot: u32) {
        if !planted("search: a mask bit stays") {
            self.mask[slot as usize / 64] &= !(1 << (slot % 64));
        }
    }

    /// Operations taken that have not been passed.
    pub(crate) fn taken(&self) -> u32 {
        self.mask.iter().map(|word| word.count_ones()).sum()
    }

    fn write(&self, row: &mut Vec<u64>) {
        row.push(u64::from(self.used));
        row.push(u64::from(self.passed) << 32 | u64::from(self.state));
        row.push(u64::from(self.before));
        row.extend_from_slice(&self.mask);
    }

    fn read(&mut self, row: &[u64]) {
        let [used, place, before, mask @ ..] = row else {
            unreachable!("a row has three words and the mask")
        };
        self.used = *used as u32;
        self.passed = (place >> 32) as u32;
        self.state = *place as u32;
        self.before = *before as u32;
        self.mask.clear();
        self.mask.extend_from_slice(mask);
    }
}

/// The rows of the configurations visited.
pub(crate) struct Visited {
    words: Vec<u64>,
    /// Words of a row.
    width: usize,
    rows: u32,
    /// By all words.
    exact: Table,
    /// The latest row of each place: by all words but the first, the counts.
    places: Table,
    /// Per row, the row of the same place before it; itself if it is the first.
    earlier: Vec<u32>,
}

impl Visited {
    /// For configurations over `slots` slots.
    pub(crate) fn new(slots: u32) -> Self {
        Self {
            words: Vec::new(),
            width: 3 + (slots as usize).div_ceil(64),
            rows: 0,
            exact: Table::new(),
            places: Table::new(),
            earlier: Vec::new(),
        }
    }

    /// The number of a configuration that is new, and that none visited dominates.
    pub(crate) fn insert(&mut self, configuration: &Configuration, counts: &Counts) -> Option<u32> {
        let start = self.words.len();
        configuration.write(&mut self.words);
        debug_assert_eq!(self.words.len() - start, self.width, "rows are equally wide");
        let whole = hash(&self.words[start..]);
        if self.exact.find(whole, |row| self.row(row) == &self.words[start..]).is_some() {
            self.words.truncate(start);
            return None;
        }
        let number = self.rows;
        let place = hash(&self.words[start + 1..]);
        let latest = self.places.find(place, |row| self.row(row)[1..] == self.words[start + 1..]);
        if latest.is_some_and(|latest| self.is_dominated(configuration.used, latest, counts)) {
            self.words.truncate(start);
            return None;
        }
        match latest {
            Some(latest) => self.places.replace(place, latest, number),
            None => self.places.insert(place, number),
        }
        self.earlier.push(latest.unwrap_or(number));
        self.exact.insert(whole, number);
        self.rows += 1;
        Some(number)
    }

    /// Takes a configuration out of its row.
    pub(crate) fn read(&self, number: u32, configuration: &mut Configuration) {
        configuration.read(self.row(number));
    }

    pub(crate) fn len(&self) -> u32 {
        self.rows
    }

    /// Whether no further configuration can be numbered.
    pub(crate) fn is_full(&self) -> bool {
        self.rows as usize >= NUMBERS_MAX
    }

    /// Forgets all rows and keeps the room, for configurations over `slots` slots.
    pub(crate) fn reset(&mut self, slots: u32) {
        self.width = 3 + (slots as usize).div_ceil(64);
        self.words.clear();
        self.rows = 0;
        self.exact.clear();
        self.places.clear();
        self.earlier.clear();
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<u64>() * self.words.capacity()
            + size_of::<u32>() * self.earlier.capacity()
            + self.exact.bytes()
            + self.places.bytes()
    }

    /// Whether a row of the place whose latest is `row` used no more than `used`.
    fn is_dominated(&self, used: u32, latest: u32, counts: &Counts) -> bool {
        let mut row = latest;
        for _ in 0..COMPARED_MAX {
            let other = self.row(row)[0] as u32;
            let dominated = match planted("search: dominance reversed") {
                false => counts.at_most(other, used),
                true => counts.at_most(used, other),
            };
            if dominated {
                return true;
            }
            let earlier = self.earlier[row as usize];
            if earlier == row {
                return false;
            }
            row = earlier;
        }
        false
    }

    fn row(&self, number: u32) -> &[u64] {
        let start = number as usize * self.width;
        &self.words[start..start + self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_told_apart_exactly_and_dominated_ones_refused() {
        let mut counts = Counts::new(2);
        let one = counts.increment(Counts::NONE, 0);
        let both = counts.increment(one, 1);
        let mut visited = Visited::new(130);
        let mut configuration = Configuration::start(5, 130);
        configuration.take(129);
        configuration.used = one;
        assert_eq!(visited.insert(&configuration, &counts), Some(0));
        assert_eq!(visited.insert(&configuration, &counts), None, "it is there");
        configuration.used = both;
        assert_eq!(visited.insert(&configuration, &counts), None, "one does as well");
        configuration.take(64);
        assert_eq!(visited.insert(&configuration, &counts), Some(1));
        configuration.used = Counts::NONE;
        assert_eq!(visited.insert(&configuration, &counts), Some(2), "it used less");
        let mut read = Configuration::start(0, 130);
        visited.read(2, &mut read);
        assert_eq!(read, configuration);
        assert_eq!((read.has(64), read.has(63), read.taken()), (true, false, 2));
    }
}
