//! What clients may try again without harm.
//!
//! A client that gets no answer cannot know whether its write was applied. With a
//! session it numbers its writes and tries one again under the same number; the
//! machine applies it once and answers later attempts with the outcome of the
//! first. Sessions are part of the replicated state, so that every later leader
//! knows them, and of the snapshot, so that every restart does.
//!
//! Both tables are bounded. A session that was unused for longest makes room for
//! a new one, in the order of the log and so on all nodes alike; a session that
//! never says which outcomes it has received is refused more writes.
//! Source: Ongaro 2014, 6.3.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::{Sequence, SessionId, Stamp};
use super::digest::Mixer;
use super::outcome::{Outcome, Refusal};
use crate::raft::LogIndex;

/// The most sessions at a time.
pub const SESSIONS_MAX: usize = 4_096;

/// The most outcomes kept for a session.
pub const SESSION_OUTCOMES_MAX: usize = 1_024;

/// Outcomes are kept for a session up to this many bytes; the last one may exceed it.
pub const SESSION_OUTCOMES_BYTES_MAX: usize = 1 << 20;

/// Keep the digests of sessions and outcomes apart from each other's and from those of keys.
const DIGEST_KIND_SESSION: u64 = 2;
const DIGEST_KIND_OUTCOME: u64 = 3;

/// One client's writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    /// The entry that last spoke for the session.
    last_use: LogIndex,
    /// Outcomes of writes before this one are forgotten.
    lowest: Sequence,
    outcomes: BTreeMap<Sequence, Outcome>,
    /// The sum of what the outcomes take.
    outcomes_bytes: usize,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Shared with snapshots under way until they change.
    by_id: BTreeMap<SessionId, Arc<Session>>,
    /// In the order in which they were last used; an entry uses one at most.
    by_use: BTreeMap<LogIndex, SessionId>,
    digest: u64,
}

/// Whether a stamped command is to be applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is tried for the first time.
    First,
    /// It was applied before, with this outcome.
    Repeated(Outcome),
    /// It is not, and this is its outcome.
    Barred(Outcome),
}

impl Sessions {
    /// Begins a session with the entry at `index`, at the cost of the one unused
    /// for longest if there are too many.
    pub(super) fn register(&mut self, index: LogIndex) -> SessionId {
        if self.by_id.len() >= SESSIONS_MAX
            && let Some((_, unused)) = self.by_use.pop_first()
            && let Some(session) = self.by_id.remove(&unused)
        {
            self.digest = self.digest.wrapping_sub(session.digest(unused));
        }
        let id = SessionId(index.0);
        let session = Session {
            last_use: index,
            lowest: Sequence(0),
            outcomes: BTreeMap::new(),
            outcomes_bytes: 0,
        };
        self.put(id, session);
        id
    }

    /// Decides on the stamped command of the entry at `index`.
    pub(super) fn admit(&mut self, index: LogIndex, stamp: Stamp) -> Admission {
        let Some(shared) = self.by_id.get_mut(&stamp.session) else {
            return Admission::Barred(Outcome::SessionUnknown);
        };
        let session = Arc::make_mut(shared);
        let before = session.head_digest(stamp.session);
        self.by_use.remove(&session.last_use);
        self.by_use.insert(index, stamp.session);
        session.last_use = index;
        // A stamp that calls itself forgotten is answered as what it says it waits for.
        let lowest = session.lowest.max(stamp.lowest_outstanding.min(stamp.sequence));
        session.lowest = lowest;
        let kept = session.outcomes.split_off(&lowest);
        for (sequence, outcome) in std::mem::replace(&mut session.outcomes, kept) {
            session.outcomes_bytes -= outcome.len_bytes();
            let digest = outcome_digest(stamp.session, sequence, &outcome);
            self.digest = self.digest.wrapping_sub(digest);
        }
        let after = session.head_digest(stamp.session);
        self.digest = self.digest.wrapping_sub(before).wrapping_add(after);
        if let Some(outcome) = session.outcomes.get(&stamp.sequence) {
            return Admission::Repeated(outcome.clone());
        }
        if stamp.sequence < lowest {
            return Admission::Barred(Outcome::OutcomeForgotten);
        }
        if session.outcomes.len() >= SESSION_OUTCOMES_MAX
            || session.outcomes_bytes >= SESSION_OUTCOMES_BYTES_MAX
        {
            return Admission::Barred(Outcome::Refused(Refusal::SessionFull));
        }
        Admission::First
    }

