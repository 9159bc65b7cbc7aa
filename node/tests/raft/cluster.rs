//! A cluster of cores, a network that holds messages until told to deliver
//! them, and disks that hold writes until told to finish them.
//!
//! The state machine of a node is the list of the entries applied; a snapshot of
//! it holds them all. So a node's log and what it applied can always be compared
//! from the first entry on, whatever its core has dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_node::bugs::Bug;
use squall_node::raft::{
    Apply, ChunkOrder, CommittedConflict, Config, Elections, Entry, HardState, Install, Membership,
    Message, NodeId, Persisted, Position, Raft, ReadId, ReadMode, ReadReady, Ready, Snapshot,
    Suffix, Write,
};

pub(crate) const HEARTBEAT_TICKS: u32 = 3;
pub(crate) const ELECTION_TICKS: u32 = 10;
pub(crate) const TICK_MS: u64 = 10;

/// Entries a core keeps although a snapshot covers them.
pub(crate) const KEPT_ENTRIES: u64 = 2;

/// Beyond that a leader refuses commands; an entry costs 16 bytes and its command.
pub(crate) const UNCOMMITTED_BYTES_MAX: usize = 320;

/// The longest piece of a snapshot, in bytes.
pub(crate) const CHUNK_BYTES_MAX: usize = 64;

/// What a node finds again after a crash, and what it would not.
#[derive(Default)]
pub(crate) struct Disk {
    hard_state: HardState,
    snapshot: Snapshot,
    /// The entry that the first of `entries` continues.
    before: Position,
    /// Consecutive entries; some may be covered by the snapshot.
    entries: Vec<Entry>,
    unfinished: VecDeque<Write>,
    /// A snapshot the node took, which is still being written.
    saving: Option<Snapshot>,
}

/// How much of a write survives a crash.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// The hard state.
    HardState,
    /// Also the snapshot, and this many entries.
    Entries(usize),
}

impl Disk {
    /// Finishes the oldest write, as far as the disk is concerned.
    fn finish_one(&mut self) -> Option<Write> {
        let write = self.unfinished.pop_front()?;
        self.keep(&write, Kept::Entries(write.entries.len()));
        Some(write)
    }

    /// Stores the beginning of a write.
    fn keep(&mut self, write: &Write, kept: Kept) {
        self.hard_state = write.hard_state.unwrap_or(self.hard_state);
        if let Kept::Entries(count) = kept {
            if let Some(Install { snapshot, suffix }) = &write.snapshot {
                self.snapshot = snapshot.clone();
                if *suffix == Suffix::Discard {
                    self.before = snapshot.meta.last;
                    self.entries.clear();
                }
            }
            overwrite(&mut self.entries, &write.entries[..count]);
        }
    }

    /// Makes a snapshot the node took durable, unless a newer one is.
    fn finish_saving(&mut self) -> Option<Snapshot> {
        let snapshot = self.saving.take()?;
        if snapshot.meta.last.index > self.snapshot.meta.last.index {
            self.snapshot = snapshot.clone();
        }
        Some(snapshot)
    }

    /// Reads what a node starts from, and drops from the log what the snapshot
    /// covers; all of it, if it does not hold the snapshot's last entry.
    fn recover(&mut self) -> Persisted {
        let meta = self.snapshot.meta.clone();
        let continues = self.before == meta.last
            || self.entries.iter().any(|entry| entry.position == meta.last);
        self.entries.retain(|entry| continues && entry.position.index > meta.last.index);
        self.before = meta.last;
        let entries = self.entries.clone();
        Persisted { hard_state: self.hard_state, snapshot: meta, entries }
    }
}

/// Puts entries in the place of those from the first one's index on.
fn overwrite(log: &mut Vec<Entry>, entries: &[Entry]) {
    if let Some(first) = entries.first() {
        let before = |entry: &Entry| entry.position.index < first.position.index;
        log.truncate(log.partition_point(before));
        log.extend_from_slice(entries);
    }
}

/// Makes the data of a snapshot.
pub(crate) fn encode(applied: &[Entry]) -> Vec<u8> {
    postcard::to_stdvec(applied).unwrap()
}

fn decode(data: &[u8]) -> Vec<Entry> {
    if data.is_empty() { Vec::new() } else { postcard::from_bytes(data).unwrap() }
}

