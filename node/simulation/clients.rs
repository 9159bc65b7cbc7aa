//! Clients: they do one thing at a time, and go to another node when refused.

use rand::RngExt;
use squall_node::raft::NodeId;

use super::history::Ending;
use super::plan::Plan;
use super::replica::Outcome;
use super::schedule::Moment;
use super::server::{Answer, AttemptId, Caller, ClientId};
use super::simulation::{Event, Simulation, Stage};
use super::workload::{Deed, Object, Workload};

/// How long a client waits for the answer to one attempt.
const ATTEMPT_US: u64 = 400_000;
/// How long it goes on trying.
const OPERATION_US: u64 = 1_000_000;

/// An operation on its way to a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) caller: Caller,
    pub(crate) to: NodeId,
    pub(crate) object: Object,
    pub(crate) deed: Deed,
}

/// Whether an operation may have taken effect already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    None,
    Some,
}

struct Running {
    object: Object,
    deed: Deed,
    deadline: Moment,
    /// The attempt whose answer is waited for, unless the client rests.
    attempt: Option<AttemptId>,
    to: Option<NodeId>,
    doubt: Doubt,
}

struct Client {
    /// Its name in the history; a new one after an operation of unknown end.
    process: u64,
    running: Option<Running>,
    /// Who it thinks leads.
    leader: Option<NodeId>,
    /// What it last saw in registers.
    seen: Vec<(Object, i64)>,
}

/// All clients.
pub(crate) struct Clients {
    clients: Vec<Client>,
    workload: Workload,
    last_attempt: u64,
    last_process: u64,
    /// What is still to be read at the end, once that has begun.
    last_reads: Option<Vec<Object>>,
}

impl Clients {
    pub(crate) fn new(plan: &Plan) -> Self {
        let client = |process| Client { process, running: None, leader: None, seen: Vec::new() };
        Self {
            clients: (0..plan.clients as u64).map(client).collect(),
            workload: Workload::new(plan.registers, plan.lists, plan.counters, plan.read_percent),
            last_attempt: 0,
            last_process: plan.clients as u64 - 1,
            last_reads: None,
        }
    }

    /// From now on clients only read each key once more.
    pub(crate) fn begin_last_reads(&mut self) {
        self.last_reads = Some(self.workload.objects().to_vec());
    }

    /// Returns whether the last reads are done.
    pub(crate) fn are_done(&self) -> bool {
        self.last_reads.as_ref().is_some_and(Vec::is_empty)
            && self.clients.iter().all(|client| client.running.is_none())
    }
}

impl Simulation {
    /// Draws what a message between a client and a node takes, in microseconds.
    pub(crate) fn client_delay(&mut self) -> u64 {
        self.rng.random_range(50..2_000)
    }

    /// Lets a client begin an operation, or try again.
    pub(crate) fn client_acts(&mut self, id: ClientId) {
        let now = self.schedule.now();
        if self.clients.clients[id.0].running.is_none() {
            let Some((object, deed)) = self.draw(id) else { return };
            let client = &mut self.clients.clients[id.0];
            client.running = Some(Running {
                object,
                deed,
                deadline: now.after_us(OPERATION_US),
                attempt: None,
                to: None,
                doubt: Doubt::None,
            });
            self.recorder.invoked(now, client.process, object, deed);
            self.trace.note(now, ("invoke", client.process, deed), || {
                format!("{id:?} invokes {object} {deed:?}")
            });
        }
        self.attempt(id);
    }

    fn draw(&mut self, id: ClientId) -> Option<(Object, Deed)> {
        let Clients { clients, workload, last_reads, .. } = &mut self.clients;
        match last_reads {
            Some(left) => left.pop().map(|object| (object, Deed::Read)),
            None => {
                let seen = &clients[id.0].seen;
                let seen = |object| {
                    seen.iter().find(|(other, _)| *other == object).map(|(_, value)| *value)
                };
                Some(workload.draw(&mut self.rng, seen))
            }
        }
    }

