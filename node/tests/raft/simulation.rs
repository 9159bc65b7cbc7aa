//! Random runs: lossy, reordering, repeating networks, cuts, and crashes that
//! lose what was not synced, with the promises of Raft checked after each step.
//!
//! A run is a function of its seed. The planted bugs show that the checks bite:
//! each has to break its promise in some run.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use squall_node::bugs::Bug;
use squall_node::raft::{Elections, NodeId, ReadId, Role};

use crate::cluster::{Cluster, Kept, Settings, node_id};
use crate::invariants::{Broken, Invariants};

const STEPS: u32 = 1_500;

struct Simulation {
    cluster: Cluster,
    invariants: Invariants,
    rng: ChaCha8Rng,
    last_read: u64,
    /// Writes of which a crash left some entries but not all.
    torn: u32,
}

/// What a run amounted to.
struct Ran {
    committed: usize,
    reads: usize,
    torn: u32,
    /// Snapshots that were sent to followers as a whole.
    installed: u32,
}

impl Simulation {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = [1, 2, 3, 4, 5, 3, 5][rng.random_range(0..7)];
        // Bugs of elections show where elections are many.
        let elections = match bug {
            None if !seed.is_multiple_of(4) => Elections::Guarded,
            _ => Elections::Plain,
        };
        let settings = Settings { bug, elections, seed, ..Settings::default() };
        Self {
            cluster: Cluster::new(size, settings),
            invariants: Invariants::default(),
            rng,
            last_read: 0,
            torn: 0,
        }
    }

    /// Runs amid faults, then without, and demands that the cluster recovers.
    fn run(mut self) -> Result<Ran, Broken> {
        for step in 0..STEPS {
            self.step()?;
            if step % 50 == 0 {
                self.invariants.judge_logs(&self.cluster)?;
            }
        }
        self.recover()?;
        Ok(Ran {
            committed: self.invariants.committed_len(),
            reads: self.invariants.reads_answered,
            torn: self.torn,
            installed: self.cluster.nodes.values().map(|node| node.installed).sum(),
        })
    }

    fn step(&mut self) -> Result<(), Broken> {
        let id = self.any_node();
        match self.rng.random_range(0..1_000) {
            0..250 => self.tick(id)?,
            250..700 => self.deliver_any()?,
            700..880 => {
                self.cluster.finish_write(id);
                self.judge(id)?;
            }
            880..940 => self.propose(id)?,
            940..965 => self.read(id)?,
            965..978 => {
                // The one begun last time, if the node still lives.
                self.cluster.finish_snapshot(id);
                self.cluster.begin_snapshot(id);
                self.judge(id)?;
            }
            978..985 => self.crash(id),
            985..993 => self.restart_all(),
            993..997 => self.cut_in_two(),
            _ => self.cluster.cut.clear(),
        }
        Ok(())
    }

    fn any_node(&mut self) -> NodeId {
        node_id(self.rng.random_range(1..=self.cluster.nodes.len()))
    }

    fn tick(&mut self, id: NodeId) -> Result<(), Broken> {
        if let Some(raft) = self.cluster.raft(id) {
            raft.tick();
        }
        self.cluster.act(id);
        self.judge(id)
    }

    /// Delivers any message, in any order; loses some, keeps a copy of others.
    fn deliver_any(&mut self) -> Result<(), Broken> {
        if self.cluster.network.is_empty() {
            return Ok(());
        }
        let place = self.rng.random_range(0..self.cluster.network.len());
        let message = match self.rng.random_range(0..100) {
            0..5 => {
                self.cluster.network.swap_remove(place);
                return Ok(());
            }
            5..10 => self.cluster.network[place].clone(),
            _ => self.cluster.network.swap_remove(place),
        };
        let to = message.to;
        self.cluster.deliver(message).map_err(|_| Broken::CommittedConflict(to))?;
        self.judge(to)
    }

    /// Proposes some commands at once, so that there are writes to tear.
    fn propose(&mut self, id: NodeId) -> Result<(), Broken> {
        for _ in 0..self.rng.random_range(1..=4) {
            let command = self.rng.random::<u64>().to_le_bytes().to_vec();
            if let Some(raft) = self.cluster.raft(id) {
                // Nodes that do not lead refuse, which is part of the run.
                let _ = raft.propose(command);
            }
        }
        self.cluster.act(id);
        self.judge(id)
    }

    fn read(&mut self, id: NodeId) -> Result<(), Broken> {
        self.last_read += 1;
        let read = ReadId(self.last_read);
        if let Some(raft) = self.cluster.raft(id)
            && raft.read(read).is_ok()
        {
            self.invariants.read_begins(read);
        }
        self.cluster.act(id);
        self.judge(id)
    }

    /// Crashes a node, often amid a write; otherwise with luck after some writes
    /// it never learns are done.
    fn crash(&mut self, id: NodeId) {
        // Writes of several entries are rare: half of the crashes look for one.
        let torn = self.cluster.ids().into_iter().find_map(|id| {
            let entries = self.cluster.unfinished_len(id).filter(|&entries| entries > 1)?;
            Some((id, entries))
        });
        let id = match torn {
            Some((id, entries)) if self.rng.random_bool(0.5) => {
                let kept = self.rng.random_range(0..entries);
                self.cluster.crash_amid_write(id, Kept::Entries(kept));
                self.torn += u32::from(kept > 0);
                id
            }
            _ => {
                for _ in 0..self.rng.random_range(0..3) {
                    self.cluster.finish_silently(id);
                }
                if self.rng.random_bool(0.2) {
                    self.cluster.finish_snapshot_silently(id);
                }
                match self.rng.random_range(0..4) {
                    0 => self.cluster.crash_amid_write(id, Kept::HardState),
                    1 => self.cluster.crash_amid_write(id, Kept::Entries(0)),
                    _ => self.cluster.crash(id),
                }
                id
            }
        };
        if self.rng.random_bool(0.5) {
            self.restart(id);
        }
    }

    fn restart(&mut self, id: NodeId) {
        self.cluster.start(id);
        self.invariants.restarted(id);
    }

    fn restart_all(&mut self) {
        for id in self.cluster.ids() {
            if self.cluster.node(id).raft.is_none() {
                self.restart(id);
            }
        }
    }

    fn cut_in_two(&mut self) {
        let ids = self.cluster.ids();
        let inside: Vec<_> = ids.iter().map(|_| self.rng.random_bool(0.5)).collect();
        for (a, a_inside) in ids.iter().zip(&inside) {
            for (b, b_inside) in ids.iter().zip(&inside) {
                if a_inside != b_inside {
                    self.cluster.cut.insert((*a, *b));
                }
            }
        }
    }

    fn judge(&mut self, id: NodeId) -> Result<(), Broken> {
        let node = self.cluster.nodes.get_mut(&id).unwrap();
        self.invariants.judge(id, node)
    }

    /// Ends all faults; a leader has to emerge, and its next entry to be applied
    /// by everyone.
    fn recover(&mut self) -> Result<(), Broken> {
        self.cluster.cut.clear();
        self.restart_all();
        let mut proposed = None;
        for round in 0..300 {
            for id in self.cluster.ids() {
                self.tick(id)?;
            }
            for _ in 0..8 {
                for message in std::mem::take(&mut self.cluster.network) {
                    let to = message.to;
                    self.cluster.deliver(message).map_err(|_| Broken::CommittedConflict(to))?;
                    self.judge(to)?;
                }
                for id in self.cluster.ids() {
                    while self.cluster.finish_write(id) {}
                    self.judge(id)?;
                }
            }
            self.invariants.judge_logs(&self.cluster)?;
            let everywhere = self.cluster.nodes.values().map(|node| node.applied.len()).min();
            if proposed.is_some() && everywhere >= proposed {
                return Ok(());
            }
            // The first leader seen may be about to be deposed.
            if proposed.is_none() || round % 50 == 0 {
                proposed = self.propose_anywhere();
            }
        }
        Err(Broken::Liveness)
    }

    fn propose_anywhere(&mut self) -> Option<usize> {
        // Of several that believe to lead, the one with the newest term does.
        let leader = self.cluster.ids().into_iter().filter_map(|id| {
            let status = self.cluster.node(id).raft.as_ref()?.status();
            (status.role == Role::Leader).then_some((status.term, id))
        });
        let (_, id) = leader.max()?;
        let position = self.cluster.raft(id)?.propose(b"after the faults".to_vec()).ok()?;
        self.cluster.act(id);
        Some(position.index.0 as usize)
    }
}