#[derive(Default)]
pub(crate) struct Node {
    /// `None` while the node is down.
    pub(crate) raft: Option<Raft>,
    pub(crate) disk: Disk,
    /// The log in memory from the first entry on, as of the last call of
    /// `Raft::ready`; where the core holds only a snapshot, the entries it covers.
    pub(crate) log: Vec<Entry>,
    /// What was applied, in order, before the node started too.
    pub(crate) applied: Vec<Entry>,
    /// How many snapshots it was sent.
    pub(crate) installed: u32,
    /// Reads that may be answered, not yet looked at.
    pub(crate) reads: Vec<ReadReady>,
    /// Reads that will not be answered, not yet looked at.
    pub(crate) refused_reads: Vec<ReadId>,
}

pub(crate) struct Cluster {
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    /// Messages on their way.
    pub(crate) network: Vec<Message>,
    /// Directed links that lose everything.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    /// Nodes whose disks do not finish by themselves.
    pub(crate) stalled: BTreeSet<NodeId>,
    /// What every clock shows, in milliseconds.
    pub(crate) now_ms: u64,
    settings: Settings,
    /// The nodes that began as members.
    founders: BTreeSet<NodeId>,
    starts: u64,
}

/// What is the same for all nodes of a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) bug: Option<Bug>,
    pub(crate) elections: Elections,
    pub(crate) reads: ReadMode,
    pub(crate) seed: u64,
}

pub(crate) fn node_id(number: usize) -> NodeId {
    format!("n{number}").parse().unwrap()
}

impl Cluster {
    pub(crate) fn new(size: usize, settings: Settings) -> Self {
        let ids: Vec<_> = (1..=size).map(node_id).collect();
        let mut cluster = Self {
            nodes: ids.iter().map(|&id| (id, Node::default())).collect(),
            network: Vec::new(),
            cut: BTreeSet::new(),
            stalled: BTreeSet::new(),
            now_ms: 0,
            settings,
            founders: ids.iter().copied().collect(),
            starts: 0,
        };
        for id in ids {
            cluster.start(id);
        }
        cluster
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[&id]
    }

    /// The core of a node, if it is up; it has been told the time.
    pub(crate) fn raft(&mut self, id: NodeId) -> Option<&mut Raft> {
        let raft = self.nodes.get_mut(&id)?.raft.as_mut()?;
        raft.set_time(self.now_ms);
        Some(raft)
    }

    /// Replaces what a node that is down has on disk.
    pub(crate) fn write_disk(&mut self, id: NodeId, hard_state: HardState, entries: Vec<Entry>) {
        self.nodes.get_mut(&id).unwrap().disk = Disk { hard_state, entries, ..Disk::default() };
    }

    /// Starts a new node, which waits to be added.
    pub(crate) fn join(&mut self, id: NodeId) {
        self.nodes.insert(id, Node::default());
        self.start(id);
    }

