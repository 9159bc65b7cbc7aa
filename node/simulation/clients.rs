//! Clients at work: they do one thing at a time, go to another node when refused,
//! and those with sessions try again what may have happened.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use squall_node::machine::Outcome;

use super::client::{Attempt, Client, Doubt, Errand, Running, Session, Style, ending};
use super::course::{Event, Simulation, Stage};
use super::history::Ending;
use super::plan::Plan;
use super::server::{Answer, AttemptId, Caller, ClientId};
use super::workload::{Deed, Object, Workload};

/// How long a client waits for the answer to one attempt.
const ATTEMPT_US: u64 = 400_000;
/// How long it goes on trying.
const OPERATION_US: u64 = 1_500_000;
/// How many attempts go to any node instead of the one that seems to lead.
const STRAY_PERCENT: u32 = 30;

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
    pub(crate) fn new(plan: &Plan, rng: &mut ChaCha8Rng) -> Self {
        let clients: Vec<_> = (0..plan.clients as u64)
            .map(|process| {
                let again = rng.random_range(0..100) < plan.sessions_percent;
                Client::new(process, if again { Style::Again(None) } else { Style::Once })
            })
            .collect();
        Self {
            last_process: clients.len() as u64,
            clients,
            workload: Workload::new(plan.registers, plan.lists, plan.counters, plan.read_percent),
            last_attempt: 0,
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

    fn get(&mut self, id: ClientId) -> &mut Client {
        &mut self.clients[id.0]
    }

    /// Says what a client does next, if anything.
    fn draw(&mut self, id: ClientId, rng: &mut ChaCha8Rng) -> Option<Errand> {
        let Self { clients, workload, last_reads, .. } = self;
        let client = &mut clients[id.0];
        if let Some(left) = last_reads {
            let object = left.pop()?;
            return Some(Errand::Operation { object, deed: Deed::Read, stamp: None });
        }
        if let Style::Again(None) = client.style {
            return Some(Errand::Register);
        }
        let (object, deed) = workload.draw(rng, |object| client.seen(object));
        let stamp = match &mut client.style {
            Style::Again(Some(session)) if deed != Deed::Read => Some(session.stamp()),
            _ => None,
        };
        Some(Errand::Operation { object, deed, stamp })
    }
}

impl Simulation {
    /// Draws what a message between a client and a node takes, in microseconds.
    pub(crate) fn client_delay(&mut self) -> u64 {
        self.rng.random_range(50..2_000)
    }

    /// Lets a client begin something, or try again.
    pub(crate) fn client_acts(&mut self, id: ClientId) {
        let now = self.schedule.now();
        if self.clients.get(id).running.is_none() {
            let Some(errand) = self.clients.draw(id, &mut self.rng) else { return };
            let client = self.clients.get(id);
            client.running = Some(Running {
                errand,
                deadline: now.after_us(OPERATION_US),
                attempt: None,
                to: None,
                doubt: Doubt::None,
            });
            let process = client.process;
            if let Errand::Operation { object, deed, .. } = errand {
                self.recorder.invoked(now, process, object, deed);
            }
            self.trace.note(now, ("begin", process), || format!("{id:?} begins {errand:?}"));
        }
        self.attempt(id);
    }

    /// Sends what is under way to some node.
    fn attempt(&mut self, id: ClientId) {
        let ids = self.ids();
        let anyone = ids[self.rng.random_range(0..ids.len())];
        let stray = self.rng.random_range(0..100) < STRAY_PERCENT;
        let delay = self.client_delay();
        self.clients.last_attempt += 1;
        let attempt = AttemptId(self.clients.last_attempt);
        let client = self.clients.get(id);
        let to = client.leader.filter(|_| !stray).unwrap_or(anyone);
        let Some(running) = &mut client.running else { return };
        running.attempt = Some(attempt);
        running.to = Some(to);
        let caller = Caller { client: id, attempt };
        let errand = running.errand;
        self.schedule.plan(delay, Event::Arrive(Attempt { caller, to, errand }));
        self.schedule.plan(ATTEMPT_US, Event::GiveUp(caller));
    }

    /// Takes in the answer to an attempt.
    pub(crate) fn answered(&mut self, caller: Caller, answer: Answer) {
        let now = self.schedule.now();
        let client = self.clients.get(caller.client);
        let awaited = |running: &&mut Running| running.attempt == Some(caller.attempt);
        let Some(running) = client.running.as_mut().filter(awaited) else { return };
        match answer {
            Answer::Applied(Outcome::Registered(session)) => {
                client.leader = running.to;
                client.style = Style::Again(Some(Session::new(session)));
                client.running = None;
                self.rest(caller.client);
            }
            Answer::Applied(outcome) => {
                client.leader = running.to;
                if outcome == Outcome::SessionUnknown {
                    client.style = Style::Again(None);
                }
                if let Errand::Operation { deed, .. } = running.errand {
                    let ending = ending(&outcome, deed, running.doubt);
                    self.complete(caller.client, &ending);
                }
            }
            Answer::Found(value) => {
                client.leader = running.to;
                let found = serde_json::from_str(value.as_str());
                let found = found.expect("the machine holds nothing but JSON");
                self.complete(caller.client, &Ending::Ok(found));
            }
            Answer::Refused(leader) => {
                client.leader = leader;
                running.attempt = None;
                if running.deadline <= now {
                    let ending = running.given_up();
                    self.complete(caller.client, &ending);
                } else {
                    let pause = self.rng.random_range(1_000..40_000);
                    self.schedule.plan(pause, Event::Act(caller.client));
                }
            }
            Answer::Unknown => {
                client.leader = None;
                running.attempt = None;
                running.doubt = Doubt::Some;
                if running.errand.may_be_repeated() && running.deadline > now {
                    self.totals.retries += 1;
                    self.schedule.plan(0, Event::Act(caller.client));
                } else {
                    let ending = running.given_up();
                    self.complete(caller.client, &ending);
                }
            }
        }
    }

    /// Ends what a client has under way.
    fn complete(&mut self, id: ClientId, ending: &Ending) {
        let now = self.schedule.now();
        let client = self.clients.get(id);
        let Some(Running { errand, to, .. }) = client.running.take() else { return };
        let process = client.process;
        if let Errand::Operation { object, deed, .. } = errand {
            client.learn(object, deed, ending);
            self.recorder.completed(now, process, (object, deed), to, ending);
            self.count(object, deed, ending);
        }
        self.trace.note(now, ("end", process), || format!("{id:?} ends {errand:?}: {ending:?}"));
        if *ending == Ending::Info {
            self.clients.last_process += 1;
            self.clients.get(id).process = self.clients.last_process;
        }
        self.rest(id);
    }

    /// Notes what brings the run closer to its end.
    fn count(&mut self, object: Object, deed: Deed, ending: &Ending) {
        if let Stage::Recovery { writes } = &mut self.stage
            && deed != Deed::Read
            && matches!(ending, Ending::Ok(_))
        {
            *writes = writes.saturating_sub(1);
        }
        if let Some(left) = &mut self.clients.last_reads
            && deed == Deed::Read
            && *ending == Ending::Fail
        {
            left.push(object);
        }
    }

    fn rest(&mut self, id: ClientId) {
        let rest = self.rng.random_range(self.plan.rest_us.clone());
        self.schedule.plan(rest, Event::Act(id));
    }
}
