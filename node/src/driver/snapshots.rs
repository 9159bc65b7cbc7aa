//! When a snapshot of the state machine is due.
//!
//! The log is cut short once a snapshot covers enough of it: after a number of
//! entries, or sooner if they are long. One snapshot is taken at a time. While a
//! follower is being sent the newest one a new one waits, for the follower would
//! have to begin again, but not for ever: the log must not grow without bound
//! because somebody is slow.

use tokio::sync::oneshot;

use super::orders::OrderAnswer;
use crate::raft::LogIndex;

/// How many times the usual number of entries a snapshot may be put off for a
/// follower that is being sent the one before.
const PATIENCE: u64 = 4;

/// When snapshots are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotPolicy {
    /// After so many entries.
    pub(crate) entries: u64,
    /// Or after so many bytes of commands.
    pub(crate) bytes: u64,
}

/// What has gathered since the last snapshot was begun.
#[derive(Debug)]
pub(super) struct Snapshots {
    policy: SnapshotPolicy,
    entries: u64,
    bytes: u64,
    under_way: bool,
    /// Administrators who asked for the next snapshot.
    ordered: Vec<oneshot::Sender<OrderAnswer>>,
    /// Administrators who wait for the one under way.
    awaited: Vec<oneshot::Sender<OrderAnswer>>,
}

impl Snapshots {
    pub(super) fn new(policy: SnapshotPolicy) -> Self {
        let (ordered, awaited) = (Vec::new(), Vec::new());
        Self { policy, entries: 0, bytes: 0, under_way: false, ordered, awaited }
    }

    /// Notes that an entry was applied.
    pub(super) fn applied(&mut self, command_bytes: usize) {
        self.entries += 1;
        self.bytes += command_bytes as u64;
    }

    /// Notes that a snapshot came from the leader.
    pub(super) fn restored(&mut self) {
        self.entries = 0;
        self.bytes = 0;
    }

    /// Takes one as soon as possible, whatever has gathered.
    pub(super) fn order(&mut self, reply: oneshot::Sender<OrderAnswer>) {
        self.ordered.push(reply);
    }

    /// Returns whether to take a snapshot now. `is_sent` tells whether a follower is
    /// being sent the newest.
    pub(super) fn is_due(&self, is_sent: bool) -> bool {
        let factor = if is_sent { PATIENCE } else { 1 };
        let SnapshotPolicy { entries, bytes } = self.policy;
        !self.under_way
            && (!self.ordered.is_empty()
                || self.entries >= entries.saturating_mul(factor)
                || self.bytes >= bytes.saturating_mul(factor))
    }

    /// Notes that one was begun.
    pub(super) fn begun(&mut self) {
        self.entries = 0;
        self.bytes = 0;
        self.under_way = true;
        self.awaited.append(&mut self.ordered);
    }

    /// Notes that the newest snapshot, which covers the log up to `index`, is durable.
    pub(super) fn saved(&mut self, index: LogIndex) {
        self.under_way = false;
        for reply in self.awaited.drain(..) {
            // The administrator may have gone; then nobody needs the answer.
            let _ = reply.send(OrderAnswer::Done(index));
        }
    }

    /// Answers whoever waits, because the node stops.
    pub(super) fn abandon(&mut self) {
        for reply in self.awaited.drain(..).chain(self.ordered.drain(..)) {
            // The administrator may have gone; then nobody needs the answer.
            let _ = reply.send(OrderAnswer::Unknown("the node is shutting down"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshots() -> Snapshots {
        Snapshots::new(SnapshotPolicy { entries: 3, bytes: 100 })
    }

    #[test]
    fn a_snapshot_is_due_after_many_entries_or_after_long_ones() {
        let mut many = snapshots();
        for _ in 0..3 {
            assert!(!many.is_due(false));
            many.applied(1);
        }
        assert!(many.is_due(false));
        many.begun();
        assert!(!many.is_due(false));

        let mut long = snapshots();
        long.applied(100);
        assert!(long.is_due(false));
    }

    #[test]
    fn one_is_taken_at_a_time_and_an_order_waits_for_its_own() {
        let mut snapshots = snapshots();
        snapshots.applied(100);
        snapshots.begun();
        let (reply, mut answer) = oneshot::channel();
        snapshots.order(reply);
        assert!(!snapshots.is_due(false));
        snapshots.saved(LogIndex(7));
        // It was begun before the order came.
        assert!(answer.try_recv().is_err());
        assert!(snapshots.is_due(false));
        snapshots.begun();
        snapshots.saved(LogIndex(9));
        assert_eq!(answer.try_recv().ok(), Some(OrderAnswer::Done(LogIndex(9))));
    }

    #[test]
    fn a_slow_follower_puts_a_snapshot_off_but_not_for_ever() {
        let mut snapshots = snapshots();
        for _ in 0..3 * PATIENCE {
            assert!(!snapshots.is_due(true));
            snapshots.applied(1);
        }
        assert!(snapshots.is_due(true));
    }
}