    /// Sends the operation under way to some node.
    fn attempt(&mut self, id: ClientId) {
        let ids = self.ids();
        let anyone = ids[self.rng.random_range(0..ids.len())];
        let stray = self.rng.random_range(0..100) < 30;
        let delay = self.client_delay();
        self.clients.last_attempt += 1;
        let attempt = AttemptId(self.clients.last_attempt);
        let client = &mut self.clients.clients[id.0];
        let to = client.leader.filter(|_| !stray).unwrap_or(anyone);
        let Some(running) = &mut client.running else { return };
        running.attempt = Some(attempt);
        running.to = Some(to);
        let caller = Caller { client: id, attempt };
        let Running { object, deed, .. } = *running;
        self.schedule.plan(delay, Event::Arrive(Attempt { caller, to, object, deed }));
        self.schedule.plan(ATTEMPT_US, Event::GiveUp(caller));
    }

    /// Takes in the answer to an attempt.
    pub(crate) fn answered(&mut self, caller: Caller, answer: Answer) {
        let now = self.schedule.now();
        let client = &mut self.clients.clients[caller.client.0];
        let awaited = |running: &&mut Running| running.attempt == Some(caller.attempt);
        let Some(running) = client.running.as_mut().filter(awaited) else { return };
        let deed = running.deed;
        match answer {
            Answer::Done(outcome) => {
                client.leader = running.to;
                self.complete(caller.client, ending(outcome, deed));
            }
            Answer::Refused(leader) => {
                client.leader = leader;
                if running.deadline <= now {
                    let ending =
                        if running.doubt == Doubt::None { Ending::Fail } else { Ending::Info };
                    self.complete(caller.client, ending);
                } else {
                    running.attempt = None;
                    let pause = self.rng.random_range(1_000..40_000);
                    self.schedule.plan(pause, Event::Act(caller.client));
                }
            }
            Answer::Unknown => {
                client.leader = None;
                running.doubt = Doubt::Some;
                let ending = if deed == Deed::Read { Ending::Fail } else { Ending::Info };
                self.complete(caller.client, ending);
            }
        }
    }

    fn complete(&mut self, id: ClientId, ending: Ending) {
        let now = self.schedule.now();
        let client = &mut self.clients.clients[id.0];
        let Some(Running { object, deed, to, .. }) = client.running.take() else { return };
        self.trace.note(now, ("complete", client.process), || {
            format!("{id:?} ends {object} {deed:?}: {ending:?}")
        });
        self.recorder.completed(now, client.process, (object, deed), to, &ending);
        let held = match (&ending, deed) {
            (Ending::Ok(found), Deed::Read) | (Ending::Mismatch(found), _) => found.as_i64(),
            (Ending::Ok(_), Deed::Write(new) | Deed::Cas { new, .. }) => Some(new),
            _ => None,
        };
        client.seen.retain(|(other, _)| *other != object);
        client.seen.extend(held.map(|value| (object, value)));
        if ending == Ending::Info {
            self.clients.last_process += 1;
            self.clients.clients[id.0].process = self.clients.last_process;
        }
        if let Stage::Recovery { writes } = &mut self.stage
            && deed != Deed::Read
            && matches!(ending, Ending::Ok(_))
        {
            *writes = writes.saturating_sub(1);
        }
        if self.clients.last_reads.is_some() && deed == Deed::Read && ending == Ending::Fail {
            self.clients.last_reads.get_or_insert_default().push(object);
        }
        let rest = self.rng.random_range(self.plan.rest_us.clone());
        self.schedule.plan(rest, Event::Act(id));
    }
}

/// Says how an operation ended, given its outcome.
fn ending(outcome: Outcome, deed: Deed) -> Ending {
    match outcome {
        Outcome::Found(value) => Ending::Ok(value),
        Outcome::Written => Ending::Ok(deed.argument()),
        Outcome::Mismatch(actual) => Ending::Mismatch(actual),
    }
}
