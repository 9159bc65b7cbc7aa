//! Reads that wait until the leader knows that it still leads.
//!
//! A leader may have been replaced without knowing it, so before it answers a
//! read it asks a majority whether they still follow it. One such round serves
//! every read that was queued before the round began, and there is one round at
//! a time: the busier the node, the more reads share a round.
//! Source: Ongaro 2014, 6.4.

use std::collections::BTreeSet;

use super::types::{LogIndex, NodeId};

/// The caller's name for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// A read that may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadReady {
    /// Which read.
    pub id: ReadId,
    /// The read sees the truth once everything up to here is applied.
    pub index: LogIndex,
}

/// A round under way.
struct Round {
    number: u64,
    index: LogIndex,
    ids: Vec<ReadId>,
    confirmed_by: BTreeSet<NodeId>,
}

#[derive(Default)]
pub(super) struct Reads {
    queued: Vec<ReadId>,
    current: Option<Round>,
    /// The newest number that heartbeats carry. A round has one; where leases are
    /// in use, so have the heartbeats between rounds.
    number: u64,
}

impl Reads {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the number of the heartbeats that leave next, if it is not that of
    /// a round.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Answers everything queued without a round; its reads see the log up to
    /// `commit`.
    pub(super) fn take_queued(&mut self, commit: LogIndex) -> impl Iterator<Item = ReadReady> {
        self.queued.drain(..).map(move |id| ReadReady { id, index: commit })
    }

    pub(super) fn queue(&mut self, id: ReadId) {
        self.queued.push(id);
    }

    /// Returns whether a round should begin.
    pub(super) fn is_round_due(&self) -> bool {
        self.current.is_none() && !self.queued.is_empty()
    }

    /// Begins a round for everything queued; its reads see the log up to `commit`,
    /// and `leader` stands behind it.
    pub(super) fn begin_round(&mut self, commit: LogIndex, leader: NodeId) {
        self.number += 1;
        self.current = Some(Round {
            number: self.number,
            index: commit,
            ids: std::mem::take(&mut self.queued),
            confirmed_by: BTreeSet::from([leader]),
        });
    }

    /// Notes that `from` still follows, as asked by heartbeats of this number.
    pub(super) fn confirm(&mut self, from: NodeId, number: u64) {
        if let Some(round) = &mut self.current
            && number >= round.number
        {
            round.confirmed_by.insert(from);
        }
    }

    /// Ends the round if those who stand behind it are `enough`.
    pub(super) fn finish_round(
        &mut self,
        enough: impl Fn(&BTreeSet<NodeId>) -> bool,
    ) -> Vec<ReadReady> {
        match self.current.take_if(|round| enough(&round.confirmed_by)) {
            Some(round) => {
                let index = round.index;
                round.ids.into_iter().map(|id| ReadReady { id, index }).collect()
            }
            None => Vec::new(),
        }
    }

    /// Gives up everything that waits.
    pub(super) fn into_waiting(self) -> Vec<ReadId> {
        let mut ids = self.current.map_or_else(Vec::new, |round| round.ids);
        ids.extend(self.queued);
        ids
    }
}
