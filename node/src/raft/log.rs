//! The log in memory, and how much of it is on disk.
//!
//! The entries up to the base are gone: a snapshot stands for them. The disk
//! follows behind in numbered writes; [`Log::written`] learns of their end.

use std::collections::VecDeque;

use super::message::Hint;
use super::ready::Suffix;
use super::types::{Entry, LogIndex, Payload, Position, Term};

/// What an entry costs besides its command, in bytes, so that no number of empty
/// ones is free.
const ENTRY_BYTES: usize = 16;

/// A write that was handed out and has not been reported done.
struct Pending {
    number: u64,
    last: LogIndex,
}

/// How much goes into one append.
#[derive(Clone, Copy)]
pub(super) struct BatchLimit {
    pub(super) bytes: usize,
    pub(super) entries: usize,
}

/// Returns what an entry costs in messages and in memory, in bytes.
pub(super) fn entry_bytes(entry: &Entry) -> usize {
    entry.payload.len_bytes() + ENTRY_BYTES
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

    /// Returns how far the log is known to be on disk.
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

    /// Appends entries made elsewhere, which must continue the log.
    pub(super) fn extend(&mut self, entries: impl Iterator<Item = Entry>) {
        for entry in entries {
            assert_eq!(entry.position.index, self.last().index.next(), "the log has no gaps");
            self.entries.push(entry);
        }
    }

    /// Removes the entries from `index` on, which is after the base.
    ///
    /// Writes still under way no longer vouch for what is removed, even if an
    /// equal entry comes back later: the disk may meanwhile hold another.
    pub(super) fn truncate_from(&mut self, index: LogIndex) {
        let keep = index.previous();
        self.entries.truncate(self.count_to(keep));
        self.distrust_after(keep);
    }

    /// No longer takes anything after `keep` for written or handed out.
    fn distrust_after(&mut self, keep: LogIndex) {
        self.handed_out = self.handed_out.min(keep);
        self.stable = self.stable.min(keep);
        for pending in &mut self.pending {
            pending.last = pending.last.min(keep);
        }
    }

    /// Drops the entries up to `index`, which becomes the base.
    ///
    /// Never more than was handed out to be written: the disk takes entries
    /// without gaps only. Costs as much as there are entries left.
    pub(super) fn compact(&mut self, index: LogIndex) {
        let index = index.min(self.handed_out);
        let Some(base) = self.position_at(index).filter(|base| base.index > self.base.index) else {
            return;
        };
        self.entries.drain(..self.count_to(index));
        // The room of a long log is given back, but not that of the usual ups and downs.
        if self.entries.capacity() / 4 > self.entries.len() {
            self.entries.shrink_to(2 * self.entries.len());
        }
        self.base = base;
    }

    /// Lets a snapshot stand for everything up to `base`.
    ///
    /// Entries after `base` stay if the log holds that very entry and `suffix`
    /// says so. Returns what the disk has to do with those it holds; nothing up to
    /// `base` counts as written before the write that brings the snapshot is done,
    /// unless it was written as entries.
    pub(super) fn restore(&mut self, base: Position, suffix: Suffix) -> Suffix {
        let on_disk = match suffix {
            Suffix::Keep if self.term_at(base.index) == Some(base.term) => {
                self.entries.drain(..self.count_to(base.index));
                // An entry that was never handed out is not in the log on disk either.
                if self.handed_out < base.index { Suffix::Discard } else { Suffix::Keep }
            }
            Suffix::Keep | Suffix::Discard => {
                self.entries.clear();
                Suffix::Discard
            }
        };
        self.base = base;
        if on_disk == Suffix::Discard {
            self.distrust_after(base.index.previous());
            self.handed_out = base.index;
        }
        on_disk
    }

    /// Notes that write `number` brings the snapshot that stands for the base.
    pub(super) fn hand_out_base(&mut self, number: u64) {
        self.pending.push_back(Pending { number, last: self.base.index });
    }

    /// Returns a copy of the entries from `first` to `last`, both included, as far
    /// as the log holds them.
    pub(super) fn range(&self, first: LogIndex, last: LogIndex) -> Vec<Entry> {
        self.slice(first, last).to_vec()
    }

    /// Returns what the entries from `first` to `last` cost, both included, in bytes.
    pub(super) fn bytes(&self, first: LogIndex, last: LogIndex) -> usize {
        self.slice(first, last).iter().map(entry_bytes).sum()
    }

    fn slice(&self, first: LogIndex, last: LogIndex) -> &[Entry] {
        let end = self.count_to(last).min(self.entries.len());
        let start = self.count_to(first.previous()).min(end);
        &self.entries[start..end]
    }

    /// Returns a copy of the entries from `first` to at most `last`: at least one
    /// if there is one, and otherwise no more than `limit` allows.
    pub(super) fn batch(&self, first: LogIndex, last: LogIndex, limit: BatchLimit) -> Vec<Entry> {
        let mut bytes = 0;
        let rest = self.slice(first, last);
        let count = rest
            .iter()
            .take(limit.entries)
            .take_while(|entry| {
                bytes += entry_bytes(entry);
                bytes <= limit.bytes
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

    /// Returns how many entries have not been handed out yet.
    pub(super) fn not_handed_out(&self) -> u64 {
        self.last().index.0 - self.handed_out.0
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
        let batch = |first, last, bytes, entries| {
            let limit = BatchLimit { bytes, entries };
            log.batch(LogIndex(first), LogIndex(last), limit).len()
        };
        assert_eq!(batch(1, 4, 250, 9), 2);
        assert_eq!(batch(1, 4, 1_000, 3), 3);
        assert_eq!(batch(1, 2, 1_000, 9), 2);
        assert_eq!(batch(4, 4, 1, 9), 1);
        assert_eq!(batch(5, 4, 250, 9), 0);
    }

    #[test]
    fn compaction_keeps_the_last_term_and_what_was_not_handed_out() {
        let mut log = log(&[1, 1, 2, 3]);
        log.compact(LogIndex(3));
        assert_eq!(log.base(), Position::default(), "nothing is handed out yet");
        log.hand_out(1);
        log.compact(LogIndex(3));
        assert_eq!(log.term_at(LogIndex(2)), None);
        assert_eq!(log.term_at(LogIndex(3)), Some(Term(2)));
        assert_eq!(log.range(LogIndex(1), LogIndex(9)).len(), 1);
        assert_eq!(log.last().index, LogIndex(4));
        assert_eq!(log.hint(LogIndex(4)), Hint::Conflict { term: Term(3), first: LogIndex(4) });
        assert_eq!(log.last_up_to_term(Term(2)), LogIndex(3));
        log.compact(LogIndex(2));
        assert_eq!(log.base().index, LogIndex(3), "what is gone stays gone");
    }

    #[test]
    fn a_snapshot_keeps_what_follows_its_last_entry_and_nothing_else() {
        let at = |index, term| Position { term: Term(term), index: LogIndex(index) };
        let restored = |base, suffix| {
            let mut log = log(&[1, 1, 2, 2]);
            log.hand_out(1);
            log.written(1);
            let on_disk = log.restore(base, suffix);
            (on_disk, log.last(), log.stable())
        };
        let kept = (Suffix::Keep, at(4, 2), LogIndex(4));
        assert_eq!(restored(at(3, 2), Suffix::Keep), kept);
        let other = (Suffix::Discard, at(3, 3), LogIndex(2));
        assert_eq!(restored(at(3, 3), Suffix::Keep), other);
        let beyond = (Suffix::Discard, at(9, 2), LogIndex(4));
        assert_eq!(restored(at(9, 2), Suffix::Keep), beyond);
        let forced = (Suffix::Discard, at(3, 2), LogIndex(2));
        assert_eq!(restored(at(3, 2), Suffix::Discard), forced);
    }

    #[test]
    fn a_snapshot_counts_as_written_with_its_write_and_not_with_those_before() {
        let mut log = log(&[1, 1, 1]);
        log.hand_out(1);
        log.restore(Position { term: Term(2), index: LogIndex(3) }, Suffix::Keep);
        log.hand_out_base(2);
        log.written(1);
        assert_eq!(log.stable(), LogIndex(2));
        log.written(2);
        assert_eq!(log.stable(), LogIndex(3));
    }

    #[test]
    fn entries_kept_in_memory_are_written_behind_a_snapshot_that_overtook_them() {
        let mut log = log(&[1, 1, 1]);
        let base = Position { term: Term(1), index: LogIndex(2) };
        assert_eq!(log.restore(base, Suffix::Keep), Suffix::Discard, "the disk has none");
        log.hand_out_base(1);
        let indices: Vec<_> = log.hand_out(1).iter().map(|entry| entry.position.index.0).collect();
        assert_eq!(indices, [3]);
    }
}
