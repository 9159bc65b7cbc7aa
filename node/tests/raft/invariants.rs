//! The properties Raft promises at all times (Ongaro 2014, figure 3.2), judged
//! from outside: by what nodes claim to be, hold and apply.

use std::collections::BTreeMap;

use squall_node::raft::{Entry, LogIndex, NodeId, ReadId, ReadReady, Role, Term};

use crate::cluster::{Cluster, Node};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Two nodes lead the same term.
    ElectionSafety(Term, NodeId, NodeId),
    /// Two logs agree at an index and differ before it.
    LogMatching(NodeId, NodeId, LogIndex),
    /// A leader lacks an entry committed in an earlier term.
    LeaderCompleteness(NodeId, LogIndex),
    /// Two nodes applied different entries at the same index.
    StateMachineSafety(NodeId, LogIndex),
    /// A read may miss an entry that was applied before the read began.
    StaleRead(NodeId, ReadId),
    /// A node found a committed entry contradicted.
    CommittedConflict(NodeId),
    /// The faults ended and the cluster did not recover.
    Liveness,
}

/// An entry some node applied, and so took for committed.
struct Committed {
    entry: Entry,
    /// The term of that node then; the entry was committed in this term or before.
    by_term: Term,
}

#[derive(Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<Term, NodeId>,
    committed: Vec<Committed>,
    /// How much of each node's applied entries has been judged.
    judged: BTreeMap<NodeId, usize>,
    /// What was committed when each read began.
    reads: BTreeMap<ReadId, LogIndex>,
    pub(crate) reads_answered: usize,
}

impl Invariants {
    pub(crate) fn committed_len(&self) -> usize {
        self.committed.len()
    }

    pub(crate) fn read_begins(&mut self, id: ReadId) {
        self.reads.insert(id, LogIndex(self.committed.len() as u64));
    }

    /// Forgets how far a node had applied, because it starts anew.
    pub(crate) fn restarted(&mut self, id: NodeId) {
        self.judged.remove(&id);
    }

    /// Judges what one node has done since it was last judged.
    pub(crate) fn judge(&mut self, id: NodeId, node: &mut Node) -> Result<(), Broken> {
        let Some(raft) = &node.raft else { return Ok(()) };
        let status = raft.status();
        self.judge_applied(id, node, status.term)?;
        for ReadReady { id: read, index } in node.reads.drain(..) {
            self.reads_answered += 1;
            if self.reads.remove(&read).is_some_and(|least| index < least) {
                return Err(Broken::StaleRead(id, read));
            }
        }
        if status.role == Role::Leader {
            let first = *self.leaders.entry(status.term).or_insert_with(|| id);
            if first != id {
                return Err(Broken::ElectionSafety(status.term, first, id));
            }
            self.judge_leader(id, &node.log, status.term)?;
        }
        Ok(())
    }

    fn judge_applied(&mut self, id: NodeId, node: &Node, term: Term) -> Result<(), Broken> {
        let judged = self.judged.entry(id).or_default();
        // A node that was taken back to a snapshot is judged afresh.
        *judged = if *judged > node.applied.len() { 0 } else { *judged };
        for (place, entry) in node.applied.iter().enumerate().skip(*judged) {
            let index = LogIndex(place as u64 + 1);
            // Gaps and repetitions are as bad as other entries.
            if entry.position.index != index {
                return Err(Broken::StateMachineSafety(id, index));
            }
            match self.committed.get(place) {
                Some(known) if known.entry != *entry => {
                    return Err(Broken::StateMachineSafety(id, index));
                }
                Some(_) => {}
                None => self.committed.push(Committed { entry: entry.clone(), by_term: term }),
            }
        }
        *judged = node.applied.len();
        Ok(())
    }

    fn judge_leader(&self, id: NodeId, log: &[Entry], term: Term) -> Result<(), Broken> {
        for (place, Committed { entry, by_term }) in self.committed.iter().enumerate() {
            if *by_term < term && log.get(place) != Some(entry) {
                return Err(Broken::LeaderCompleteness(id, entry.position.index));
            }
        }
        Ok(())
    }

    /// Compares all logs with each other.
    pub(crate) fn judge_logs(&self, cluster: &Cluster) -> Result<(), Broken> {
        let nodes: Vec<_> = cluster.nodes.iter().collect();
        for (number, (a, a_node)) in nodes.iter().enumerate() {
            for (b, b_node) in &nodes[number + 1..] {
                let both = || a_node.log.iter().zip(&b_node.log);
                let agreed = both().rposition(|(ours, theirs)| ours.position == theirs.position);
                let equal = both().take_while(|(ours, theirs)| ours == theirs).count();
                if agreed.is_some_and(|last| last >= equal) {
                    return Err(Broken::LogMatching(**a, **b, LogIndex(equal as u64 + 1)));
                }
            }
        }
        Ok(())
    }
}
