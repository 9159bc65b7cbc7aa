//! What a node counts about itself.
//!
//! [`Metrics`] is shared by whoever has something to count and by `GET /metrics`.
//! Counting costs one relaxed atomic addition and never waits; what is read is
//! not one moment's state, as everywhere in Prometheus. Nothing in the node goes
//! by these numbers.

mod histogram;
mod messages;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::raft::{Role, Status};

pub(crate) use self::histogram::Histogram;
pub(crate) use self::messages::MessageCounters;
pub(crate) use self::text::{CONTENT_TYPE, Exposition};

/// A number that only rises.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Put,
    Delete,
    Cas,
    Append,
    Add,
    Transaction,
    Session,
    Admin,
}

impl Kind {
    const NAMES: [&str; 9] =
        ["get", "put", "delete", "cas", "append", "add", "txn", "session", "admin"];
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was done.
    Done,
    /// A comparison failed.
    Mismatch,
    /// It was not done and never will be.
    Refused,
    /// It is not known whether it was done.
    Unknown,
}

impl Told {
    const NAMES: [&str; 4] = ["ok", "mismatch", "refused", "unknown"];
}

/// Replies to operations, by what was asked and what was told.
#[derive(Debug, Default)]
pub(crate) struct Replies([[Counter; Told::NAMES.len()]; Kind::NAMES.len()]);

impl Replies {
    pub(crate) fn count(&self, kind: Kind, told: Told) {
        self.0[kind as usize][told as usize].increment();
    }
}

/// All that a node counts; durations are in seconds when they are told.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Replies to clients that asked this node.
    pub(crate) replies: Replies,
    /// Replies to nodes that passed on what they were asked.
    pub(crate) replies_to_peers: Replies,
    /// Times the term changed.
    pub(crate) term_changes: Counter,
    /// Times this node stood for election.
    pub(crate) elections: Counter,
    /// Times it was elected.
    pub(crate) leads: Counter,
    pub(crate) messages_sent: MessageCounters,
    pub(crate) messages_received: MessageCounters,
    /// Snapshots taken of the own state.
    pub(crate) snapshots_taken: Counter,
    /// Snapshots of which the last piece was sent to a follower.
    pub(crate) snapshots_sent: Counter,
    /// Snapshots of a leader put in place of the own state.
    pub(crate) snapshots_installed: Counter,
    /// How long appends to the log, and term and vote, take until they are durable.
    pub(crate) syncs: Histogram,
    /// From when a leader takes in a write until it is applied.
    pub(crate) commits: Histogram,
    /// Writes that wait for their entry to be applied.
    pub(crate) writes_waiting: Gauge,
    /// Reads that wait for the lead to be confirmed.
    pub(crate) reads_waiting: Gauge,
}

impl Metrics {
    /// Counts what a change of role or term stands for.
    pub(crate) fn role_changed(&self, before: Status, now: Status) {
        if before.term != now.term {
            self.term_changes.increment();
        }
        // A node stands anew in each term it begins.
        let stood = |status: Status| status.role == Role::Candidate;
        if stood(now) || (now.role == Role::Leader && before.term != now.term) {
            self.elections.increment();
        }
        if now.role == Role::Leader {
            self.leads.increment();
        }
    }

    /// Writes all of it in the form Prometheus reads.
    pub(crate) fn write_to(&self, text: &mut Exposition) {
        let replies = [("client", &self.replies), ("peer", &self.replies_to_peers)];
        text.family("squall_operations_total", "counter", "Operations answered, by outcome.");
        for (asked_by, replies) in replies {
            for (kind, by_told) in Kind::NAMES.iter().zip(&replies.0) {
                for (told, count) in Told::NAMES.iter().zip(by_told) {
                    let labels = [("asked_by", asked_by), ("kind", kind), ("outcome", told)];
                    text.sample("squall_operations_total", &labels, count.get());
                }
            }
        }
        for (name, help, counter) in [
            ("squall_term_changes_total", "Times the term changed.", &self.term_changes),
            ("squall_elections_total", "Times this node stood for election.", &self.elections),
            ("squall_leads_total", "Times this node was elected.", &self.leads),
            ("squall_snapshots_taken_total", "Snapshots of its state.", &self.snapshots_taken),
            ("squall_snapshots_sent_total", "Snapshots sent to followers.", &self.snapshots_sent),
            (
                "squall_snapshots_installed_total",
                "Snapshots received and put in place.",
                &self.snapshots_installed,
            ),
        ] {
            text.family(name, "counter", help);
            text.sample(name, &[], counter.get());
        }
        for (name, help, counters) in [
            ("squall_messages_sent_total", "Messages for peers.", &self.messages_sent),
            ("squall_messages_received_total", "Messages of peers.", &self.messages_received),
        ] {
            text.family(name, "counter", help);
            for (kind, count) in counters.counts() {
                text.sample(name, &[("kind", kind)], count);
            }
        }
        text.histogram(
            "squall_sync_seconds",
            "Appends to the log, and votes, until synced.",
            &self.syncs,
        );
        text.histogram(
            "squall_commit_seconds",
            "Writes a leader took in, until applied.",
            &self.commits,
        );
        for (name, help, gauge) in [
            ("squall_writes_waiting", "Writes that wait to be applied.", &self.writes_waiting),
            ("squall_reads_waiting", "Reads that wait for the lead.", &self.reads_waiting),
        ] {
            text.family(name, "gauge", help);
            text.sample(name, &[], gauge.get());
        }
    }
}