    /// Keeps the outcome of a command just admitted.
    pub(super) fn record(&mut self, stamp: Stamp, outcome: Outcome) {
        let Some(shared) = self.by_id.get_mut(&stamp.session) else { return };
        let session = Arc::make_mut(shared);
        session.outcomes_bytes += outcome.len_bytes();
        let digest = |outcome: &_| outcome_digest(stamp.session, stamp.sequence, outcome);
        self.digest = self.digest.wrapping_add(digest(&outcome));
        // Only a planted bug applies a command that has an outcome.
        if let Some(before) = session.outcomes.insert(stamp.sequence, outcome) {
            session.outcomes_bytes -= before.len_bytes();
            self.digest = self.digest.wrapping_sub(digest(&before));
        }
    }

    /// Forgets all outcomes, as no correct machine does.
    pub(super) fn forget_outcomes(&mut self) {
        let ids: Vec<_> = self.by_id.keys().copied().collect();
        for id in ids {
            if let Some(shared) = self.by_id.get(&id) {
                let mut session = Session::clone(shared);
                self.digest = self.digest.wrapping_sub(shared.digest(id));
                session.outcomes.clear();
                session.outcomes_bytes = 0;
                self.put(id, session);
            }
        }
    }

    /// Returns how many sessions there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns a number that is the same for equal sessions, and hardly for others.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// Returns the sessions as they are now, shared until they change.
    pub(super) fn share(&self) -> BTreeMap<SessionId, Arc<Session>> {
        self.by_id.clone()
    }

    /// Adds a session that is not there, or replaces one whose digest is subtracted.
    pub(super) fn put(&mut self, id: SessionId, session: Session) {
        self.digest = self.digest.wrapping_add(session.digest(id));
        self.by_use.insert(session.last_use, id);
        self.by_id.insert(id, Arc::new(session));
    }
}

impl Session {
    fn digest(&self, id: SessionId) -> u64 {
        let outcomes = self.outcomes.iter();
        outcomes
            .map(|(&sequence, outcome)| outcome_digest(id, sequence, outcome))
            .fold(self.head_digest(id), u64::wrapping_add)
    }

    /// Returns the digest of the session without its outcomes.
    fn head_digest(&self, id: SessionId) -> u64 {
        Mixer::new(DIGEST_KIND_SESSION)
            .number(id.0)
            .number(self.last_use.0)
            .number(self.lowest.0)
            .finish()
    }
}

