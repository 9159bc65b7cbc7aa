//! How the log is cut short, and how a follower gets what was cut off.
//!
//! A snapshot of the state machine stands for every entry applied to it. The
//! caller takes one and makes it durable; then the entries it covers may go. A
//! follower that needs one of them is sent the snapshot instead, a piece at a
//! time: it gathers the pieces in memory, says after each how far it has come, and
//! installs the whole, which it acknowledges like an append. Anything lost is
//! asked for again from there, so a node that restarts midway begins anew.
//!
//! Deliberately absent: the bytes themselves on the leader's side. The core orders
//! pieces by [`Ready::chunks`]; the caller, who knows where the snapshot lies,
//! reads them.
//!
//! Source: Ongaro 2014, 5.1 to 5.3 and figure 5.3.
//!
//! [`Ready::chunks`]: super::Ready::chunks

use std::sync::Arc;

use super::core::{Raft, Role, RoleState};
use super::message::{AppendReply, Body};
use super::ready::{ChunkOrder, Install, Snapshot, SnapshotMeta, Suffix};
use super::types::{LogIndex, NodeId, Position, Term};
use crate::bugs::Bug;

/// A piece of a snapshot as it came in.
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) total: u64,
    pub(super) data: Vec<u8>,
}

/// The beginning of a snapshot that is not yet whole.
///
/// Pieces of two leaders are never mixed: equal states need not be equal bytes.
pub(super) struct Gathering {
    term: Term,
    last: Position,
    total: u64,
    data: Vec<u8>,
}

impl Gathering {
    fn is_of(&self, term: Term, last: Position, total: u64) -> bool {
        (self.term, self.last, self.total) == (term, last, total)
    }

    fn received(&self) -> u64 {
        self.data.len() as u64
    }

    /// Adds a piece if it is the next one.
    fn add(&mut self, piece: &Piece) {
        let rest = self.total - self.received();
        if piece.offset == self.received() && piece.data.len() as u64 <= rest {
            self.data.extend_from_slice(&piece.data);
        }
    }
}

impl Raft {
    /// Returns what a snapshot of the state machine stands for if it is taken now,
    /// with everything applied that [`Ready::apply`] has brought so far.
    ///
    /// [`Ready::apply`]: super::Ready::apply
    pub fn snapshot_meta(&self) -> SnapshotMeta {
        let held = self.log.last().index;
        let index = match self.config.bug {
            Some(Bug::SnapshotWrongIndex) => held,
            // Only where a bug has cut off what was applied is the log shorter.
            _ => self.applied.min(held),
        };
        let last = self.log.position_at(index).expect("no more is cut off than was applied");
        SnapshotMeta { last, membership: self.membership_at(index).clone() }
    }

    /// Returns what the newest snapshot stands for: one that [`Raft::compact`] was
    /// told of, one received, or the one the node started from.
    pub fn newest_snapshot(&self) -> &SnapshotMeta {
        &self.snapshot
    }

    /// Drops entries that a durable snapshot covers, except the last
    /// [`Config::kept_entries`] of them.
    ///
    /// The snapshot must stay readable until a newer one is announced, because
    /// followers are sent pieces of it. Its meta is what [`Raft::snapshot_meta`]
    /// returned; one not newer than the newest is ignored. The entries it covers
    /// need not be on disk: see [`Persisted::entries`] for what that means to
    /// whoever reads the disk after a crash.
    ///
    /// [`Config::kept_entries`]: super::Config::kept_entries
    /// [`Persisted::entries`]: super::Persisted::entries
    pub fn compact(&mut self, meta: SnapshotMeta) {
        if meta.last.index <= self.snapshot.last.index {
            return;
        }
        let covered = meta.last.index.min(self.applied);
        self.log.compact(LogIndex(covered.0.saturating_sub(self.config.kept_entries)));
        self.memberships.compact(self.log.base().index);
        let last = meta.last;
        self.snapshot = meta;
        if self.config.bug == Some(Bug::InstallSnapshotRewinds) && self.role() == Role::Leader {
            // A leader may offer its snapshot to anyone at any time, and those who
            // need nothing of it ignore it; this one is generous.
            let order = |to| ChunkOrder { to, last, offset: 0 };
            self.chunk_orders.extend(self.peers().into_iter().map(order));
        }
    }