#[test]
fn the_promises_hold_amid_faults_and_the_cluster_recovers() {
    let mut total = Ran { committed: 0, reads: 0, torn: 0, installed: 0 };
    for seed in 0..400 {
        match Simulation::new(seed, None).run() {
            Ok(ran) => {
                total.committed += ran.committed;
                total.reads += ran.reads;
                total.torn += ran.torn;
                total.installed += ran.installed;
            }
            Err(broken) => panic!("seed {seed}: {broken:?}"),
        }
    }
    // A simulation in which nothing happens proves nothing.
    let Ran { committed, reads, torn, installed } = total;
    assert!(committed > 4_000, "only {committed} entries were committed");
    assert!(reads > 400, "only {reads} reads were answered");
    assert!(torn > 100, "only {torn} writes were torn by a crash");
    assert!(installed > 40, "only {installed} snapshots reached followers");
}

/// Runs seeds until one breaks the promise that `bug` is about. Others may break
/// too, before or instead.
fn assert_some_run_breaks(bug: Bug, promise: impl Fn(&Broken) -> bool) {
    let shows = |seed| Simulation::new(seed, Some(bug)).run().is_err_and(|broken| promise(&broken));
    assert!((0..2_000).any(shows), "no run shows {bug}");
}

#[test]
fn acknowledging_before_commitment_breaks_state_machine_safety() {
    assert_some_run_breaks(Bug::AckBeforeCommit, |broken| {
        matches!(broken, Broken::StateMachineSafety(..))
    });
}

#[test]
fn forgetting_the_vote_breaks_election_safety() {
    assert_some_run_breaks(Bug::ForgetVote, |broken| matches!(broken, Broken::ElectionSafety(..)));
}

#[test]
fn reading_without_confirmation_breaks_reads() {
    assert_some_run_breaks(Bug::StaleRead, |broken| matches!(broken, Broken::StaleRead(..)));
}
