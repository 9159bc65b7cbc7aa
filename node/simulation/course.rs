//! One run: the events of a whole cluster, one after the other.

use std::collections::BTreeMap;
use std::fmt;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use squall_node::bugs::Bug;
use squall_node::raft::{LogIndex, Membership, Message, NodeId};

use super::client::Attempt;
use super::clients::Clients;
use super::clock::{Clock, TRUE_RATE};
use super::disk::Disk;
use super::faults::Undo;
use super::history::Recorder;
use super::network::Network;
use super::plan::{Plan, RECOVERY_US, fair_quality};
use super::promises::{Broken, Promises};
use super::schedule::Schedule;
use super::server::{Answer, Caller, ClientId, Server};
use super::totals::Totals;
use super::trace::{Trace, Words};

/// Which life of a node something belongs to; what outlives it is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Life {
    pub(crate) node: NodeId,
    pub(crate) number: u64,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Tick(Life),
    Deliver(Message),
    Written(Life),
    /// A node's own snapshot is durable.
    Saved(Life),
    /// A client's attempt reaches a node.
    Arrive(Attempt),
    /// A node's answer reaches a client.
    Answered(Caller, Answer),
    /// A client waits no longer for the answer to an attempt.
    GiveUp(Caller),
    /// A client has rested.
    Act(ClientId),
    Fault,
    Undo(Undo),
    /// The faults end.
    Calm,
    /// The cluster should have recovered.
    Overdue,
}

/// What part of a run is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Faults begin and end.
    Faults,
    /// They have ended; this many more writes have to succeed.
    Recovery { writes: u32 },
    /// Every member has to apply what was committed when that had happened.
    Leveling { target: LogIndex },
    /// Every key is read once more.
    LastReads,
    /// Nothing is left to be seen.
    Over,
}

/// Writes that have to succeed before a cluster counts as recovered.
const WRITES_TO_RECOVER: u32 = 5;

/// A cluster with its clients and its weather.
pub(crate) struct Simulation {
    pub(crate) plan: Plan,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) schedule: Schedule<Event>,
    pub(crate) servers: BTreeMap<NodeId, Server>,
    pub(crate) network: Network,
    pub(crate) clients: Clients,
    pub(crate) recorder: Recorder,
    pub(crate) promises: Promises,
    pub(crate) stage: Stage,
    pub(crate) trace: Trace,
    pub(crate) totals: Totals,
}

/// A run that broke a promise.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) broken: Broken,
    /// The last events in words.
    pub(crate) tail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.tail {
            writeln!(f, "{line}")?;
        }
        let bug = self.bug.map_or_else(String::new, |bug| format!(" --bug {bug}"));
        let seed = self.seed;
        writeln!(f, "seed {seed} breaks {}", self.broken)?;
        write!(f, "again: --example simulate -- --seed {seed} --seeds 1{bug}")
    }
}

/// Runs what a plan says, amid faults and then without, and judges it.
///
/// A run that fails is run once more to say what happened: its last `words`
/// events.
///
/// # Errors
/// A promise was broken.
pub(crate) fn run(plan: &Plan, words: usize) -> Result<Totals, Box<Failure>> {
    Simulation::new(plan.clone(), Words::None).run().map_err(|broken| {
        let mut again = Simulation::new(plan.clone(), Words::Last(words));
        let repeated = again.go_on();
        debug_assert_eq!(repeated.is_err(), broken.is_seen_in_passing());
        let tail = again.trace.into_tail();
        Box::new(Failure { seed: plan.seed, bug: plan.bug, broken, tail })
    })
}

/// Returns the name of the node with this number, counted from one.
pub(crate) fn node_id(number: usize) -> NodeId {
    format!("n{number}").parse().expect("the name is short and made of letters and digits")
}

