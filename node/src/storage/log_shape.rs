//! Which positions a log holds, without its entries.
//!
//! Terms change rarely along a log, so the first position of each term is
//! enough: a log of millions of entries takes a few dozen bytes.

use crate::raft::{LogIndex, Position, Term};

/// The positions of a log: consecutive, with terms that need not rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogShape {
    /// The position before the first.
    base: Position,
    last: LogIndex,
    /// The first position of each stretch of one term.
    stretches: Vec<Position>,
}

impl LogShape {
    /// Returns the shape of an empty log that continues after `base`.
    pub(super) fn empty_after(base: Position) -> Self {
        Self { base, last: base.index, stretches: Vec::new() }
    }

    pub(super) fn base(&self) -> Position {
        self.base
    }

    pub(super) fn last(&self) -> LogIndex {
        self.last
    }

    /// Returns what stands at `index`, the base included.
    pub(super) fn position_at(&self, index: LogIndex) -> Option<Position> {
        if index == self.base.index {
            return Some(self.base);
        }
        let held = self.base.index < index && index <= self.last;
        held.then(|| Position { term: self.term_of_held(index), index })
    }

    fn term_of_held(&self, index: LogIndex) -> Term {
        let after = self.stretches.partition_point(|first| first.index <= index);
        self.stretches[after - 1].term
    }

    /// Puts an entry in place of what stood at its index and after it.
    ///
    /// Returns `None`, and does nothing, if the entry does not continue what is held.
    pub(super) fn put(&mut self, position: Position) -> Option<()> {
        let Position { term, index } = position;
        if index <= self.base.index || index > self.last.next() {
            return None;
        }
        self.stretches.truncate(self.stretches.partition_point(|first| first.index < index));
        if self.stretches.last().is_none_or(|first| first.term != term) {
            self.stretches.push(position);
        }
        self.last = index;
        Some(())
    }

    /// Forgets what stands up to `base`, which is held.
    pub(super) fn forget_to(&mut self, base: Position) {
        let term = self.position_at(base.index.next()).map(|position| position.term);
        self.stretches.retain(|first| first.index > base.index.next());
        if let Some(term) = term {
            self.stretches.insert(0, Position { term, index: base.index.next() });
        }
        self.base = base;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The shape agrees with a plain vector of positions.
        #[test]
        fn a_shape_agrees_with_a_vector(steps in vec((0..4_u64, 1..4_u64, 0..20_u8), 1..60)) {
            let mut shape = LogShape::default();
            let mut model = vec![Position::default()];
            for (back, term, kind) in steps {
                let base = model[0].index.0;
                let last = base + model.len() as u64 - 1;
                let index = (last + 1).saturating_sub(back).max(base + 1);
                if kind == 0 {
                    model.drain(..(index - 1 - base) as usize);
                    shape.forget_to(model[0]);
                } else {
                    model.truncate((index - base) as usize);
                    let position = Position { term: Term(term), index: LogIndex(index) };
                    model.push(position);
                    prop_assert_eq!(shape.put(position), Some(()));
                }
                let last = model.last().unwrap().index;
                prop_assert_eq!(shape.last(), last);
                for index in 0..last.0 + 3 {
                    let held = model.iter().find(|position| position.index.0 == index);
                    prop_assert_eq!(shape.position_at(LogIndex(index)), held.copied());
                }
            }
        }
    }

    #[test]
    fn what_does_not_continue_the_log_is_not_put() {
        let at = |index| Position { term: Term(1), index: LogIndex(index) };
        let mut shape = LogShape::empty_after(at(4));
        assert_eq!([4, 6].map(|index| shape.put(at(index))), [None, None]);
        assert_eq!(shape, LogShape::empty_after(at(4)));
    }
}