fn outcome_digest(id: SessionId, sequence: Sequence, outcome: &Outcome) -> u64 {
    let bytes = postcard::to_stdvec(outcome).expect("writing plain data to memory does not fail");
    Mixer::new(DIGEST_KIND_OUTCOME).number(id.0).number(sequence.0).bytes(&bytes).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Json;

    fn stamp(session: SessionId, sequence: u64, lowest: u64) -> Stamp {
        let (sequence, lowest_outstanding) = (Sequence(sequence), Sequence(lowest));
        Stamp { session, sequence, lowest_outstanding }
    }

    fn outcome(revision: u64) -> Outcome {
        Outcome::Written { revision: LogIndex(revision), sum: None }
    }

    /// Admits a stamp for the first time and records an outcome.
    fn apply(sessions: &mut Sessions, index: u64, stamp: Stamp) {
        assert_eq!(sessions.admit(LogIndex(index), stamp), Admission::First);
        sessions.record(stamp, outcome(index));
    }

    #[test]
    fn a_write_is_admitted_once_until_its_outcome_is_received() {
        let mut sessions = Sessions::default();
        let id = sessions.register(LogIndex(1));
        apply(&mut sessions, 2, stamp(id, 5, 5));
        apply(&mut sessions, 3, stamp(id, 6, 5));
        let again = sessions.admit(LogIndex(4), stamp(id, 5, 5));
        assert_eq!(again, Admission::Repeated(outcome(2)));
        // The client has the outcome of 5, and a copy of its write comes late.
        apply(&mut sessions, 5, stamp(id, 7, 6));
        let late = sessions.admit(LogIndex(6), stamp(id, 5, 5));
        assert_eq!(late, Admission::Barred(Outcome::OutcomeForgotten));
        let again = sessions.admit(LogIndex(7), stamp(id, 6, 6));
        assert_eq!(again, Admission::Repeated(outcome(3)));
    }

    #[test]
    fn an_unknown_session_is_told_so() {
        let mut sessions = Sessions::default();
        let id = sessions.register(LogIndex(1));
        let stranger = SessionId(id.0 + 1);
        let barred = Admission::Barred(Outcome::SessionUnknown);
        assert_eq!(sessions.admit(LogIndex(2), stamp(stranger, 1, 1)), barred);
    }

    #[test]
    fn the_session_unused_for_longest_makes_room() {
        let mut sessions = Sessions::default();
        let first = sessions.register(LogIndex(1));
        let second = sessions.register(LogIndex(2));
        for index in 3..=SESSIONS_MAX as u64 {
            sessions.register(LogIndex(index));
        }
        apply(&mut sessions, 10_000, stamp(first, 1, 1));
        sessions.register(LogIndex(10_001));
        assert_eq!((sessions.len(), sessions.by_use.len()), (SESSIONS_MAX, SESSIONS_MAX));
        let barred = Admission::Barred(Outcome::SessionUnknown);
        assert_eq!(sessions.admit(LogIndex(10_002), stamp(second, 1, 1)), barred);
        let again = sessions.admit(LogIndex(10_003), stamp(first, 1, 1));
        assert_eq!(again, Admission::Repeated(outcome(10_000)));
    }

    #[test]
    fn a_session_that_receives_nothing_is_refused_more() {
        let mut sessions = Sessions::default();
        let id = sessions.register(LogIndex(1));
        let count = SESSION_OUTCOMES_MAX as u64;
        for sequence in 1..=count {
            apply(&mut sessions, 1 + sequence, stamp(id, sequence, 1));
        }
        let full = Admission::Barred(Outcome::Refused(Refusal::SessionFull));
        assert_eq!(sessions.admit(LogIndex(5_000), stamp(id, count + 1, 1)), full);
        let again = sessions.admit(LogIndex(5_001), stamp(id, 1, 1));
        assert_eq!(again, Admission::Repeated(outcome(2)));
        apply(&mut sessions, 5_002, stamp(id, count + 1, 2));

        let long = Outcome::Mismatch {
            actual: (&serde_json::json!("x".repeat(SESSION_OUTCOMES_BYTES_MAX))).into(),
            revision: None,
        };
        let id = sessions.register(LogIndex(6_000));
        assert_eq!(sessions.admit(LogIndex(6_001), stamp(id, 1, 1)), Admission::First);
        sessions.record(stamp(id, 1, 1), long);
        assert_eq!(sessions.admit(LogIndex(6_002), stamp(id, 2, 1)), full);
        apply(&mut sessions, 6_003, stamp(id, 2, 2));
    }

    #[test]
    fn the_digest_goes_by_what_is_known() {
        let mut sessions = Sessions::default();
        let id = sessions.register(LogIndex(1));
        let mut seen = vec![sessions.digest()];
        apply(&mut sessions, 2, stamp(id, 1, 1));
        seen.push(sessions.digest());
        sessions.admit(LogIndex(3), stamp(id, 1, 1));
        seen.push(sessions.digest());
        sessions
            .record(stamp(id, 2, 1), Outcome::Mismatch { actual: Json::null(), revision: None });
        seen.push(sessions.digest());
        sessions.admit(LogIndex(4), stamp(id, 3, 3));
        seen.push(sessions.digest());
        let session = &sessions.by_id[&id];
        assert_eq!(sessions.digest(), session.digest(id));
        assert_eq!(session.outcomes_bytes, 0);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    }
}
