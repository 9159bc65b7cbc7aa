//! Sequences kept once each, one after another in one allocation.
//!
//! The numbers of sequences are their order of first appearance. A table of numbers finds a
//! sequence by its hash; the sequences themselves are stored only here.

use std::hash::{BuildHasher, Hash};
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// What sequences are stored in: text, or anything else in a vector.
pub(super) trait Store: Default {
    /// A sequence as it is looked at.
    type Slice: ?Sized + Eq + Hash;

    /// Adds the sequence at the end.
    fn append(&mut self, slice: &Self::Slice);

    /// The sequence in a range that `append` made.
    fn slice(&self, range: Range<usize>) -> &Self::Slice;

    /// Where the next sequence will begin.
    fn end(&self) -> usize;
}

impl Store for String {
    type Slice = str;

    fn append(&mut self, slice: &str) {
        self.push_str(slice);
    }

    fn slice(&self, range: Range<usize>) -> &str {
        &self[range]
    }

    fn end(&self) -> usize {
        self.len()
    }
}

impl<T: Copy + Eq + Hash> Store for Vec<T> {
    type Slice = [T];

    fn append(&mut self, slice: &[T]) {
        self.extend_from_slice(slice);
    }

    fn slice(&self, range: Range<usize>) -> &[T] {
        &self[range]
    }

    fn end(&self) -> usize {
        self.len()
    }
}

/// Sequences by number, each different from all others.
#[derive(Clone, Debug, Default)]
pub(super) struct Arena<S> {
    store: S,
    /// Where each sequence ends; it begins where the one before it ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
}

impl<S: Store> Arena<S> {
    /// The number of a sequence, which is kept if it was not known.
    pub(super) fn intern(&mut self, slice: &S::Slice) -> u32 {
        let hash = FxBuildHasher.hash_one(slice);
        let Self { store, ends, numbers } = self;
        if let Some(number) =
            numbers.find(hash, |number| store.slice(range(ends, *number)) == slice)
        {
            return *number;
        }
        let number = ends.len() as u32;
        store.append(slice);
        ends.push(store.end());
        numbers.insert_unique(hash, number, |number| {
            FxBuildHasher.hash_one(store.slice(range(ends, *number)))
        });
        number
    }

    /// The number of a sequence, if it is known.
    pub(super) fn find(&self, slice: &S::Slice) -> Option<u32> {
        let hash = FxBuildHasher.hash_one(slice);
        self.numbers.find(hash, |number| self.get(*number) == slice).copied()
    }

    /// The sequence of a number that [`intern`](Self::intern) gave.
    pub(super) fn get(&self, number: u32) -> &S::Slice {
        self.store.slice(range(&self.ends, number))
    }

    /// How many sequences are kept.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn range(ends: &[usize], number: u32) -> Range<usize> {
    let index = number as usize;
    let start = if index == 0 { 0 } else { ends[index - 1] };
    start..ends[index]
}
