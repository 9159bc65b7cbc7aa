//! How many messages of a node went where.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Counters that only rise, from the start of the bridge.
#[derive(Debug, Default)]
pub(super) struct Counts {
    carried: AtomicU64,
    delivered: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
    misdirected: AtomicU64,
}

impl Counts {
    /// Messages reached the bridge of another node.
    pub(super) fn carried(&self, messages: u64) {
        self.carried.fetch_add(messages, Ordering::Relaxed);
    }

    /// Messages were given to the node, or to a client that waited.
    pub(super) fn delivered(&self, messages: u64) {
        self.delivered.fetch_add(messages, Ordering::Relaxed);
    }

    /// Messages were lost by the chance that was asked for.
    pub(super) fn lost(&self, messages: u64) {
        self.lost.fetch_add(messages, Ordering::Relaxed);
    }

    /// Messages got nowhere because a node or a network did not take them, or nobody waits for
    /// them any more.
    pub(super) fn dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    /// Lines are no messages, or are for nobody there is. Returns how many there were before.
    pub(super) fn misdirected(&self) -> u64 {
        self.misdirected.fetch_add(1, Ordering::Relaxed)
    }

    /// All of them by name.
    pub(super) fn show(&self) -> Value {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "carried": of(&self.carried),
            "delivered": of(&self.delivered),
            "lost": of(&self.lost),
            "dropped": of(&self.dropped),
            "misdirected": of(&self.misdirected),
        })
    }
}