    /// Starts a node from its disk.
    pub(crate) fn start(&mut self, id: NodeId) {
        self.starts += 1;
        let Settings { bug, elections, reads, seed } = self.settings;
        let config = Config {
            id,
            members: match self.founders.contains(&id) {
                true => Membership::of_voters(self.founders.iter().copied()),
                false => Membership::default(),
            },
            heartbeat_ticks: HEARTBEAT_TICKS,
            election_ticks: ELECTION_TICKS,
            tick_ms: TICK_MS,
            elections,
            append_bytes_max: 64,
            append_entries_max: 8,
            uncommitted_bytes_max: UNCOMMITTED_BYTES_MAX,
            kept_entries: KEPT_ENTRIES,
            chunk_bytes_max: CHUNK_BYTES_MAX,
            snapshot_bytes_max: 1 << 20,
            reads,
            bug,
        };
        let rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003) + self.starts);
        let node = self.nodes.get_mut(&id).unwrap();
        let persisted = node.disk.recover();
        node.applied = decode(&node.disk.snapshot.data);
        node.log.clone_from(&node.applied);
        overwrite(&mut node.log, &persisted.entries);
        node.reads.clear();
        node.refused_reads.clear();
        node.raft = Some(Raft::new(config, persisted, rng));
    }

    /// Crashes a node: what its disk had not finished is lost.
    pub(crate) fn crash(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.raft = None;
        node.disk.unfinished.clear();
        node.disk.saving = None;
    }

    /// Returns how many entries a node's oldest unfinished write has, if there
    /// is one.
    pub(crate) fn unfinished_len(&self, id: NodeId) -> Option<usize> {
        Some(self.node(id).disk.unfinished.front()?.entries.len())
    }

    /// Crashes a node amid its oldest unfinished write, of which the beginning
    /// survives; what would have followed is lost.
    pub(crate) fn crash_amid_write(&mut self, id: NodeId, kept: Kept) {
        let disk = &mut self.nodes.get_mut(&id).unwrap().disk;
        if let Some(write) = disk.unfinished.pop_front() {
            disk.keep(&write, kept);
        }
        self.crash(id);
    }

    /// Lets a node take a snapshot of its state, which `finish_snapshot` makes
    /// durable.
    pub(crate) fn begin_snapshot(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        if let Some(raft) = &node.raft {
            let data = Arc::new(encode(&node.applied));
            node.disk.saving = Some(Snapshot { meta: raft.snapshot_meta(), data });
        }
    }

    /// Makes the snapshot a node is taking durable, and tells the node.
    pub(crate) fn finish_snapshot(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        if let (Some(raft), Some(snapshot)) = (&mut node.raft, node.disk.finish_saving()) {
            raft.compact(snapshot.meta);
            self.act(id);
        }
    }

    /// Makes the snapshot a node is taking durable without the node learning of it.
    pub(crate) fn finish_snapshot_silently(&mut self, id: NodeId) {
        self.nodes.get_mut(&id).unwrap().disk.finish_saving();
    }

    /// Finishes a node's oldest write without the node learning of it.
    pub(crate) fn finish_silently(&mut self, id: NodeId) {
        self.nodes.get_mut(&id).unwrap().disk.finish_one();
    }

    /// Finishes a node's oldest write; returns whether there was one.
    pub(crate) fn finish_write(&mut self, id: NodeId) -> bool {
        let node = self.nodes.get_mut(&id).unwrap();
        let (Some(raft), Some(write)) = (&mut node.raft, node.disk.finish_one()) else {
            return false;
        };
        raft.written(write.number);
        self.network.extend(write.messages);
        self.act(id);
        true
    }

    /// Does what a core wants done.
    pub(crate) fn act(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        let Some(raft) = &mut node.raft else { return };
        while let Some(ready) = raft.ready() {
            let Ready { messages, write, apply, reads, refused_reads, chunks } = ready;
            self.network.extend(messages);
            let entries = match apply {
                Apply::Onwards(entries) => entries,
                Apply::Restore(snapshot, entries) => {
                    node.installed += 1;
                    node.applied = decode(&snapshot.data);
                    entries
                }
            };
            if let Some(write) = write {
                if let Some(Install { snapshot, suffix }) = &write.snapshot {
                    let covered = decode(&snapshot.data);
                    let last = snapshot.meta.last.index;
                    let after = node.log.partition_point(|entry| entry.position.index <= last);
                    let rest = node.log.split_off(after);
                    node.log = covered;
                    node.log.extend(rest.into_iter().filter(|_| *suffix == Suffix::Keep));
                }
                overwrite(&mut node.log, &write.entries);
                node.disk.unfinished.push_back(write);
            }
            node.applied.extend(entries);
            node.reads.extend(reads);
            node.refused_reads.extend(refused_reads);
            for order in chunks {
                // A snapshot that is gone or not yet durable cannot be sent.
                let Snapshot { meta, data } = &node.disk.snapshot;
                if meta.last == order.last {
                    raft.send_chunk(order, meta, piece(data, &order), data.len() as u64);
                }
            }
        }
    }

    /// Hands a message to whom it is for, unless the link is cut or the node down.
    pub(crate) fn deliver(&mut self, message: Message) -> Result<Delivery, CommittedConflict> {
        let to = message.to;
        if self.cut.contains(&(message.from, to)) {
            return Ok(Delivery::Lost);
        }
        let Some(raft) = self.raft(to) else { return Ok(Delivery::Lost) };
        raft.step(message)?;
        self.act(to);
        Ok(Delivery::Done)
    }

    /// Finishes all writes of all disks that are not stalled.
    pub(crate) fn finish_writes(&mut self) {
        for id in self.ids() {
            while !self.stalled.contains(&id) && self.finish_write(id) {}
        }
    }
}

/// Returns what an order asks for.
fn piece(data: &[u8], order: &ChunkOrder) -> Vec<u8> {
    let begin = data.len().min(order.offset as usize);
    data[begin..data.len().min(begin + CHUNK_BYTES_MAX)].to_vec()
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Done,
    Lost,
}
