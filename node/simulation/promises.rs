//! The properties Raft promises at all times (Ongaro 2014, figure 3.2), judged
//! from outside: by what nodes claim to be, put on disk and apply.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use squall_node::raft::{Entry, LogIndex, NodeId, Payload, Position, Term};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Two nodes lead the same term.
    ElectionSafety(Term, NodeId, NodeId),
    /// A log holds an entry that stands in another log after other entries.
    LogMatching(NodeId, Position),
    /// A leader lacks an entry committed in an earlier term.
    LeaderCompleteness(NodeId, LogIndex),
    /// Two nodes applied different entries at the same index, or came to different
    /// states by the same entries.
    StateMachineSafety(NodeId, LogIndex),
    /// A node found a committed entry contradicted.
    CommittedConflict(NodeId),
    /// No order of the clients' operations explains what they saw.
    Linearizability(String),
    /// The checker gave up.
    Undecided(String),
    /// The faults ended and the cluster did not recover.
    Liveness,
}

impl Broken {
    /// Returns whether the run ended with it; otherwise its history shows it.
    pub(crate) fn is_seen_in_passing(&self) -> bool {
        !matches!(self, Self::Linearizability(_) | Self::Undecided(_))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ElectionSafety(term, one, other) => {
                write!(f, "election safety: {one} and {other} both lead term {term}")
            }
            Self::LogMatching(node, at) => {
                write!(f, "log matching: on {node} other entries come before {at} than elsewhere")
            }
            Self::LeaderCompleteness(node, index) => {
                write!(f, "leader completeness: {node} leads without the committed entry {index}")
            }
            Self::StateMachineSafety(node, index) => {
                write!(f, "state machine safety: {node} differs from others after entry {index}")
            }
            Self::CommittedConflict(node) => {
                write!(f, "{node} stopped: a leader contradicts what it knows to be committed")
            }
            Self::Linearizability(explanation) => write!(f, "linearizability: {explanation}"),
            Self::Undecided(reason) => write!(f, "the history is undecided: {reason}"),
            Self::Liveness => {
                write!(f, "liveness: the faults ended and the cluster did not recover")
            }
        }
    }
}

/// An entry some node applied, and so took for committed.
struct Committed {
    position: Position,
    payload: u64,
    /// The state of the machine after it.
    state: u64,
    /// The term of that node then; the entry was committed in this term or before.
    by_term: Term,
}

impl Committed {
    fn is_same_as(&self, other: &Self) -> bool {
        let what = |it: &Self| (it.position, it.payload, it.state);
        what(self) == what(other)
    }
}

/// By what a run is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// By what can be seen of the nodes, and by what clients saw.
    Everything,
    /// By what clients saw alone, however long it takes them to see it.
    Clients,
}

/// What has been seen of the whole cluster.
pub(crate) struct Promises {
    judge: Judge,
    leaders: BTreeMap<Term, NodeId>,
    committed: Vec<Committed>,
    /// For each position that ever was on a disk, the digest of the log up to it.
    logs: BTreeMap<Position, u64>,
}

impl Promises {
    pub(crate) fn new(judge: Judge) -> Self {
        Self { judge, leaders: BTreeMap::new(), committed: Vec::new(), logs: BTreeMap::new() }
    }

    /// Says whether a broken promise ends the run.
    pub(crate) fn broken(&self, broken: Broken) -> Result<(), Broken> {
        match self.judge {
            Judge::Everything => Err(broken),
            Judge::Clients => Ok(()),
        }
    }

    pub(crate) fn committed_len(&self) -> usize {
        self.committed.len()
    }

    pub(crate) fn elections(&self) -> usize {
        self.leaders.len()
    }

    /// Judges an entry that a node has applied, and the state its machine is in now.
    pub(crate) fn applied(
        &mut self,
        id: NodeId,
        entry: &Entry,
        term: Term,
        state: u64,
    ) -> Result<(), Broken> {
        let Entry { position, payload } = entry;
        let place = position.index.0 as usize - 1;
        let payload = digest_of(payload);
        let applied = Committed { position: *position, payload, state, by_term: term };
        match self.committed.get(place) {
            Some(known) if known.is_same_as(&applied) => Ok(()),
            None if place == self.committed.len() => {
                self.committed.push(applied);
                Ok(())
            }
            // Either it is another, or it comes after some that nobody ever applied.
            _ => self.broken(Broken::StateMachineSafety(id, position.index)),
        }
    }

