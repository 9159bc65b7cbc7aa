//! What a leader knows about one follower's log.

use std::collections::VecDeque;

use super::types::{LogIndex, Position};

/// Appends under way to one follower at a time.
const IN_FLIGHT_MAX: usize = 4;

/// Entries that are worth another append while one is under way. Fewer wait for
/// its answer and then go together, as in Nagle's algorithm: on a busy leader
/// that saves a quarter of the processor time of a write.
const IN_FLIGHT_ENTRIES_MIN: u64 = 128;

/// How entries are sent to the follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is not known where the logs agree: one append at a time.
    Probe(Probe),
    /// The logs agree up to `next`: appends follow each other without waiting.
    Stream,
    /// It needs entries that are gone: it gets a snapshot, a piece at a time.
    Snapshot(Transfer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Due,
    Awaited,
}

/// A snapshot on its way.
///
/// One piece at a time: pieces are long, so that little is won by more, and the
/// appends to others on the same line come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Transfer {
    /// The snapshot's last entry.
    last: Position,
    /// How many bytes of it the follower holds; the next piece begins there.
    received: u64,
    piece: Probe,
    /// Beats to wait for the answer to a piece. Doubled with each piece sent
    /// again, for a line may need longer than a beat to carry one.
    patience_beats: u32,
    /// Beats that went by without an answer.
    silent_beats: u32,
}

/// The longest wait before a piece of a snapshot is sent again, in beats.
const PATIENCE_BEATS_MAX: u32 = 64;

pub(super) struct Progress {
    /// Up to here the follower's disk is known to agree with the leader's log.
    matched: LogIndex,
    /// The first entry to send next.
    next: LogIndex,
    phase: Phase,
    /// The last index of each append under way, oldest first.
    in_flight: VecDeque<LogIndex>,
    /// Whether an append has been answered since the last beat.
    answered: bool,
    /// Whether appends seem lost: a whole beat went by without an answer.
    overdue: bool,
}

impl Progress {
    /// Starts with the guess that the follower has everything before `next`.
    pub(super) fn new(next: LogIndex) -> Self {
        Self {
            matched: LogIndex::ZERO,
            next,
            phase: Phase::Probe(Probe::Due),
            in_flight: VecDeque::new(),
            answered: false,
            overdue: false,
        }
    }

    pub(super) fn matched(&self) -> LogIndex {
        self.matched
    }

    pub(super) fn next(&self) -> LogIndex {
        self.next
    }

    /// Returns whether an append is due, given the leader's last index.
    pub(super) fn wants_append(&self, last: LogIndex) -> bool {
        self.next <= last
            && match self.phase {
                Phase::Probe(probe) => probe == Probe::Due,
                Phase::Stream => {
                    let waiting = last.0 - self.next.previous().0;
                    self.in_flight.is_empty()
                        || waiting >= IN_FLIGHT_ENTRIES_MIN && self.in_flight.len() < IN_FLIGHT_MAX
                }
                Phase::Snapshot(_) => false,
            }
    }

    /// Notes that an append ending at `last` is on its way.
    pub(super) fn sent(&mut self, last: LogIndex) {
        match self.phase {
            Phase::Probe(_) => self.phase = Phase::Probe(Probe::Awaited),
            Phase::Stream => {
                self.next = last.next();
                self.in_flight.push_back(last);
            }
            Phase::Snapshot(_) => {}
        }
    }

    /// Decides between entries and a snapshot, given the last entry that is gone and
    /// the newest snapshot's last.
    pub(super) fn choose_phase(&mut self, base: LogIndex, snapshot: Position) {
        let needs_snapshot = self.next.previous() < base;
        match self.phase {
            Phase::Snapshot(transfer) if needs_snapshot && transfer.last == snapshot => {}
            _ if needs_snapshot => {
                self.in_flight.clear();
                self.phase = Phase::Snapshot(Transfer {
                    last: snapshot,
                    received: 0,
                    piece: Probe::Due,
                    patience_beats: 1,
                    silent_beats: 0,
                });
            }
            Phase::Snapshot(_) => self.probe_from(self.next),
            Phase::Probe(_) | Phase::Stream => {}
        }
    }

    /// Returns where the piece of the snapshot begins that is to be sent now, and
    /// takes it for sent.
    pub(super) fn take_due_piece(&mut self) -> Option<u64> {
        match &mut self.phase {
            Phase::Snapshot(transfer) if transfer.piece == Probe::Due => {
                transfer.piece = Probe::Awaited;
                Some(transfer.received)
            }
            _ => None,
        }
    }

