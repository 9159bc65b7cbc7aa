//! A number that tells two states apart.
//!
//! The digest of a set is the sum of its members' digests, so that it follows
//! each change at the cost of what changed. It is the same on all machines and
//! for all versions of this program, and meant for mistakes, not for malice.

/// Odd, and without a pattern: the golden ratio as a fraction of 2^64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes bytes and numbers into 64 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixer(u64);

impl Mixer {
    /// Starts with a number that keeps different kinds of things apart.
    pub(super) fn new(kind: u64) -> Self {
        Self(GOLDEN).number(kind)
    }

    /// Mixes in a number.
    pub(super) fn number(self, number: u64) -> Self {
        let mixed = (self.0 ^ number).wrapping_mul(GOLDEN);
        Self(mixed ^ (mixed >> 29))
    }

    /// Mixes in bytes, and how many they are.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words
            .iter()
            .fold(self.number(bytes.len() as u64), |mixer, &word| {
                mixer.number(u64::from_le_bytes(word))
            })
            .number(u64::from_le_bytes(last))
    }

    /// Returns the 64 bits.
    ///
    /// The last steps are those of SplitMix64 (Steele, Lea & Flood 2014): every bit
    /// that went in may turn every bit that comes out.
    pub(super) fn finish(self) -> u64 {
        let once = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        twice ^ (twice >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_differs_a_little_has_another_digest() {
        let of = |parts: &[&[u8]]| {
            parts.iter().fold(Mixer::new(0), |mixer, part| mixer.bytes(part)).finish()
        };
        let mut seen = BTreeSet::from([Mixer::new(1).bytes(b"a").finish()]);
        for parts in [
            &[&b""[..]][..],
            &[b"", b""],
            &[b"a"],
            &[b"a\0"],
            &[b"a", b""],
            &[b"", b"a"],
            &[b"abcdefgh"],
            &[b"abcdefgh", b""],
            &[b"abcdefg", b"h"],
            &[b"abcdefghi"],
        ] {
            assert!(seen.insert(of(parts)), "{parts:?}");
        }
        for bit in 0..64 {
            assert!(seen.insert(Mixer::new(0).number(1 << bit).finish()), "{bit}");
        }
    }

    #[test]
    fn a_digest_stays_what_it_was() {
        // Nodes of different versions compare theirs.
        assert_eq!(Mixer::new(1).bytes(b"squall").number(7).finish(), 0x656a_9944_40b1_05f0);
    }
}
