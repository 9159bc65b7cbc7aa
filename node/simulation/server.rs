//! A node: its process while it runs, and what outlives the process.

use std::collections::BTreeMap;

use squall_node::machine::{Json, Machine, Outcome};
use squall_node::raft::{LogIndex, NodeId, Position, Raft, ReadId, Role, Snapshot, Term};

use super::clock::Clock;
use super::course::Event;
use super::disk::Disk;
use super::promises::Shadow;
use super::workload::Object;

/// The number of an attempt of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttemptId(pub(crate) u64);

/// The number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientId(pub(crate) usize);

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) client: ClientId,
    pub(crate) attempt: AttemptId,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The command was applied.
    Applied(Outcome),
    /// The key reads as this.
    Found(Json),
    /// Nothing was done nor ever will be; this node may lead.
    Refused(Option<NodeId>),
    /// It may have been done, or be done later.
    Unknown,
}

/// Operations that wait at a node for their answer.
#[derive(Default)]
pub(crate) struct Waiting {
    writes: BTreeMap<(LogIndex, Term), Caller>,
    reads: BTreeMap<ReadId, (Caller, Object)>,
}

impl Waiting {
    pub(crate) fn for_commit(&mut self, position: Position, caller: Caller) {
        self.writes.insert((position.index, position.term), caller);
    }

    pub(crate) fn for_read(&mut self, id: ReadId, caller: Caller, object: Object) {
        self.reads.insert(id, (caller, object));
    }

    pub(crate) fn take_read(&mut self, id: ReadId) -> Option<(Caller, Object)> {
        self.reads.remove(&id)
    }

    /// Answers whoever proposed the entry just applied, and those whose own
    /// entry can no longer be: another one stands in its place.
    pub(crate) fn applied(
        &mut self,
        position: Position,
        outcome: Option<Outcome>,
    ) -> Vec<(Caller, Answer)> {
        let mut outcome = outcome;
        let mut answers = Vec::new();
        while let Some(first) = self.writes.first_entry() {
            let &(index, term) = first.key();
            if index > position.index {
                break;
            }
            let own = Position { term, index } == position;
            let answer = outcome.take_if(|_| own).map_or(Answer::Refused(None), Answer::Applied);
            answers.push((first.remove(), answer));
        }
        answers
    }

    /// Answers whoever proposed while the node led another term than it leads
    /// now, if it does: the entry may be elsewhere, and nobody should wait to see.
    pub(crate) fn lead_lost(&mut self, leads: Option<Term>) -> Vec<(Caller, Answer)> {
        let lost = self.writes.extract_if(.., |(_, proposed), _| Some(*proposed) != leads);
        lost.map(|(_, caller)| (caller, Answer::Unknown)).collect()
    }

    /// Ends the connections of all who wait.
    pub(crate) fn abandon(&mut self) -> Vec<(Caller, Answer)> {
        let writes = std::mem::take(&mut self.writes).into_values();
        let reads = std::mem::take(&mut self.reads).into_values().map(|(caller, _)| caller);
        writes.chain(reads).map(|caller| (caller, Answer::Unknown)).collect()
    }
}

/// What runs while a node is up.
pub(crate) struct Process {
    pub(crate) raft: Raft,
    pub(crate) machine: Machine,
    pub(crate) waiting: Waiting,
    /// A snapshot that is being written.
    pub(crate) saving: Option<Snapshot>,
    pub(crate) log: Shadow,
    /// The term and the role as they were judged last.
    pub(crate) seen: (Term, Role),
    /// What reached it while it was stopped, if it is.
    pub(crate) stopped: Option<Vec<Event>>,
}

/// A node.
pub(crate) struct Server {
    pub(crate) process: Option<Process>,
    /// How often it was started.
    pub(crate) lives: u64,
    pub(crate) disk: Disk,
    /// How much longer writes take than usual.
    pub(crate) disk_slowness: u64,
    pub(crate) clock: Clock,
}

impl Process {
    /// Returns the term the node leads, as far as it knows.
    pub(crate) fn leads(&self) -> Option<Term> {
        let status = self.raft.status();
        (status.role == Role::Leader).then_some(status.term)
    }
}