    /// Returns whether the answer to this piece of a snapshot is awaited.
    pub(super) fn awaits_piece(&self, last: Position, offset: u64) -> bool {
        matches!(self.phase, Phase::Snapshot(transfer)
            if (transfer.last, transfer.received) == (last, offset))
    }

    /// Returns whether a snapshot is on its way and the follower answers.
    pub(super) fn takes_snapshot(&self) -> bool {
        matches!(self.phase, Phase::Snapshot(transfer)
            if transfer.silent_beats <= transfer.patience_beats)
    }

    /// Notes how much of a snapshot the follower holds.
    ///
    /// Less than before means that it restarted, or an answer came late; in either
    /// case it says where it is when the next piece does not fit. No progress is no
    /// reason to send: that would double the pieces with each answer doubled.
    pub(super) fn received(&mut self, last: Position, received: u64) {
        if let Phase::Snapshot(transfer) = &mut self.phase
            && transfer.last == last
            && transfer.received != received
        {
            self.overdue = false;
            *transfer = Transfer {
                received,
                piece: Probe::Due,
                patience_beats: 1,
                silent_beats: 0,
                ..*transfer
            };
        }
    }

    /// Notes that the follower agrees up to `matched`.
    pub(super) fn accepted(&mut self, matched: LogIndex) {
        self.heard();
        self.matched = self.matched.max(matched);
        self.next = self.next.max(self.matched.next());
        match self.phase {
            // An answer to an earlier append says nothing about the snapshot.
            Phase::Snapshot(transfer) if self.matched < transfer.last.index => {}
            _ => self.phase = Phase::Stream,
        }
        while self.in_flight.pop_front_if(|&mut last| last <= matched).is_some() {}
    }

    /// Notes that the follower lacks `prev`, and goes back to `retry`.
    ///
    /// A refusal that answers nothing under way any more is ignored: it must be
    /// about the entry before `next`, or in a stream about one not yet matched. One
    /// that leaves nowhere to go back to contradicts an earlier answer; the append
    /// is repeated no sooner than one that was lost.
    pub(super) fn refused(&mut self, prev: LogIndex, retry: LogIndex) {
        let current = match self.phase {
            Phase::Probe(_) => prev.next() == self.next && prev > self.matched,
            Phase::Stream => prev > self.matched,
            Phase::Snapshot(_) => false,
        };
        if current {
            self.heard();
            self.probe_from(retry.min(prev));
        }
    }

    /// Notes that a heartbeat interval has passed.
    pub(super) fn beat(&mut self) {
        let waiting = match &mut self.phase {
            Phase::Probe(probe) => *probe == Probe::Awaited,
            Phase::Stream => !self.in_flight.is_empty(),
            Phase::Snapshot(transfer) => {
                transfer.silent_beats += u32::from(transfer.piece == Probe::Awaited);
                transfer.silent_beats > transfer.patience_beats
            }
        };
        self.overdue = waiting && !self.answered;
        self.answered = false;
    }

    /// Notes that the follower is reachable; what seems lost is sent again. While it
    /// is not, there is no point in repeating anything. Returns whether something did.
    pub(super) fn reachable(&mut self) -> bool {
        let lost = std::mem::take(&mut self.overdue);
        if lost {
            match &mut self.phase {
                Phase::Probe(probe) => *probe = Probe::Due,
                Phase::Stream => self.probe_from(self.matched.next()),
                Phase::Snapshot(transfer) => {
                    transfer.piece = Probe::Due;
                    transfer.silent_beats = 0;
                    transfer.patience_beats = PATIENCE_BEATS_MAX.min(2 * transfer.patience_beats);
                }
            }
        }
        lost
    }

    /// Tries whether the follower agrees up to before `next`, if it takes entries.
    pub(super) fn probe_at(&mut self, next: LogIndex) {
        if !matches!(self.phase, Phase::Snapshot(_)) {
            self.probe_from(next);
        }
    }

    /// Notes an answer: what is under way does not seem lost.
    fn heard(&mut self) {
        self.answered = true;
        self.overdue = false;
    }

