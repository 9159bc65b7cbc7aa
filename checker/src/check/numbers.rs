//! Numbers the values of one object densely.

use rustc_hash::FxHashMap;

use crate::history::Value;

/// Gives values the numbers 0, 1, ... in the order they are first asked for.
///
/// Values that are small whole numbers, as harnesses issue them, are looked up by index.
#[derive(Default)]
pub(super) struct Numbers {
    /// The number of each small value plus 1; 0 if it has none yet.
    small: Vec<u32>,
    /// Values looked up; bounds the index to a few words for each, whatever the values are.
    seen: usize,
    others: FxHashMap<Value, u32>,
    count: u32,
}

impl Numbers {
    /// Numbers of which `value` has the first.
    pub(super) fn beginning_with(value: Value) -> Self {
        let mut numbers = Self::default();
        numbers.number(value);
        numbers
    }

    /// The number of a value, a new one if it was not seen before.
    pub(super) fn number(&mut self, value: Value) -> u32 {
        self.seen += 1;
        let count = self.count;
        let slot = match value.small() {
            Some(small) if (small as usize) < 4 * self.seen + 64 => {
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
            self.count = count + 1;
            *slot = self.count;
        }
        *slot - 1
    }

    /// How many values have a number.
    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::Values;

    #[test]
    fn equal_values_share_a_number_and_different_ones_do_not() {
        let mut table = Values::default();
        let given = [
            json!(null),
            json!(0),
            json!(1),
            json!(-1),
            json!(1.5),
            json!("1"),
            json!([1]),
            json!({"a": 1}),
            json!(u64::MAX),
            json!(70),
            json!(false),
        ]
        .map(|json| table.intern(&json));
        let mut numbers = Numbers::default();
        let first: Vec<u32> = given.iter().map(|value| numbers.number(*value)).collect();
        assert_eq!(first, (0..given.len() as u32).collect::<Vec<_>>());
        let again: Vec<u32> = given.iter().map(|value| numbers.number(*value)).collect();
        assert_eq!(again, first);
        assert_eq!(numbers.count(), given.len() as u32);
    }

    #[test]
    fn a_value_keeps_its_number_when_the_index_grows_past_it() {
        let value = |small| Value::from_small(small).expect("a small number");
        let mut numbers = Numbers::default();
        let number = numbers.number(value(100));
        for other in 0..40 {
            assert_ne!(numbers.number(value(other)), number);
        }
        assert_eq!(numbers.number(value(100)), number);
        assert_eq!(numbers.number(value(100)), number);
    }
}
