//! The gateway's own session, and the numbers of its writes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::machine::{Sequence, SessionId, Stamp};

/// Writes that may be numbered at a time, from the first still waited for to the
/// last. Well below the outcomes the machine keeps for a session.
const WINDOW: u64 = 512;

#[derive(Debug, Default)]
struct Numbers {
    session: Session,
    next: u64,
    outstanding: BTreeSet<u64>,
}

/// What is known of the gateway's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Session {
    #[default]
    None,
    Asked,
    Known(SessionId),
}

/// The numbers of the writes that pass through one node.
#[derive(Debug, Default)]
pub(super) struct Stamps(Arc<Mutex<Numbers>>);

/// A write's stamp; when dropped, the write is waited for no more.
#[derive(Debug)]
pub(super) struct Stamped {
    stamp: Stamp,
    numbers: Arc<Mutex<Numbers>>,
}

impl Stamps {
    /// Stamps a write, unless there is no session yet or too many writes are
    /// numbered already: then the write can be tried only once.
    pub(super) fn stamp(&self) -> Option<Stamped> {
        let mut numbers = lock(&self.0);
        let Session::Known(session) = numbers.session else { return None };
        let sequence = numbers.next;
        let lowest = numbers.outstanding.first().copied().unwrap_or(sequence);
        if sequence - lowest >= WINDOW {
            return None;
        }
        numbers.next += 1;
        numbers.outstanding.insert(sequence);
        let stamp =
            Stamp { session, sequence: Sequence(sequence), lowest_outstanding: Sequence(lowest) };
        Some(Stamped { stamp, numbers: Arc::clone(&self.0) })
    }

    /// Returns whether a session should be registered, and if so only once until
    /// [`Stamps::registered`].
    pub(super) fn wants_session(&self) -> bool {
        let mut numbers = lock(&self.0);
        let wanted = numbers.session == Session::None;
        if wanted {
            numbers.session = Session::Asked;
        }
        wanted
    }

    /// Learns which session was registered, or that none was.
    pub(super) fn registered(&self, session: Option<SessionId>) {
        lock(&self.0).session = session.map_or(Session::None, Session::Known);
    }

    /// Learns that a session is not known any more.
    pub(super) fn lost(&self, session: SessionId) {
        let mut numbers = lock(&self.0);
        if numbers.session == Session::Known(session) {
            numbers.session = Session::None;
        }
    }
}

impl Stamped {
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }
}

impl Drop for Stamped {
    fn drop(&mut self) {
        lock(&self.numbers).outstanding.remove(&self.stamp.sequence.0);
    }
}

fn lock(numbers: &Mutex<Numbers>) -> MutexGuard<'_, Numbers> {
    numbers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered() -> Stamps {
        let stamps = Stamps::default();
        assert!(stamps.wants_session());
        stamps.registered(Some(SessionId(7)));
        stamps
    }

    #[test]
    fn a_session_is_asked_for_once_and_again_when_it_is_lost() {
        let stamps = Stamps::default();
        assert!(stamps.stamp().is_none());
        assert!(stamps.wants_session());
        assert!(!stamps.wants_session());
        stamps.registered(None);
        assert!(stamps.wants_session());
        stamps.registered(Some(SessionId(7)));
        assert!(!stamps.wants_session());
        stamps.lost(SessionId(6));
        assert!(stamps.stamp().is_some());
        stamps.lost(SessionId(7));
        assert!(stamps.stamp().is_none());
        assert!(stamps.wants_session());
    }

    #[test]
    fn a_stamp_names_the_first_write_still_waited_for() {
        let stamps = registered();
        let first = stamps.stamp().unwrap();
        let second = stamps.stamp().unwrap();
        assert_eq!(second.stamp().lowest_outstanding, first.stamp().sequence);
        drop(first);
        let third = stamps.stamp().unwrap();
        assert_eq!(third.stamp().lowest_outstanding, second.stamp().sequence);
        assert_ne!(third.stamp().sequence, second.stamp().sequence);
    }

    #[test]
    fn a_write_that_takes_long_bounds_the_numbers() {
        let stamps = registered();
        let slow = stamps.stamp().unwrap();
        for _ in 1..WINDOW {
            assert!(stamps.stamp().is_some());
        }
        assert!(stamps.stamp().is_none());
        drop(slow);
        assert!(stamps.stamp().is_some());
    }
}