    /// Judges the state of a machine that was restored from a snapshot whose last
    /// entry is at `last`.
    pub(crate) fn restored(&self, id: NodeId, last: LogIndex, state: u64) -> Result<(), Broken> {
        let Some(place) = last.0.checked_sub(1) else { return Ok(()) };
        match self.committed.get(place as usize) {
            Some(known) if known.state == state => Ok(()),
            _ => self.broken(Broken::StateMachineSafety(id, last)),
        }
    }

    /// Judges a node that begins to lead `term` with this log.
    pub(crate) fn leads(&mut self, id: NodeId, term: Term, log: &Shadow) -> Result<(), Broken> {
        let first = *self.leaders.entry(term).or_insert(id);
        if first != id {
            return self.broken(Broken::ElectionSafety(term, first, id));
        }
        for Committed { position, by_term, .. } in &self.committed {
            if *by_term < term && !log.holds(*position) {
                return self.broken(Broken::LeaderCompleteness(id, position.index));
            }
        }
        Ok(())
    }

    /// Judges entries that a node has on its disk, after `prev`.
    pub(crate) fn stored(
        &mut self,
        id: NodeId,
        prev: Position,
        entries: &[Entry],
    ) -> Result<(), Broken> {
        let known = self.logs.get(&prev).copied();
        // What came before stands in a snapshot that nobody made from a log.
        let Some(mut log) = known.or((prev.index == LogIndex::ZERO).then_some(0)) else {
            return Ok(());
        };
        for entry in entries {
            log = extended(log, entry);
            if *self.logs.entry(entry.position).or_insert(log) != log {
                return self.broken(Broken::LogMatching(id, entry.position));
            }
        }
        Ok(())
    }
}

fn digest_of(payload: &Payload) -> u64 {
    let mut hasher = DefaultHasher::new();
    match payload {
        Payload::Noop => 0_u8.hash(&mut hasher),
        Payload::Command(bytes) => (1_u8, bytes).hash(&mut hasher),
        Payload::Membership(membership) => {
            2_u8.hash(&mut hasher);
            for (id, member) in membership.members() {
                (id, member.part as u8, &member.address).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// Extends the digest of a log by one entry.
fn extended(log: u64, entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Position { term, index } = entry.position;
    (log, term, index, digest_of(&entry.payload)).hash(&mut hasher);
    hasher.finish()
}

/// The positions in a node's log, as of what it last handed out to be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shadow {
    base: Position,
    positions: Vec<Position>,
}

impl Shadow {
    pub(crate) fn new(base: Position, positions: Vec<Position>) -> Self {
        Self { base, positions }
    }

    pub(crate) fn at(&self, index: LogIndex) -> Option<Position> {
        if index == self.base.index {
            return Some(self.base);
        }
        let place = index.0.checked_sub(self.base.index.0 + 1)?;
        self.positions.get(place as usize).copied()
    }

    /// Returns whether the log holds this entry, or a snapshot stands for its index.
    pub(crate) fn holds(&self, position: Position) -> bool {
        position.index < self.base.index || self.at(position.index) == Some(position)
    }

    /// Puts entries in the place of those from the first one's index on.
    pub(crate) fn put(&mut self, entries: &[Entry]) {
        for Entry { position, .. } in entries {
            if let Some(place) = position.index.0.checked_sub(self.base.index.0 + 1) {
                self.positions.truncate(place as usize);
                self.positions.push(*position);
            }
        }
    }

    /// Lets a snapshot stand for what it covers.
    pub(crate) fn install(&mut self, last: Position) {
        match self.positions.iter().position(|position| *position == last) {
            Some(place) => drop(self.positions.drain(..=place)),
            None => self.positions.clear(),
        }
        self.base = last;
    }
}
