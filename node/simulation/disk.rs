//! A disk: what it holds for good, and what a crash may take away.
//!
//! Writes are done in the order of their numbers. Until one is reported done, a
//! crash may leave any beginning of it, and of those after it nothing unless it
//! is whole. A disk that does not sync ([`Syncing::Never`]) reports writes done
//! that only a later power failure can prove lost.

use std::collections::VecDeque;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use squall_node::raft::{
    Entry, HardState, Install, LogIndex, Message, Persisted, Position, Snapshot, Suffix, Write,
};

/// Whether what is reported done survives a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syncing {
    /// It does.
    Always,
    /// It may not: the planted bug `no-fsync`.
    Never,
}

/// How a machine goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Crash {
    /// The process dies, the machine lives on.
    Kill,
    /// The machine loses power.
    PowerLoss,
}

/// What stands on a disk.
#[derive(Clone, Default)]
struct Image {
    hard_state: HardState,
    snapshot: Snapshot,
    /// From the one after the snapshot's last.
    entries: Vec<Entry>,
}

/// One thing that reaches the disk as a whole or not at all.
#[derive(Clone)]
enum Step {
    HardState(HardState),
    Install(Install),
    Entry(Entry),
}

impl Image {
    fn base(&self) -> LogIndex {
        self.snapshot.meta.last.index
    }

    fn position_at(&self, index: LogIndex) -> Option<Position> {
        if index == self.base() {
            return Some(self.snapshot.meta.last);
        }
        let place = index.0.checked_sub(self.base().0 + 1)?;
        self.entries.get(place as usize).map(|entry| entry.position)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::HardState(hard_state) => self.hard_state = hard_state,
            Step::Install(install) => self.install(install),
            Step::Entry(entry) => self.put(entry),
        }
    }

    /// Puts an entry in the place of those from its index on.
    fn put(&mut self, entry: Entry) {
        // What a snapshot of this node's own covers may still be on its way.
        if let Some(after) = entry.position.index.0.checked_sub(self.base().0 + 1) {
            debug_assert!(after as usize <= self.entries.len(), "a log has no gaps");
            self.entries.truncate(after as usize);
            self.entries.push(entry);
        }
    }

    /// Puts a snapshot in the place of the entries it covers, and of all others
    /// unless the log holds its last one.
    fn install(&mut self, Install { snapshot, suffix }: Install) {
        let last = snapshot.meta.last;
        let place = self.entries.iter().position(|entry| entry.position == last);
        match place.filter(|_| suffix == Suffix::Keep) {
            Some(place) => drop(self.entries.drain(..=place)),
            None => self.entries.clear(),
        }
        self.snapshot = snapshot;
    }
}

/// Writes that are done.
#[derive(Default)]
pub(crate) struct Finished {
    /// The number of the newest.
    pub(crate) number: u64,
    /// The messages that waited for them.
    pub(crate) messages: Vec<Message>,
    /// The entries each brought, and the position before them, if the disk
    /// holds that.
    pub(crate) stored: Vec<(Option<Position>, Vec<Entry>)>,
}

/// The disk of one machine.
pub(crate) struct Disk {
    syncing: Syncing,
    image: Image,
    /// Writes not reported done, oldest first; the first `under_way` of them are
    /// being written.
    unfinished: VecDeque<Write>,
    under_way: usize,
    /// Where nothing is synced: what has been synced by chance, and what was
    /// written since.
    synced: Image,
    since_synced: Vec<Step>,
}

/// What a crash did to the writes that were not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// All or nothing.
    Whole,
    /// A write lost its end, or was followed by others that were lost.
    Torn,
}

impl Disk {
    pub(crate) fn new(syncing: Syncing) -> Self {
        Self {
            syncing,
            image: Image::default(),
            unfinished: VecDeque::new(),
            under_way: 0,
            synced: Image::default(),
            since_synced: Vec::new(),
        }
    }

    /// Returns what a node starts with, and the newest snapshot.
    pub(crate) fn read(&self) -> (Persisted, Snapshot) {
        let Image { hard_state, snapshot, entries } = self.image.clone();
        (Persisted { hard_state, snapshot: snapshot.meta.clone(), entries }, snapshot)
    }

    pub(crate) fn newest_snapshot(&self) -> &Snapshot {
        &self.image.snapshot
    }

    /// Takes in a write; returns whether the disk was idle and begins now.
    pub(crate) fn write(&mut self, write: Write) -> bool {
        self.unfinished.push_back(write);
        self.begin()
    }

    /// Begins everything that waits, as one group, if nothing is under way.
    pub(crate) fn begin(&mut self) -> bool {
        let begins = self.under_way == 0 && !self.unfinished.is_empty();
        if begins {
            self.under_way = self.unfinished.len();
        }
        begins
    }

    /// Ends what is under way, and tells what has reached the disk.
    pub(crate) fn finish(&mut self) -> Finished {
        let mut finished = Finished::default();
        for _ in 0..std::mem::take(&mut self.under_way) {
            let Some(mut write) = self.unfinished.pop_front() else { break };
            finished.number = write.number;
            finished.messages.append(&mut write.messages);
            if let Some(first) = write.entries.first() {
                let prev = self.image.position_at(first.position.index.previous());
                finished.stored.push((prev, write.entries.clone()));
            }
            for step in steps(write) {
                self.take(step);
            }
        }
        finished
    }

    /// Makes a snapshot of the node's own durable, unless there is a newer one.
    pub(crate) fn keep_snapshot(&mut self, snapshot: Snapshot) {
        if snapshot.meta.last.index > self.image.base() {
            self.take(Step::Install(Install { snapshot, suffix: Suffix::Keep }));
        }
    }

    fn take(&mut self, step: Step) {
        if self.syncing == Syncing::Never {
            self.since_synced.push(step.clone());
        }
        self.image.take(step);
    }

    /// Lets the machine, or the process, go down.
    pub(crate) fn crash(&mut self, crash: Crash, rng: &mut ChaCha8Rng) -> Left {
        self.under_way = 0;
        let pending: Vec<_> = self.unfinished.drain(..).flat_map(steps).collect();
        if crash == Crash::PowerLoss && self.syncing == Syncing::Never {
            let since = std::mem::take(&mut self.since_synced);
            let kept = rng.random_range(0..=since.len());
            since.into_iter().take(kept).for_each(|step| self.synced.take(step));
            self.image = self.synced.clone();
            return Left::Whole;
        }
        let total = pending.len();
        let kept = rng.random_range(0..=total);
        pending.into_iter().take(kept).for_each(|step| self.take(step));
        if kept > 0 && kept < total { Left::Torn } else { Left::Whole }
    }
}

/// Takes a write apart, in the order in which its parts reach the disk.
fn steps(write: Write) -> Vec<Step> {
    let hard_state = write.hard_state.map(Step::HardState);
    let snapshot = write.snapshot.map(Step::Install);
    let entries = write.entries.into_iter().map(Step::Entry);
    hard_state.into_iter().chain(snapshot).chain(entries).collect()
}