    fn probe_from(&mut self, next: LogIndex) {
        self.next = next.max(self.matched.next());
        self.phase = Phase::Probe(Probe::Due);
        self.in_flight.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::Term;

    fn streaming(matched: u64) -> Progress {
        let mut progress = Progress::new(LogIndex(matched + 1));
        progress.accepted(LogIndex(matched));
        progress
    }

    #[test]
    fn a_probe_waits_for_its_answer() {
        let mut progress = Progress::new(LogIndex(5));
        assert!(progress.wants_append(LogIndex(5)));
        progress.sent(LogIndex(5));
        assert!(!progress.wants_append(LogIndex(9)));
        progress.refused(LogIndex(4), LogIndex(2));
        assert!(progress.wants_append(LogIndex(9)));
        assert_eq!(progress.next(), LogIndex(2));
    }

    #[test]
    fn a_late_refusal_does_not_move_back_what_is_matched() {
        let mut progress = streaming(7);
        progress.refused(LogIndex(4), LogIndex(1));
        assert_eq!(progress.next(), LogIndex(8));
    }

    #[test]
    fn a_lost_append_is_repeated_once_the_follower_answers_a_heartbeat() {
        let mut progress = streaming(3);
        progress.sent(LogIndex(6));
        progress.beat();
        progress.beat();
        assert!(!progress.wants_append(LogIndex(6)));
        progress.reachable();
        assert!(progress.wants_append(LogIndex(6)));
        assert_eq!(progress.next(), LogIndex(4));
    }

    #[test]
    fn a_stream_sends_what_has_gathered_and_pipelines_only_what_is_much() {
        let mut progress = streaming(0);
        progress.sent(LogIndex(1));
        assert!(!progress.wants_append(LogIndex(IN_FLIGHT_ENTRIES_MIN)));
        assert!(progress.wants_append(LogIndex(1 + IN_FLIGHT_ENTRIES_MIN)));
        progress.accepted(LogIndex(1));
        assert!(progress.wants_append(LogIndex(2)));
    }

    #[test]
    fn a_stream_is_bounded() {
        let mut progress = streaming(0);
        for last in 1..=IN_FLIGHT_MAX as u64 {
            assert!(progress.wants_append(LogIndex(1_000)));
            progress.sent(LogIndex(last));
        }
        assert!(!progress.wants_append(LogIndex(1_000)));
        progress.accepted(LogIndex(1));
        assert!(progress.wants_append(LogIndex(1_000)));
    }

    fn position(index: u64) -> Position {
        Position { term: Term(1), index: LogIndex(index) }
    }

    /// Lacks entries up to 10, for which a snapshot up to 12 stands.
    fn behind() -> Progress {
        let mut progress = Progress::new(LogIndex(5));
        progress.choose_phase(LogIndex(10), position(12));
        progress
    }

    #[test]
    fn one_piece_at_a_time_from_where_the_follower_is() {
        let mut progress = behind();
        assert!(!progress.wants_append(LogIndex(20)));
        assert_eq!(progress.take_due_piece(), Some(0));
        assert_eq!(progress.take_due_piece(), None);
        progress.received(position(11), 64);
        assert_eq!(progress.take_due_piece(), None, "that is about another snapshot");
        progress.received(position(12), 64);
        assert_eq!(progress.take_due_piece(), Some(64));
        progress.received(position(12), 64);
        assert_eq!(progress.take_due_piece(), None, "an answer that came twice");
        progress.received(position(12), 0);
        assert_eq!(progress.take_due_piece(), Some(0), "the follower began anew");
    }

    #[test]
    fn a_snapshot_ends_with_its_last_entry_and_not_with_an_older_answer() {
        let mut progress = behind();
        progress.accepted(LogIndex(7));
        progress.refused(LogIndex(9), LogIndex(3));
        progress.choose_phase(LogIndex(10), position(12));
        assert!(!progress.wants_append(LogIndex(20)));
        progress.accepted(LogIndex(12));
        assert!(progress.wants_append(LogIndex(20)));
        assert_eq!(progress.next(), LogIndex(13));
    }

    #[test]
    fn a_follower_that_has_caught_up_otherwise_gets_entries() {
        let mut progress = behind();
        progress.accepted(LogIndex(10));
        progress.choose_phase(LogIndex(10), position(12));
        assert_eq!(progress.take_due_piece(), None);
        assert!(progress.wants_append(LogIndex(20)));
        assert_eq!(progress.next(), LogIndex(11));
    }

    #[test]
    fn a_newer_snapshot_is_sent_from_its_beginning() {
        let mut progress = behind();
        progress.take_due_piece();
        progress.received(position(12), 64);
        progress.choose_phase(LogIndex(14), position(15));
        assert_eq!(progress.take_due_piece(), Some(0));
        assert!(progress.awaits_piece(position(15), 0));
        assert!(!progress.awaits_piece(position(12), 64));
    }

    #[test]
    fn a_refusal_of_what_is_matched_does_not_set_off_another_append() {
        let mut progress = streaming(7);
        progress.sent(LogIndex(9));
        progress.refused(LogIndex(8), LogIndex(5));
        assert!(progress.wants_append(LogIndex(9)));
        progress.sent(LogIndex(9));
        progress.refused(LogIndex(7), LogIndex(5));
        assert!(!progress.wants_append(LogIndex(9)));
    }
}
