//! The network between the nodes: links that lose, repeat, delay and reorder.

use std::collections::BTreeSet;
use std::ops::Range;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use squall_node::raft::NodeId;

/// How well messages get through.
#[derive(Clone, Debug)]
pub(crate) struct Quality {
    pub(crate) loss_percent: u32,
    pub(crate) duplicate_percent: u32,
    /// What most messages take, in microseconds.
    pub(crate) delay_us: Range<u64>,
    /// How many take up to `straggler_us` instead.
    pub(crate) straggler_percent: u32,
    pub(crate) straggler_us: u64,
    /// How many of those that meet a cut are tried again after a while, as TCP
    /// does; the others are lost.
    pub(crate) retained_percent: u32,
}

/// The links, each in one direction.
pub(crate) struct Network {
    pub(crate) quality: Quality,
    cut: BTreeSet<(NodeId, NodeId)>,
}

impl Network {
    pub(crate) fn new(quality: Quality) -> Self {
        Self { quality, cut: BTreeSet::new() }
    }

    /// Cuts a link in one direction.
    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    /// Removes all cuts.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.contains(&(from, to))
    }

    /// Draws how long each copy of a message takes, in microseconds; none if it
    /// is lost.
    pub(crate) fn delays(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        let copies = match rng.random_range(0..100) {
            chance if chance < self.quality.loss_percent => 0,
            chance if chance < self.quality.loss_percent + self.quality.duplicate_percent => 2,
            _ => 1,
        };
        (0..copies).map(|_| self.delay(rng)).collect()
    }

    fn delay(&self, rng: &mut ChaCha8Rng) -> u64 {
        if rng.random_range(0..100) < self.quality.straggler_percent {
            rng.random_range(self.quality.delay_us.start..self.quality.straggler_us)
        } else {
            rng.random_range(self.quality.delay_us.clone())
        }
    }
}
