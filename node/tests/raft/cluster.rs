//! A cluster of cores, a network that holds messages until told to deliver
//! them, and disks that hold writes until told to finish them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_node::bugs::Bug;
use squall_node::raft::{
    Apply, CommittedConflict, Config, Elections, Entry, HardState, Membership, Message, NodeId,
    Persisted, Raft, ReadId, ReadMode, ReadReady, Ready, SnapshotMeta, Write,
};

pub(crate) const HEARTBEAT_TICKS: u32 = 3;
pub(crate) const ELECTION_TICKS: u32 = 10;
pub(crate) const TICK_MS: u64 = 10;

/// What a node finds again after a crash, and what it would not.
#[derive(Default)]
pub(crate) struct Disk {
    hard_state: HardState,
    entries: Vec<Entry>,
    unfinished: VecDeque<Write>,
}

impl Disk {
    /// Finishes the oldest write, as far as the disk is concerned.
    fn finish_one(&mut self) -> Option<Write> {
        let write = self.unfinished.pop_front()?;
        self.keep(&write, write.entries.len());
        Some(write)
    }

    /// Stores the hard state and the first `count` entries of a write.
    fn keep(&mut self, write: &Write, count: usize) {
        self.hard_state = write.hard_state.unwrap_or(self.hard_state);
        overwrite(&mut self.entries, &write.entries[..count]);
    }
}

fn overwrite(log: &mut Vec<Entry>, entries: &[Entry]) {
    if let Some(first) = entries.first() {
        log.truncate(first.position.index.0 as usize - 1);
        log.extend_from_slice(entries);
    }
}

pub(crate) struct Node {
    /// `None` while the node is down.
    pub(crate) raft: Option<Raft>,
    pub(crate) disk: Disk,
    /// The log in memory, as of the last call of `Raft::ready`.
    pub(crate) log: Vec<Entry>,
    /// What was applied, in order, since the node started.
    pub(crate) applied: Vec<Entry>,
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
        let node = || Node {
            raft: None,
            disk: Disk::default(),
            log: Vec::new(),
            applied: Vec::new(),
            reads: Vec::new(),
            refused_reads: Vec::new(),
        };
        let mut cluster = Self {
            nodes: ids.iter().map(|&id| (id, node())).collect(),
            network: Vec::new(),
            cut: BTreeSet::new(),
            stalled: BTreeSet::new(),
            now_ms: 0,
            settings,
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
        self.nodes.get_mut(&id).unwrap().disk =
            Disk { hard_state, entries, unfinished: VecDeque::new() };
    }

    /// Starts a node from its disk.
    pub(crate) fn start(&mut self, id: NodeId) {
        self.starts += 1;
        let Settings { bug, elections, reads, seed } = self.settings;
        let config = Config {
            id,
            members: Membership::of_voters(self.ids()),
            heartbeat_ticks: HEARTBEAT_TICKS,
            election_ticks: ELECTION_TICKS,
            tick_ms: TICK_MS,
            elections,
            append_bytes_max: 64,
            chunk_bytes_max: 64,
            reads,
            bug,
        };
        let rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003) + self.starts);
        let node = self.nodes.get_mut(&id).unwrap();
        let (hard_state, entries) = (node.disk.hard_state, node.disk.entries.clone());
        node.log.clone_from(&entries);
        node.applied.clear();
        node.reads.clear();
        node.refused_reads.clear();
        let persisted = Persisted { hard_state, snapshot: SnapshotMeta::default(), entries };
        node.raft = Some(Raft::new(config, persisted, rng));
    }

    /// Crashes a node: what its disk had not finished is lost.
    pub(crate) fn crash(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.raft = None;
        node.disk.unfinished.clear();
    }

    /// Returns how many entries a node's oldest unfinished write has, if there
    /// is one.
    pub(crate) fn unfinished_len(&self, id: NodeId) -> Option<usize> {
        Some(self.node(id).disk.unfinished.front()?.entries.len())
    }

    /// Crashes a node amid its oldest unfinished write, whose hard state and
    /// first `count` entries survive; what would have followed is lost.
    pub(crate) fn crash_amid_write(&mut self, id: NodeId, count: usize) {
        let disk = &mut self.nodes.get_mut(&id).unwrap().disk;
        if let Some(write) = disk.unfinished.pop_front() {
            disk.keep(&write, count);
        }
        self.crash(id);
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
        while let Some(Ready { messages, write, apply, reads, refused_reads, .. }) = raft.ready() {
            self.network.extend(messages);
            if let Some(write) = write {
                overwrite(&mut node.log, &write.entries);
                node.disk.unfinished.push_back(write);
            }
            match apply {
                Apply::Onwards(entries) => node.applied.extend(entries),
                Apply::Restore(_, entries) | Apply::Afresh(entries) => node.applied = entries,
            }
            node.reads.extend(reads);
            node.refused_reads.extend(refused_reads);
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

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Done,
    Lost,
}
