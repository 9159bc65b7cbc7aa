//! Sorting events that are almost in order already.
//!
//! Ends listed by beginnings are out of place by about as many operations as run at once, so
//! insertion moves each by a few places. A budget turns that into a general sort where a few
//! slow operations would make it quadratic.

/// Moves a key may cost on average before insertion gives up.
const MOVES_PER_KEY: usize = 24;

/// A key that orders by position, then by index.
pub(crate) fn key(position: u32, index: u32) -> u64 {
    u64::from(position) << 32 | u64::from(index)
}

/// The index in a [`key`].
pub(crate) fn index(key: u64) -> u32 {
    key as u32
}

/// The position in a [`key`].
pub(crate) fn position(key: u64) -> u32 {
    (key >> 32) as u32
}

/// Sorts `keys`: in linear time if each is near its place, in O(n log n) otherwise.
pub(crate) fn sort(keys: &mut [u64]) {
    let mut budget = MOVES_PER_KEY * keys.len();
    for sorted in 1..keys.len() {
        let key = keys[sorted];
        let mut place = sorted;
        while place > 0 && keys[place - 1] > key {
            keys[place] = keys[place - 1];
            place -= 1;
        }
        keys[place] = key;
        let Some(left) = budget.checked_sub(sorted - place) else {
            keys.sort_unstable();
            return;
        };
        budget = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::Random;

    #[test]
    fn any_order_is_sorted() {
        let mut random = Random::new(7);
        for round in 0..2000 {
            let bound = 1 + random.below(400);
            let keys = (0..random.below(300)).map(|index| {
                let lead = if round % 2 == 0 { 4 * index } else { 0 };
                key(lead + random.below(bound), index)
            });
            let mut keys: Vec<u64> = keys.collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            sort(&mut keys);
            assert_eq!(keys, expected);
        }
    }
}
