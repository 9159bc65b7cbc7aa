//! The clients of a run: one worker for each slot, going through its stream at the rate of the
//! plan until told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::{TimeVal, TimeValLike},
};
use squall_workloads::{
    Address, Client, Invocation, Workload,
    generator::{self, Generator, Moving, Schedule, SentTo, Step},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    pace::{Driven, Ready, Worked},
    plan::{Arrivals, ClientAddress, Plan, Rate},
    session::{Session, Sessions},
    system::Completion,
};

/// Pause after a refused operation, so that a dead node is not hammered.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// Operations a moving client sends to one node before it goes on to the next.
const MOVES_AFTER: u64 = 10;

/// Longest sleep before looking again whether the run is over.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long before its time a turn may be taken: timers are no finer than this, and a turn
/// that waited for the next tick would come late.
const TICK: Duration = Duration::from_millis(1);

/// The workers of a run.
pub struct Clients {
    workers: JoinSet<Worked>,
    end: Arc<End>,
    pacing: Pacing,
    clients: usize,
    cpu_before: Duration,
}

/// When the clients began, and when they were told to end.
struct End {
    began: Instant,
    /// In nanoseconds since they began; the greatest number until they are told.
    at_ns: AtomicU64,
}

impl End {
    fn come(&self) -> bool {
        self.at_ns.load(Ordering::Relaxed) != u64::MAX
    }

    /// The time since they began, which does not go on after they were told to end.
    fn elapsed(&self) -> Duration {
        let end = Duration::from_nanos(self.at_ns.load(Ordering::Relaxed));
        self.began.elapsed().min(end)
    }

    fn tell(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_nanos());
        let elapsed = elapsed.expect("a run shorter than 584 years");
        self.at_ns.fetch_min(elapsed, Ordering::Relaxed);
    }
}

/// How fast the clients go, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// Operations a second over all clients.
    pub rate: Rate,
    /// How they come in.
    pub arrivals: Arrivals,
    /// Where they are sent.
    pub address: ClientAddress,
    /// Determines random arrivals.
    pub seed: u64,
}

impl Pacing {
    /// At `rate`, each client by turns of its own and to its own node.
    pub fn closed(rate: Rate) -> Self {
        Self { rate, arrivals: Arrivals::Closed, address: ClientAddress::Own, seed: 0 }
    }

    /// As `plan` wants it.
    pub fn of(plan: &Plan) -> Self {
        let Plan { rate, arrivals, address, seed, .. } = *plan;
        Self { rate, arrivals, address, seed }
    }

    /// The time between two turns of one of so many clients; none where there are no turns.
    fn turn(self, clients: usize) -> Option<Duration> {
        match (self.rate, self.arrivals) {
            (Rate::PerSecond(rate), Arrivals::Closed) => {
                Some(Duration::from_secs_f64(clients as f64 / f64::from(rate)))
            }
            _ => None,
        }
    }

    /// The schedule that all clients share, where there is a rate.
    fn schedule(self) -> Option<Schedule> {
        let arrivals = match self.arrivals {
            Arrivals::Closed => generator::Arrivals::Closed,
            Arrivals::Open => generator::Arrivals::Open,
            Arrivals::Random => generator::Arrivals::Random,
        };
        match self.rate {
            Rate::Unlimited => None,
            Rate::PerSecond(rate) => Some(Schedule::new(rate, arrivals, self.seed)),
        }
    }
}

/// The stream of a client, sent where the plan says.
fn addressed(
    stream: Box<dyn Generator>,
    address: ClientAddress,
    client: Client,
) -> Box<dyn Generator> {
    match address {
        ClientAddress::Own => stream,
        ClientAddress::Moving => Box::new(Moving::new(stream, client, MOVES_AFTER)),
        ClientAddress::Leader => Box::new(SentTo::new(stream, Address::Leader)),
        ClientAddress::Any => Box::new(SentTo::new(stream, Address::Any)),
    }
}