    /// Returns whether a follower that answers is being sent the newest snapshot.
    ///
    /// A newer one would make it start from the beginning, so whoever takes
    /// snapshots does well to wait a while.
    pub fn sends_snapshot(&self) -> bool {
        match &self.role {
            RoleState::Leader(leadership) => leadership.sends_snapshot(),
            _ => false,
        }
    }

    /// Adds a piece of the newest snapshot, as [`Ready::chunks`] ordered it, to
    /// the messages to be sent. `total` is the length of the whole in bytes.
    ///
    /// An order that has become pointless is ignored; so may the caller ignore an
    /// order it cannot carry out: what is still wanted is ordered again.
    ///
    /// [`Ready::chunks`]: super::Ready::chunks
    pub fn send_chunk(
        &mut self,
        order: ChunkOrder,
        meta: &SnapshotMeta,
        data: Vec<u8>,
        total: u64,
    ) {
        let ChunkOrder { to, last, offset } = order;
        let RoleState::Leader(leadership) = &self.role else { return };
        let wanted =
            leadership.awaits_chunk(&order) || self.config.bug == Some(Bug::InstallSnapshotRewinds);
        if wanted && meta.last == last {
            let membership = meta.membership.clone();
            self.send(to, Body::SnapshotChunk { last, membership, offset, total, data });
        }
    }

    /// Learns how much of a snapshot a follower holds.
    pub(super) fn on_snapshot_reply(&mut self, from: NodeId, last: Position, received: u64) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        leadership.snapshot_received(from, last, received);
        if self.config.bug == Some(Bug::InstallSnapshotRewinds) {
            self.chunk_orders.push(ChunkOrder { to: from, last, offset: received });
        }
    }

    /// Takes a piece of a snapshot from the leader of the current term.
    ///
    /// A snapshot of which this node knows everything to be committed would only
    /// take it back. One that is longer than allowed is not answered.
    pub(super) fn on_snapshot_chunk(&mut self, from: NodeId, meta: SnapshotMeta, piece: &Piece) {
        if !self.follow(from) || piece.total > self.config.snapshot_bytes_max {
            return;
        }
        if meta.last.index <= self.commit && !self.rewinds_to(meta.last) {
            // Every leader holds what is committed, so the logs agree up to there.
            let accepted = AppendReply::Accepted { matched: self.commit };
            self.send(from, Body::AppendReply(accepted));
            return;
        }
        let (term, last, total) = (self.term, meta.last, piece.total);
        if self.gathering.as_ref().is_some_and(|newer| newer.term == term && newer.last > last) {
            return;
        }
        let gathering = self.gathering.take().filter(|held| held.is_of(term, last, total));
        let mut gathering =
            gathering.unwrap_or_else(|| Gathering { term, last, total, data: Vec::new() });
        gathering.add(piece);
        let received = gathering.received();
        if received == total {
            self.install(from, Snapshot { meta, data: Arc::new(gathering.data) });
        } else {
            self.gathering = Some(gathering);
            self.send(from, Body::SnapshotReply { last, received });
        }
    }

    /// Puts a snapshot in the place of everything up to its last entry.
    ///
    /// The state machine takes it over at once. The leader hears of it when it is
    /// durable: until then nothing up to its last entry counts as written.
    fn install(&mut self, from: NodeId, snapshot: Snapshot) {
        let SnapshotMeta { last, membership } = snapshot.meta.clone();
        let wanted = if last.index <= self.commit { Suffix::Discard } else { Suffix::Keep };
        let suffix = self.log.restore(last, wanted);
        if self.log.last() == last {
            self.memberships.restore(membership);
        } else {
            self.memberships.compact(last.index);
        }
        self.commit = last.index;
        self.applied = last.index;
        self.snapshot = snapshot.meta.clone();
        self.installing = Some(Install { snapshot, suffix });
        let accepted = AppendReply::Accepted { matched: last.index };
        self.send(from, Body::AppendReply(accepted));
    }

    /// Returns whether the node takes a snapshot although it knows better, which
    /// only a planted bug makes it do, and not behind a snapshot of its own.
    fn rewinds_to(&self, last: Position) -> bool {
        self.config.bug == Some(Bug::InstallSnapshotRewinds)
            && last.index >= self.snapshot.last.index
    }

    /// Learns that the log is committed up to `index`, which it holds.
    pub(super) fn learn_commit(&mut self, index: LogIndex) {
        self.commit = self.commit.max(index);
        // What came as entries after all need not be gathered any longer.
        self.gathering.take_if(|gathering| gathering.last.index <= index);
    }
}
