//! What a leader knows about one follower's log.

use std::collections::VecDeque;

use super::types::LogIndex;

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Due,
    Awaited,
}

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
        }
    }

    /// Notes that the follower agrees up to `matched`.
    pub(super) fn accepted(&mut self, matched: LogIndex) {
        self.answered = true;
        self.matched = self.matched.max(matched);
        self.next = self.next.max(self.matched.next());
        self.phase = Phase::Stream;
        while self.in_flight.pop_front_if(|&mut last| last <= matched).is_some() {}
    }

    /// Notes that the follower lacks `prev`, and goes back to `retry`.
    ///
    /// A refusal that answers nothing under way any more is ignored: it must be
    /// about the entry before `next`, or in a stream about one not yet matched.
    pub(super) fn refused(&mut self, prev: LogIndex, retry: LogIndex) {
        let current = match self.phase {
            Phase::Probe(_) => prev.next() == self.next,
            Phase::Stream => prev > self.matched,
        };
        if current {
            self.answered = true;
            self.probe_from(retry.min(prev));
        }
    }

    /// Notes that a heartbeat interval has passed.
    pub(super) fn beat(&mut self) {
        let waiting = match self.phase {
            Phase::Probe(probe) => probe == Probe::Awaited,
            Phase::Stream => !self.in_flight.is_empty(),
        };
        self.overdue = waiting && !self.answered;
        self.answered = false;
    }

    /// Notes that the follower is reachable; appends that seem lost are sent
    /// again. While it is not, there is no point in repeating them.
    pub(super) fn reachable(&mut self) {
        if self.overdue {
            self.overdue = false;
            match self.phase {
                Phase::Probe(_) => self.phase = Phase::Probe(Probe::Due),
                Phase::Stream => self.probe_from(self.matched.next()),
            }
        }
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
}
