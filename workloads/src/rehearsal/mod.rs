//! Workloads without a cluster: clients in virtual time against a store in memory.
//!
//! [`rehearse`] has the clients of a workload go through their streams while replies take
//! random times and some operations are refused, get lost on the way there, or get lost on the
//! way back; what they saw is a history like any other. Everything follows from one seed. It
//! is how workloads are tested, one of your own too, and how one is seen at work in
//! milliseconds.

mod store;

pub use store::{Flaw, Reply, Store};

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::{Value, json};
use squall_checker::history::{
    Event, EventType, FORMAT_VERSION, Header, HeaderTag, History, HistoryBuilder, HistoryError,
    Process,
};

use crate::{
    generator::{Generator, Step},
    operation::{Ending, Invocation},
    workload::{Client, Workload},
};

/// What the store and the network between are like.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Determines everything.
    pub seed: u64,
    /// Clients at once, at least 1.
    pub clients: usize,
    /// Nodes they are spread over; all of them serve the one store.
    pub nodes: usize,
    /// How long the clients go on.
    pub time: Duration,
    /// The longest an operation may take; half of that is the mean.
    pub latency_max: Duration,
    /// Of a thousand operations, so many are refused.
    pub refused: u32,
    /// Of a thousand operations, so many are indeterminate; half of them take effect, some of
    /// these much later.
    pub lost: u32,
    /// What the store does wrong.
    pub flaw: Flaw,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            seed: 0,
            clients: 8,
            nodes: 3,
            time: Duration::from_secs(2),
            latency_max: Duration::from_millis(10),
            refused: 30,
            lost: 30,
            flaw: Flaw::None,
        }
    }
}

/// How long an operation whose reply is lost may wait before it takes effect, as a multiple of
/// the longest latency.
const LATE: u32 = 20;

/// One operation of one client.
#[derive(Clone, Debug)]
pub struct Performed {
    /// The client, counted from 0.
    pub client: usize,
    /// When it was invoked.
    pub invoked: Duration,
    /// When its client knew, or gave up.
    pub completed: Duration,
    /// What was asked.
    pub invocation: Invocation,
    /// What came of it; nothing if it is indeterminate.
    pub reply: Option<Reply>,
}

/// What a rehearsal came to.
#[derive(Debug)]
pub struct Rehearsed {
    /// All operations of clients, by the time they were invoked.
    pub performed: Vec<Performed>,
    /// The same as a history, with the final reads after them.
    pub history: History,
}

/// Has clients go through a workload.
///
/// # Errors
/// What the clients did is no history, which is a fault of the workload.
pub fn rehearse(
    workload: &dyn Workload,
    conditions: Conditions,
) -> Result<Rehearsed, HistoryError> {
    let mut stage = Stage::new(conditions);
    for number in 0..conditions.clients {
        let client = Client::new(number, conditions.clients, conditions.nodes);
        let stream = workload.generator(client);
        stage.clients.push(Actor { stream, process: number as u64, open: None });
        stage.plan(Duration::ZERO, Cue::Ask(number));
    }
    stage.service_check(workload);
    stage.play();
    stage.read_back(workload);
    let header = Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "rehearsal".to_owned(),
        workload: workload.name().to_owned(),
        model: workload.model().to_string(),
        nodes: (1..=conditions.nodes).map(|node| format!("n{node}")).collect(),
        seed: conditions.seed,
        plan: json!({}),
        started_unix_ns: None,
        utc_offset_s: None,
    };
    let mut builder = HistoryBuilder::new(Some(header));
    for (line, event) in (1..).zip(stage.events) {
        builder.push(line, event)?;
    }
    Ok(Rehearsed { performed: stage.performed, history: builder.finish() })
}

/// Something that happens at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cue {
    /// A client is asked what it does.
    Ask(usize),
    /// The operation of this number takes effect.
    Effect(usize),
    /// The client of the operation of this number learns how it ended.
    Complete(usize),
}

struct Actor {
    stream: Box<dyn Generator>,
    process: u64,
    open: Option<usize>,
}

struct Stage {
    conditions: Conditions,
    rng: ChaCha8Rng,
    store: Store,
    clients: Vec<Actor>,
    cues: BinaryHeap<Reverse<(Duration, u64, Cue)>>,
    number: u64,
    performed: Vec<Performed>,
    events: Vec<Event>,
    /// How operations that took effect ended, until their clients know.
    replies: BTreeMap<usize, Reply>,
}

impl Stage {
    fn new(conditions: Conditions) -> Self {
        // A prime, so that every function comes by.
        let store = Store::new(conditions.flaw, 13);
        Self {
            conditions,
            rng: ChaCha8Rng::seed_from_u64(conditions.seed),
            store,
            clients: Vec::new(),
            cues: BinaryHeap::new(),
            number: 0,
            performed: Vec::new(),
            events: Vec::new(),
            replies: BTreeMap::new(),
        }
    }

    fn plan(&mut self, at: Duration, cue: Cue) {
        self.number += 1;
        self.cues.push(Reverse((at, self.number, cue)));
    }

