//! How many indeterminate operations of each kind a configuration has used.
//!
//! There may be a hundred thousand kinds of which each configuration differs from another
//! in a few, so the counts are the leaves of a tree whose equal parts are shared: a node is
//! four numbers, at the lowest level counts, above it numbers of nodes, and equal nodes are
//! one. So equal counts have equal roots, counting costs a path from the root, and a
//! comparison does not enter what is shared. Node 0 holds four zeros and, at every level,
//! stands for nothing used at all.

use super::table::Interner;

/// Numbers a node holds.
const WIDTH: usize = 4;

/// Bits of a kind's number that choose among them.
const BITS: u32 = 2;

/// Counts per kind, by the number of their root; [`Counts::NONE`] is nothing used.
pub(crate) struct Counts {
    nodes: Interner<[u32; WIDTH]>,
    /// Levels above the lowest.
    height: u32,
}

impl Counts {
    /// The root of counts that are all zero, at any height.
    pub(crate) const NONE: u32 = 0;

    /// Room for `kinds` kinds.
    pub(crate) fn new(kinds: usize) -> Self {
        let mut nodes = Interner::new();
        nodes.number([0; WIDTH]);
        let mut counts = Self { nodes, height: 0 };
        while !counts.has_room(kinds) {
            counts.height += 1;
        }
        counts
    }

    /// Whether there is room for `kinds` kinds.
    pub(crate) fn has_room(&self, kinds: usize) -> bool {
        kinds as u64 <= 1 << (BITS * (self.height + 1))
    }

    /// Makes room for four times as many kinds. Roots are to be [raised](Self::raise).
    pub(crate) fn grow(&mut self) {
        self.height += 1;
    }

    /// The root, after growing, of what `root` was the root of before.
    pub(crate) fn raise(&mut self, root: u32) -> u32 {
        self.nodes.number([root, 0, 0, 0])
    }

    pub(crate) fn get(&self, root: u32, kind: u32) -> u32 {
        let mut number = root;
        for level in (0..=self.height).rev() {
            number = self.nodes.get(number)[child(kind, level)];
        }
        number
    }

    /// The counts with one more of `kind`.
    pub(crate) fn increment(&mut self, root: u32, kind: u32) -> u32 {
        self.increment_at(root, kind, self.height)
    }

    fn increment_at(&mut self, node: u32, kind: u32, level: u32) -> u32 {
        let mut numbers = *self.nodes.get(node);
        let place = child(kind, level);
        numbers[place] = match level {
            0 => numbers[place] + 1,
            _ => self.increment_at(numbers[place], kind, level - 1),
        };
        self.nodes.number(numbers)
    }

    /// Whether `fewer` counts no kind higher than `more` does.
    pub(crate) fn at_most(&self, fewer: u32, more: u32) -> bool {
        self.at_most_at(fewer, more, self.height)
    }

    fn at_most_at(&self, fewer: u32, more: u32, level: u32) -> bool {
        if fewer == more || fewer == Self::NONE {
            return true;
        }
        let pairs = self.nodes.get(fewer).iter().zip(self.nodes.get(more));
        pairs.into_iter().all(|(&fewer, &more)| match level {
            0 => fewer <= more,
            _ => self.at_most_at(fewer, more, level - 1),
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.nodes.bytes()
    }
}

/// Which number of a node of this level leads to `kind`.
fn child(kind: u32, level: u32) -> usize {
    (kind >> (BITS * level)) as usize % WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::Random;

    #[test]
    fn the_tree_counts_and_compares_as_plain_lists_do() {
        let mut random = Random::new(1);
        for kinds in [1, 4, 5, 16, 17, 70] {
            let mut counts = Counts::new(kinds);
            let mut known = vec![(Counts::NONE, vec![0_u32; kinds])];
            for _ in 0..300 {
                let (root, list) = known[random.below(known.len() as u32) as usize].clone();
                let kind = random.below(kinds as u32);
                let mut more = list.clone();
                more[kind as usize] += 1;
                known.push((counts.increment(root, kind), more));
            }
            for (root, list) in &known {
                let of = |kind: usize| counts.get(*root, kind as u32);
                assert!((0..kinds).all(|kind| of(kind) == list[kind]));
                for (other, longer) in &known {
                    let at_most = list.iter().zip(longer).all(|(fewer, more)| fewer <= more);
                    assert_eq!(counts.at_most(*root, *other), at_most);
                    assert_eq!(root == other, list == longer);
                }
            }
        }
    }

    #[test]
    fn growing_keeps_what_was_counted() {
        let mut counts = Counts::new(4);
        let root = counts.increment(Counts::NONE, 3);
        assert!(!counts.has_room(5));
        counts.grow();
        let raised = counts.raise(root);
        assert_eq!(counts.raise(Counts::NONE), Counts::NONE);
        let more = counts.increment(raised, 9);
        assert_eq!([3, 9, 2].map(|kind| counts.get(more, kind)), [1, 1, 0]);
    }
}
