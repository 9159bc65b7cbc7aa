//! A whole map of registers, for operations on several keys at once (`kv`).

use std::ops::Range;

use super::{Model, ValueId};

/// A key and a value.
pub type Entry = (u32, ValueId);

/// Finds the values of some keys, lacks those of others and stores those of more, at once.
///
/// A read only finds, a write only stores, a compare-and-set does both to one key, or lacks
/// what it expected if it was refused, a delete stores [`ValueId::INITIAL`], and a
/// transaction is as long as it likes. All are ranges of [`RegisterMap::entries`]; each key
/// is at most once in each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapOp {
    /// What was there before.
    pub finds: Range<u32>,
    /// What was not there before.
    pub lacks: Range<u32>,
    /// What is there after.
    pub stores: Range<u32>,
}

/// Registers by key, all at [`ValueId::INITIAL`] first, which stands for an absent key.
#[derive(Clone, Debug, Default)]
pub struct RegisterMap {
    /// Keys are below this.
    pub keys: u32,
    /// What operations find, lack and store.
    pub entries: Vec<Entry>,
}

impl RegisterMap {
    fn entries(&self, range: &Range<u32>) -> &[Entry] {
        &self.entries[range.start as usize..range.end as usize]
    }
}

impl Model for RegisterMap {
    type State = Box<[ValueId]>;
    type Op = MapOp;

    fn init(&self) -> Box<[ValueId]> {
        vec![ValueId::INITIAL; self.keys as usize].into()
    }

    fn step(&self, state: &Box<[ValueId]>, op: &MapOp) -> Option<Box<[ValueId]>> {
        let holds = |(key, value): &Entry| state[*key as usize] == *value;
        let legal =
            self.entries(&op.finds).iter().all(holds) && !self.entries(&op.lacks).iter().any(holds);
        legal.then(|| {
            let mut state = state.clone();
            for (key, value) in self.entries(&op.stores) {
                state[*key as usize] = *value;
            }
            state
        })
    }

    fn reads_only(&self, op: &MapOp) -> bool {
        op.stores.is_empty()
    }

    fn kind(&self, op: &MapOp) -> Option<u128> {
        // An indeterminate operation was not refused, as far as anybody knows.
        if !op.lacks.is_empty() {
            return None;
        }
        let words = [op.finds.start, op.finds.end, op.stores.start, op.stores.end];
        Some(words.into_iter().fold(0, |kind, word| kind << 32 | u128::from(word)))
    }

    fn owned_bytes(&self, state: &Box<[ValueId]>) -> usize {
        size_of_val(&**state)
    }
}