impl Clients {
    /// Starts `clients` workers, worker `i` on node `i` modulo the cluster size.
    pub fn start(
        sessions: &Sessions,
        workload: &dyn Workload,
        clients: usize,
        pacing: Pacing,
    ) -> Self {
        let end = Arc::new(End { began: Instant::now(), at_ns: AtomicU64::new(u64::MAX) });
        let cpu_before = cpu_time();
        let schedule = pacing.schedule();
        let mut workers = JoinSet::new();
        for number in 0..clients {
            let client = Client::new(number, clients, sessions.nodes());
            let session = sessions.open(number, client.node());
            let stream = addressed(workload.generator(client), pacing.address, client);
            let stream: Box<dyn Generator> = match &schedule {
                None => stream,
                Some(schedule) => Box::new(schedule.pace(stream, client)),
            };
            let turn = pacing.turn(clients);
            let worker = Worker { session, end: Arc::clone(&end), worked: Worked::new(turn) };
            workers.spawn(worker.work(stream));
        }
        Self { workers, end, pacing, clients, cpu_before }
    }

    /// Lets every worker finish the operation it is in, waits for them, and says how it went.
    ///
    /// # Errors
    /// When a worker panicked: it must not pass for a quiet one.
    pub async fn stop(mut self) -> Result<Driven, tokio::task::JoinError> {
        self.end.tell();
        let wall = self.end.elapsed();
        let cpu = cpu_time().saturating_sub(self.cpu_before);
        let mut worked = Worked::default();
        while let Some(ended) = self.workers.join_next().await {
            worked.add(&ended?);
        }
        let Self { pacing: Pacing { rate, arrivals, .. }, clients, .. } = self;
        Ok(Driven { rate, arrivals, clients, wall, cpu, worked })
    }
}

/// What the process has computed so far, on all cores, without the nodes it started.
fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let time = |time: TimeVal| {
        let us = u64::try_from(time.num_microseconds()).unwrap_or(0);
        Duration::from_micros(us)
    };
    time(usage.user_time()) + time(usage.system_time())
}

/// One client at work.
struct Worker {
    session: Session,
    end: Arc<End>,
    worked: Worked,
}

impl Worker {
    async fn work(mut self, mut stream: Box<dyn Generator>) -> Worked {
        // What streams are told; up to a tick ahead of the clock.
        let mut now = Duration::ZERO;
        let mut ready = Ready::default();
        while !self.end.come() {
            now = now.max(self.end.elapsed());
            match stream.next(now) {
                Step::Done => break,
                Step::Wait(until) => {
                    ready.stream = ready.stream.max(until);
                    now = self.wait(now, until).await;
                }
                Step::Invoke(invocation) => {
                    let completion = self.carry_out(&invocation, ready).await;
                    if let Completion::Fail(_) = completion {
                        let ended = self.end.elapsed();
                        sleep(PAUSE_AFTER_REFUSAL).await;
                        self.worked.paused(self.end.elapsed().saturating_sub(ended));
                    }
                    // The pause is part of what the operation cost its client.
                    ready.client = self.end.elapsed();
                    stream.observe(&invocation, completion.ending(), ready.client.max(now));
                }
            }
        }
        self.worked
    }

    /// Waits until about `until` and returns what streams may be told then.
    async fn wait(&mut self, now: Duration, until: Duration) -> Duration {
        if until <= now {
            // A stream that names no later time is asked again, but not in a tight loop.
            tokio::task::yield_now().await;
            return now;
        }
        let clock = self.end.elapsed();
        if until > clock + TICK {
            let until = (until - TICK).min(clock + LOOK_INTERVAL);
            sleep_until(self.end.began + until).await;
        }
        if until <= self.end.elapsed() + TICK { until } else { now }
    }

    async fn carry_out(&mut self, invocation: &Invocation, ready: Ready) -> Completion {
        let begins = self.end.elapsed();
        let due = invocation.due.unwrap_or(begins);
        let due_at = (self.end.began + due).into_std();
        let completion = self.session.run_due(invocation, due_at).await;
        let took = self.end.elapsed().saturating_sub(begins);
        self.worked.began(due, ready, begins);
        self.worked.ended(took, &completion);
        completion
    }
}
