//! The log in memory, and how much of it is on disk.
//!
//! The entries up to the base are gone: a snapshot stands for them. The disk
//! follows behind in numbered writes; [`Log::written`] learns of their end.

use std::collections::VecDeque;

use super::message::Hint;
use super::types::{Entry, LogIndex, Payload, Position, Term};

/// A write that was handed out and has not been reported done.
struct Pending {
    number: u64,
    last: LogIndex,
}

pub(super) struct Log {
    /// The last entry that is gone; the default if none is.
    base: Position,
    /// Those after the base.
    entries: Vec<Entry>,
    /// Up to here, entries have been handed out to be written.
    handed_out: LogIndex,
    /// Up to here, entries are known to be on disk.
    stable: LogIndex,
    pending: VecDeque<Pending>,
}

impl Log {
    /// Takes over the log found on disk: consecutive entries from the one after
    /// `base`.
    pub(super) fn new(base: Position, entries: Vec<Entry>) -> Self {
        let last = LogIndex(base.index.0 + entries.len() as u64);
        Self { base, entries, handed_out: last, stable: last, pending: VecDeque::new() }
    }

    pub(super) fn last(&self) -> Position {
        self.entries.last().map_or(self.base, |entry| entry.position)
    }

    /// Returns the last entry that is gone, whose term is still known.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// Returns where the entry at `index` would be; the base is at no place.
    fn place(&self, index: LogIndex) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.index.0 + 1)?).ok()
    }

    /// Returns the number of entries held up to `index`, which is not before the base.
    fn count_to(&self, index: LogIndex) -> usize {
        index.0.saturating_sub(self.base.index.0) as usize
    }

    pub(super) fn stable(&self) -> LogIndex {
        self.stable
    }

    /// Returns the term at `index`, from the base on; the place before the first
    /// entry of all has term 0.
    pub(super) fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        Some(self.entries.get(self.place(index)?)?.position.term)
    }

    /// Returns the position at `index`, if the log holds it or it is the base.
    pub(super) fn position_at(&self, index: LogIndex) -> Option<Position> {
        self.term_at(index).map(|term| Position { term, index })
    }

    /// Appends an entry of `term` and returns its position.
    pub(super) fn push(&mut self, term: Term, payload: Payload) -> Position {
        let position = Position { term, index: self.last().index.next() };
        self.entries.push(Entry { position, payload });
        position
    }

    /// Appends an entry made elsewhere, which must continue the log.
    pub(super) fn extend(&mut self, entries: impl Iterator<Item = Entry>) {
        for entry in entries {
            assert_eq!(entry.position.index, self.last().index.next(), "the log has no gaps");
            self.entries.push(entry);
        }
    }

    /// Removes the entries from `index` on.
    ///
    /// Writes still under way no longer vouch for what is removed, even if an
    /// equal entry comes back later: the disk may meanwhile hold another.
    pub(super) fn truncate_from(&mut self, index: LogIndex) {
        let keep = index.previous();
        self.entries.truncate(self.count_to(keep));
        self.handed_out = self.handed_out.min(keep);
        self.stable = self.stable.min(keep);
        for pending in &mut self.pending {
            pending.last = pending.last.min(keep);
        }
    }

    /// Returns a copy of the entries from `first` to `last`, both included.
    pub(super) fn range(&self, first: LogIndex, last: LogIndex) -> Vec<Entry> {
        if first > last {
            return Vec::new();
        }
        self.entries[self.count_to(first.previous())..self.count_to(last)].to_vec()
    }

    /// Returns a copy of the entries from `first` on, at least one if there is
    /// one, and otherwise no more than `bytes_max` bytes of commands.
    pub(super) fn batch(&self, first: LogIndex, bytes_max: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let rest = &self.entries[self.count_to(first.previous())..];
        let count = rest
            .iter()
            .take_while(|entry| {
                // A no-op costs space too, so that no batch is endless.
                bytes += entry.payload.len_bytes() + 16;
                bytes <= bytes_max
            })
            .count();
        rest[..count.max(1).min(rest.len())].to_vec()
    }

    /// Says where a leader should look after a mismatch at `index`.
    pub(super) fn hint(&self, index: LogIndex) -> Hint {
        let Some(term) = self.term_at(index) else {
            return Hint::Short(self.last().index.next());
        };
        // Terms never fall along a log, so the first entry of one can be searched for.
        let before = self.entries.partition_point(|entry| entry.position.term < term);
        Hint::Conflict { term, first: LogIndex(self.base.index.0 + before as u64 + 1) }
    }

    /// Returns the last index whose term is `term` or an earlier one.
    pub(super) fn last_up_to_term(&self, term: Term) -> LogIndex {
        let held = self.entries.partition_point(|entry| entry.position.term <= term) as u64;
        LogIndex(self.base.index.0 + held)
    }

    /// Hands out the entries not yet handed out, as part of write `number`.
    pub(super) fn hand_out(&mut self, number: u64) -> Vec<Entry> {
        let last = self.last().index;
        let entries = self.range(self.handed_out.next(), last);
        if !entries.is_empty() {
            self.handed_out = last;
            self.pending.push_back(Pending { number, last });
        }
        entries
    }

    /// Learns that the writes up to `number` are done.
    pub(super) fn written(&mut self, number: u64) {
        while let Some(pending) = self.pending.pop_front_if(|pending| pending.number <= number) {
            self.stable = self.stable.max(pending.last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(terms: &[u64]) -> Log {
        let mut log = Log::new(Position::default(), Vec::new());
        for &term in terms {
            log.push(Term(term), Payload::Noop);
        }
        log
    }

    #[test]
    fn a_hint_names_the_first_entry_of_the_conflicting_term() {
        let log = log(&[1, 1, 2, 2, 2, 4]);
        assert_eq!(log.hint(LogIndex(5)), Hint::Conflict { term: Term(2), first: LogIndex(3) });
        assert_eq!(log.hint(LogIndex(9)), Hint::Short(LogIndex(7)));
        assert_eq!(log.last_up_to_term(Term(2)), LogIndex(5));
        assert_eq!(log.last_up_to_term(Term(3)), LogIndex(5));
    }

    #[test]
    fn a_write_does_not_vouch_for_an_entry_that_was_removed_and_came_back() {
        let mut log = log(&[1, 1]);
        log.hand_out(1);
        log.truncate_from(LogIndex(2));
        log.push(Term(3), Payload::Noop);
        log.hand_out(2);
        log.truncate_from(LogIndex(2));
        log.push(Term(1), Payload::Noop);
        log.hand_out(3);

        log.written(1);
        assert_eq!(log.stable(), LogIndex(1));
        log.written(3);
        assert_eq!(log.stable(), LogIndex(2));
    }

    #[test]
    fn a_batch_is_bounded_but_never_empty() {
        let mut log = Log::new(Position::default(), Vec::new());
        for _ in 0..4 {
            log.push(Term(1), Payload::Command(vec![0; 100]));
        }
        assert_eq!(log.batch(LogIndex(1), 250).len(), 2);
        assert_eq!(log.batch(LogIndex(4), 1).len(), 1);
        assert!(log.batch(LogIndex(5), 250).is_empty());
    }
}