impl Simulation {
    /// Prepares a run.
    fn new(plan: Plan, words: Words) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let ids: Vec<_> = (1..=plan.nodes + plan.spares).map(node_id).collect();
        let server = |rng: &mut ChaCha8Rng| Server {
            process: None,
            lives: 0,
            disk: Disk::new(plan.syncing),
            disk_slowness: 1,
            clock: Clock::new(rng.random_range(plan.clock_rates.clone())),
        };
        let mut simulation = Self {
            schedule: Schedule::new(),
            servers: ids.iter().map(|&id| (id, server(&mut rng))).collect(),
            network: Network::new(plan.quality.clone()),
            clients: Clients::new(&plan, &mut rng),
            recorder: Recorder::default(),
            promises: Promises::new(plan.judge),
            stage: Stage::Faults,
            trace: Trace::new(words),
            totals: Totals::default(),
            rng,
            plan,
        };
        simulation.schedule.plan(simulation.plan.faults_us, Event::Calm);
        simulation.schedule.plan(simulation.plan.faults_us + RECOVERY_US, Event::Overdue);
        simulation.plan_fault();
        for client in 0..simulation.plan.clients {
            simulation.schedule.plan(client as u64 * 100, Event::Act(ClientId(client)));
        }
        simulation
    }

    fn run(mut self) -> Result<Totals, Broken> {
        self.go_on()?;
        let mut totals = self.totals;
        totals.runs = 1;
        totals.events = self.trace.events();
        totals.digest = self.trace.digest();
        totals.committed = self.promises.committed_len() as u64;
        totals.elections = self.promises.elections() as u64;
        totals.ok = self.recorder.ok;
        totals.info = self.recorder.info;
        self.recorder.judge()?;
        Ok(totals)
    }

    fn go_on(&mut self) -> Result<(), Broken> {
        for id in self.ids() {
            self.start(id)?;
        }
        while self.stage != Stage::Over
            && let Some(event) = self.schedule.next()
        {
            self.handle(event)?;
        }
        Ok(())
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.servers.keys().copied().collect()
    }

    /// Returns the members a node begins with: none, for one that is to be added.
    pub(crate) fn first_members(&self, id: NodeId) -> Membership {
        let members = Membership::of_voters((1..=self.plan.nodes).map(node_id));
        if members.contains(id) { members } else { Membership::default() }
    }

    pub(crate) fn handle(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Tick(life) => self.tick(life),
            Event::Deliver(message) => self.deliver(message),
            Event::Written(life) => self.written(life),
            Event::Saved(life) => self.saved(life),
            Event::Arrive(attempt) => self.arrive(attempt),
            Event::Answered(caller, answer) => {
                self.answered(caller, answer);
                self.look_around();
                Ok(())
            }
            Event::GiveUp(caller) => {
                self.answered(caller, Answer::Unknown);
                self.look_around();
                Ok(())
            }
            Event::Act(client) => {
                self.client_acts(client);
                Ok(())
            }
            Event::Fault => self.begin_fault(),
            Event::Undo(undo) => self.undo(undo),
            Event::Calm => self.calm(),
            Event::Overdue => {
                self.stage = Stage::Over;
                self.promises.broken(Broken::Liveness)
            }
        }
    }

    /// Ends all faults.
    fn calm(&mut self) -> Result<(), Broken> {
        self.trace.note(self.schedule.now(), "calm", || "-- the faults end".to_owned());
        self.stage = Stage::Recovery { writes: WRITES_TO_RECOVER };
        self.network.heal();
        self.network.quality = fair_quality();
        let now = self.schedule.now();
        for id in self.ids() {
            let server = self.server(id);
            server.disk_slowness = 1;
            server.clock.set_rate(now, TRUE_RATE);
            self.resume(id)?;
            self.start(id)?;
        }
        Ok(())
    }

    /// Goes on to the next stage once the present one has come to its end.
    fn look_around(&mut self) {
        match self.stage {
            Stage::Recovery { writes: 0 } => {
                let target = LogIndex(self.promises.committed_len() as u64);
                self.stage = Stage::Leveling { target };
            }
            Stage::Leveling { target } if self.is_level(target) => {
                self.stage = Stage::LastReads;
                self.clients.begin_last_reads();
            }
            Stage::LastReads if self.clients.are_done() => self.stage = Stage::Over,
            _ => {}
        }
    }

    /// Returns whether every member has applied everything up to `target`.
    fn is_level(&self, target: LogIndex) -> bool {
        let process = |id: NodeId| self.servers.get(&id).and_then(|it| it.process.as_ref());
        let Some(leader) = self.leader().and_then(process) else { return false };
        leader.raft.membership().members().all(|(id, _)| {
            process(id).is_some_and(|process| process.raft.status().applied >= target)
        })
    }

    pub(crate) fn server(&mut self, id: NodeId) -> &mut Server {
        self.servers.get_mut(&id).expect("nodes are only ever named after they were made")
    }
}