    fn play(&mut self) {
        while let Some(Reverse((now, _, cue))) = self.cues.pop() {
            match cue {
                Cue::Ask(client) => self.ask(client, now),
                Cue::Effect(operation) => {
                    let reply = self.store.apply(&self.performed[operation].invocation);
                    self.replies.insert(operation, reply);
                }
                Cue::Complete(operation) => self.complete(operation, now),
            }
        }
    }

    fn ask(&mut self, client: usize, now: Duration) {
        if now >= self.conditions.time {
            return;
        }
        match self.clients[client].stream.next(now) {
            Step::Done => {}
            Step::Wait(until) => {
                let soonest = now + Duration::from_nanos(1);
                self.plan(until.max(soonest).min(self.conditions.time), Cue::Ask(client));
            }
            Step::Invoke(invocation) => self.invoke(client, invocation, now),
        }
    }

    fn invoke(&mut self, client: usize, invocation: Invocation, now: Duration) {
        let process = self.clients[client].process;
        self.record(process, EventType::Invoke, &invocation, invocation.value.clone(), None, now);
        let takes = self.conditions.latency_max.mul_f64(self.rng.random());
        let completed = now + takes;
        let fate = self.rng.random_range(0..1_000);
        let number = self.performed.len();
        let Conditions { refused, lost, .. } = self.conditions;
        let mut effect = Some(now + takes.mul_f64(self.rng.random()));
        let mut reply = None;
        if fate < refused {
            effect = None;
            reply = Some(Reply::Fail("refused".to_owned()));
        } else if fate < refused + lost {
            effect = match fate % 4 {
                0 | 1 => None,
                2 => effect,
                _ => Some(now + self.conditions.latency_max * LATE),
            };
        }
        let answered = fate >= refused + lost;
        self.performed.push(Performed { client, invoked: now, completed, invocation, reply });
        if let Some(at) = effect {
            self.plan(at, Cue::Effect(number));
        }
        self.clients[client].open = answered.then_some(number);
        self.plan(completed, Cue::Complete(number));
    }

    fn complete(&mut self, number: usize, now: Duration) {
        let operation = &mut self.performed[number];
        let client = operation.client;
        if self.clients[client].open.take().is_some() && operation.reply.is_none() {
            operation.reply = self.replies.remove(&number);
        }
        let (invocation, reply) = (operation.invocation.clone(), operation.reply.clone());
        let process = self.clients[client].process;
        self.record_end(process, &invocation, reply.as_ref(), now);
        if reply.is_none() {
            self.clients[client].process += self.conditions.clients as u64 + 1;
        }
        let ending = match &reply {
            Some(Reply::Ok(value)) => Ending::Ok(value),
            Some(Reply::Mismatch(found)) => Ending::Mismatch(found.as_ref()),
            Some(Reply::Fail(_)) => Ending::Fail,
            None => Ending::Info,
        };
        self.clients[client].stream.observe(&invocation, ending, now);
        self.plan(now, Cue::Ask(client));
    }

    /// The operations of the harness itself, which are always answered.
    fn own(&mut self, invocation: &Invocation, now: Duration) -> Reply {
        let process = self.conditions.clients as u64;
        self.record(process, EventType::Invoke, invocation, invocation.value.clone(), None, now);
        let reply = self.store.apply(invocation);
        self.record_end(process, invocation, Some(&reply), now);
        reply
    }

    fn service_check(&mut self, workload: &dyn Workload) {
        self.own(&workload.service_check(1), Duration::ZERO);
    }

    fn read_back(&mut self, workload: &dyn Workload) {
        let now = self.conditions.time + self.conditions.latency_max * LATE;
        for read in workload.final_reads() {
            self.own(&read, now);
        }
        for drain in workload.final_drains() {
            while matches!(self.own(&drain, now), Reply::Ok(taken) if !taken.is_null()) {}
        }
    }

    fn record_end(
        &mut self,
        process: u64,
        invocation: &Invocation,
        reply: Option<&Reply>,
        now: Duration,
    ) {
        let asked = invocation.value.clone();
        let (kind, value, error) = match reply {
            Some(Reply::Ok(value)) => (EventType::Ok, value.clone(), None),
            Some(Reply::Mismatch(found)) => {
                (EventType::Fail, found.clone().unwrap_or(asked), Some("mismatch".to_owned()))
            }
            Some(Reply::Fail(why)) => (EventType::Fail, asked, Some(why.clone())),
            None => (EventType::Info, asked, Some("lost".to_owned())),
        };
        self.record(process, kind, invocation, value, error, now);
    }

    fn record(
        &mut self,
        process: u64,
        kind: EventType,
        invocation: &Invocation,
        value: Value,
        error: Option<String>,
        now: Duration,
    ) {
        self.events.push(Event {
            index: Some(self.events.len() as u64),
            time: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            process: Process::Client(process),
            node: None,
            kind,
            f: Cow::Borrowed(invocation.f()),
            key: invocation.key.clone(),
            value,
            error,
            revision: None,
            evidence: Value::Null,
        });
    }
}
