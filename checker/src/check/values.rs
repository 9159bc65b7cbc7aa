//! Numbers the values of one key.

use rustc_hash::FxHashMap;

use crate::history::Value;
use crate::model::ValueId;

/// Numbers values densely, the initial value first.
///
/// Values that are small whole numbers, as harnesses issue them, are looked up by index.
pub(super) struct Values {
    /// The number of each small value, 0 if it has none yet.
    small: Vec<u32>,
    /// Values looked up; bounds the index to a few words for each, whatever the values are.
    seen: u64,
    others: FxHashMap<Value, u32>,
    count: u32,
}

impl Values {
    pub(super) fn new() -> Self {
        Self { small: Vec::new(), seen: 0, others: FxHashMap::default(), count: 1 }
    }

    /// The number of a value, a new one if it was not seen before.
    pub(super) fn number(&mut self, value: Value) -> ValueId {
        self.seen += 1;
        if value.is_null() {
            return ValueId::INITIAL;
        }
        let slot = match value.small() {
            Some(small) if u64::from(small) < 4 * self.seen + 64 => {
                let index = small as usize;
                if index >= self.small.len() {
                    self.small.resize(index + 1 + index / 2, 0);
                }
                let slot = &mut self.small[index];
                if *slot == 0 && !self.others.is_empty() {
                    // It may have been too large for the index as it was then.
                    *slot = self.others.get(&value).copied().unwrap_or(0);
                }
                slot
            }
            _ => self.others.entry(value).or_insert(0),
        };
        if *slot == 0 {
            *slot = self.count;
            self.count += 1;
        }
        ValueId(*slot)
    }

    /// Numbers given, the initial value's included.
    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_share_a_number_and_different_ones_do_not() {
        let given = [
            json!(null),
            json!(0),
            json!(1),
            json!(-1),
            json!(1.0),
            json!("1"),
            json!([1]),
            json!({"a": 1}),
            json!(u64::MAX),
            json!(70),
            json!(false),
        ];
        let mut interned = crate::history::Values::default();
        let given = given.map(|json| interned.intern(&json));
        let mut values = Values::new();
        let numbers: Vec<u32> = given.iter().map(|value| values.number(*value).0).collect();
        assert_eq!(numbers, (0..given.len() as u32).collect::<Vec<_>>());
        let repeated: Vec<u32> = given.iter().map(|value| values.number(*value).0).collect();
        assert_eq!(repeated, numbers);
        assert_eq!(values.count(), given.len() as u32);
    }

    #[test]
    fn a_value_keeps_its_number_when_the_index_grows_past_it() {
        let large = Value::from_small(100).unwrap();
        let mut values = Values::new();
        let number = values.number(large);
        for value in (0..40).filter_map(Value::from_small) {
            assert_ne!(values.number(value), number);
        }
        assert_eq!(values.number(large), number);
        assert_eq!(values.number(large), number);
    }
}
