//! Operations that wait for their answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::answer::{Answer, WhyRefused, WhyUnknown};
use crate::machine::{Key, Machine, Outcome};
use crate::metrics::Metrics;
use crate::raft::{LogIndex, Position, ReadId, Term};

/// Somebody who waits for an answer.
pub(super) struct Waiting {
    pub(super) reply: oneshot::Sender<Answer>,
    pub(super) since: Instant,
    pub(super) deadline: Instant,
}

impl Waiting {
    pub(super) fn answer(self, answer: Answer) {
        // The client may have gone; then nobody needs the answer.
        let _ = self.reply.send(answer);
    }
}

pub(super) struct Pending {
    metrics: Arc<Metrics>,
    /// By index and term of the entry proposed.
    writes: BTreeMap<(LogIndex, Term), Waiting>,
    reads: HashMap<ReadId, (Key, Waiting)>,
    last_read: u64,
}

impl Pending {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, writes: BTreeMap::new(), reads: HashMap::new(), last_read: 0 }
    }

    /// Shows how many wait.
    pub(super) fn publish(&self) {
        self.metrics.writes_waiting.set(self.writes.len());
        self.metrics.reads_waiting.set(self.reads.len());
    }

    /// Returns a name no read has had.
    pub(super) fn next_read(&mut self) -> ReadId {
        self.last_read += 1;
        ReadId(self.last_read)
    }

    pub(super) fn await_read(&mut self, id: ReadId, key: Key, waiting: Waiting) {
        self.reads.insert(id, (key, waiting));
    }

    pub(super) fn await_commit(&mut self, position: Position, waiting: Waiting) {
        self.writes.insert((position.index, position.term), waiting);
    }

    /// Answers a read from the map, which has seen everything it has to.
    pub(super) fn answer_read(&mut self, id: ReadId, machine: &Machine) {
        if let Some((key, waiting)) = self.reads.remove(&id) {
            waiting.answer(match machine.get(&key) {
                Some(held) => Answer::Found(held.clone()),
                None => Answer::Missing,
            });
        }
    }

    pub(super) fn refuse_read(&mut self, id: ReadId) {
        if let Some((_, waiting)) = self.reads.remove(&id) {
            waiting.answer(Answer::Refused(WhyRefused::LeadLost));
        }
    }

    /// Answers whoever proposed the entry just applied, and those whose own
    /// entry can no longer be: another one stands in its place.
    pub(super) fn applied(&mut self, position: Position, outcome: Option<Outcome>) {
        let mut outcome = outcome;
        while let Some(first) = self.writes.first_entry() {
            let &(index, term) = first.key();
            if index > position.index {
                return;
            }
            let waiting = first.remove();
            let own = Position { term, index } == position;
            let answer = match outcome.take_if(|_| own) {
                Some(outcome) => {
                    self.metrics.commits.observe(waiting.since.elapsed());
                    Answer::Applied(outcome)
                }
                None => Answer::Refused(WhyRefused::Replaced),
            };
            waiting.answer(answer);
        }
    }

    /// Answers whoever proposed a write that a snapshot of the leader covers up to
    /// `last`: it holds what became of them, but not which of them were applied.
    pub(super) fn restored(&mut self, last: LogIndex) {
        for (_, waiting) in self.writes.extract_if(.., |(index, _), _| *index <= last) {
            waiting.answer(Answer::Unknown(WhyUnknown::Covered));
        }
    }

    /// Answers whoever proposed a write in a term before `term`, which has begun.
    ///
    /// The entry may be on other nodes and the next leader may commit it or not;
    /// nobody should wait to see, for that leader may be long in coming.
    pub(super) fn term_began(&mut self, term: Term) {
        for (_, waiting) in self.writes.extract_if(.., |(_, proposed), _| *proposed < term) {
            waiting.answer(Answer::Unknown(WhyUnknown::LeadLost));
        }
    }

    /// Answers those who have waited too long.
    pub(super) fn expire(&mut self, now: Instant) {
        let late = |waiting: &Waiting| waiting.deadline <= now;
        for (_, waiting) in self.writes.extract_if(.., |_, waiting| late(waiting)) {
            waiting.answer(Answer::Unknown(WhyUnknown::NotCommitted));
        }
        for (_, (_, waiting)) in self.reads.extract_if(|_, (_, waiting)| late(waiting)) {
            waiting.answer(Answer::Refused(WhyRefused::NotConfirmed));
        }
    }

    /// Answers everyone, because the node stops.
    pub(super) fn abandon(&mut self) {
        for (_, waiting) in std::mem::take(&mut self.writes) {
            waiting.answer(Answer::Unknown(WhyUnknown::ShutDown));
        }
        for (_, (_, waiting)) in self.reads.drain() {
            waiting.answer(Answer::Refused(WhyRefused::ShuttingDown));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(term: u64, index: u64) -> Position {
        Position { term: Term(term), index: LogIndex(index) }
    }

    fn waiting(patience: Duration) -> (Waiting, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        (Waiting { reply, since, deadline: since + patience }, answer)
    }

    fn propose(pending: &mut Pending, position: Position) -> oneshot::Receiver<Answer> {
        let (waiting, answer) = waiting(Duration::from_secs(1));
        pending.await_commit(position, waiting);
        answer
    }

    fn written(index: u64) -> Option<Outcome> {
        Some(Outcome::Written { revision: LogIndex(index), sum: None })
    }

    #[test]
    fn a_write_is_answered_by_its_own_entry_only() {
        let mut pending = Pending::new(Arc::default());
        let mut own = propose(&mut pending, at(2, 5));
        let mut replaced = propose(&mut pending, at(2, 6));
        let mut open = propose(&mut pending, at(2, 7));

        pending.applied(at(2, 5), written(5));
        assert_eq!(own.try_recv().ok(), written(5).map(Answer::Applied));
        pending.applied(at(3, 6), written(6));
        assert!(matches!(replaced.try_recv().unwrap(), Answer::Refused(_)));
        assert!(open.try_recv().is_err());
    }

    #[test]
    fn a_write_of_an_earlier_lead_does_not_take_the_answer_of_a_later_one() {
        let mut pending = Pending::new(Arc::default());
        let mut earlier = propose(&mut pending, at(2, 5));
        let mut later = propose(&mut pending, at(4, 5));
        pending.applied(at(4, 5), written(5));
        assert!(matches!(earlier.try_recv().unwrap(), Answer::Refused(_)));
        assert_eq!(later.try_recv().ok(), written(5).map(Answer::Applied));
    }

    #[test]
    fn a_write_that_a_snapshot_covers_may_have_been_applied() {
        let mut pending = Pending::new(Arc::default());
        let mut covered = propose(&mut pending, at(2, 5));
        let mut after = propose(&mut pending, at(2, 6));
        pending.restored(LogIndex(5));
        assert_eq!(covered.try_recv().unwrap(), Answer::Unknown(WhyUnknown::Covered));
        assert!(after.try_recv().is_err());
    }

    #[test]
    fn a_new_term_leaves_only_its_own_writes_waiting() {
        let mut pending = Pending::new(Arc::default());
        let mut earlier = propose(&mut pending, at(2, 6));
        let mut own = propose(&mut pending, at(4, 5));
        pending.term_began(Term(4));
        assert!(matches!(earlier.try_recv().unwrap(), Answer::Unknown(_)));
        assert!(own.try_recv().is_err());
    }

    #[test]
    fn a_late_write_is_unknown_and_a_late_read_had_no_effect() {
        let mut pending = Pending::new(Arc::default());
        let (write_waits, mut write) = waiting(Duration::ZERO);
        pending.await_commit(at(1, 1), write_waits);
        let (read_waits, mut read) = waiting(Duration::ZERO);
        let id = pending.next_read();
        pending.await_read(id, "k".parse().unwrap(), read_waits);
        pending.expire(Instant::now());
        assert!(matches!(write.try_recv().unwrap(), Answer::Unknown(_)));
        assert!(matches!(read.try_recv().unwrap(), Answer::Refused(_)));
    }
}
