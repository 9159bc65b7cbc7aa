//! The clients of a run: one worker for each slot, going through its stream at the rate of the
//! plan until told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use squall_workloads::{
    Address, Client, Workload,
    generator::{self, Generator, Moving, Schedule, SentTo, Step},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
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

/// The workers of a run.
pub struct Clients {
    workers: JoinSet<()>,
    stop: Arc<AtomicBool>,
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
        let stop = Arc::new(AtomicBool::new(false));
        let schedule = pacing.schedule();
        let mut workers = JoinSet::new();
        let began = Instant::now();
        for number in 0..clients {
            let client = Client::new(number, clients, sessions.nodes());
            let session = sessions.open(number, client.node());
            let stream = addressed(workload.generator(client), pacing.address, client);
            let stream: Box<dyn Generator> = match &schedule {
                None => stream,
                Some(schedule) => Box::new(schedule.pace(stream, client)),
            };
            workers.spawn(work(session, stream, began, Arc::clone(&stop)));
        }
        Self { workers, stop }
    }

    /// Lets every worker finish the operation it is in, and waits for them.
    ///
    /// # Errors
    /// When a worker panicked: it must not pass for a quiet one.
    pub async fn stop(mut self) -> Result<(), tokio::task::JoinError> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            ended?;
        }
        Ok(())
    }
}

async fn work(
    mut session: Session,
    mut stream: Box<dyn Generator>,
    began: Instant,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        match stream.next(now - began) {
            Step::Done => return,
            Step::Wait(until) => sleep_until((began + until).min(now + LOOK_INTERVAL)).await,
            Step::Invoke(invocation) => {
                let completion = session.run(&invocation).await;
                stream.observe(&invocation, completion.ending(), began.elapsed());
                if let Completion::Fail(_) = completion {
                    sleep(PAUSE_AFTER_REFUSAL).await;
                }
            }
        }
    }
}
