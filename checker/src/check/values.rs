//! Numbers the values of one key.

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::model::ValueId;

/// Numbers values densely, the initial value first.
///
/// Values that are small whole numbers, as harnesses issue them, are looked up by index.
pub(super) struct Values<'a> {
    /// The number of each small value, 0 if it has none yet.
    small: Vec<u32>,
    small_max: u64,
    others: FxHashMap<&'a Value, u32>,
    count: u32,
}

impl<'a> Values<'a> {
    /// Values of a key with so many operations.
    pub(super) fn new(operations: usize) -> Self {
        Self {
            small: Vec::new(),
            // Bounds the index to a few words per operation, whatever the values are.
            small_max: 4 * operations as u64 + 64,
            others: FxHashMap::default(),
            count: 1,
        }
    }

    /// The number of a value, a new one if it was not seen before.
    pub(super) fn number(&mut self, value: &'a Value) -> ValueId {
        let slot = match value {
            Value::Null => return ValueId::INITIAL,
            Value::Number(number) => match number.as_u64() {
                Some(small) if small < self.small_max => {
                    let index = small as usize;
                    if index >= self.small.len() {
                        self.small.resize(index + 1 + index / 2, 0);
                    }
                    &mut self.small[index]
                }
                _ => self.others.entry(value).or_insert(0),
            },
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
        let again = given.clone();
        let mut values = Values::new(3);
        let numbers: Vec<u32> = given.iter().map(|value| values.number(value).0).collect();
        assert_eq!(numbers, (0..given.len() as u32).collect::<Vec<_>>());
        let repeated: Vec<u32> = again.iter().map(|value| values.number(value).0).collect();
        assert_eq!(repeated, numbers);
        assert_eq!(values.count(), given.len() as u32);
    }
}
