//! The clients of a run: one worker for each slot, pinned to a node, going at the rate
//! of the plan until told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use squall_workloads::{Generator, Workload};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    plan::Rate,
    session::{Session, Sessions},
    system::Completion,
};

/// Pause after a refused operation, so that a dead node is not hammered.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// The workers of a run.
pub struct Clients {
    workers: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Clients {
    /// Starts `clients` workers, worker `i` on node `i` modulo the cluster size.
    pub fn start(sessions: &Sessions, workload: &dyn Workload, clients: usize, rate: Rate) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        let began = Instant::now();
        for client in 0..clients {
            let session = sessions.open(client, client % sessions.nodes());
            let generator = workload.generator(client, clients);
            let pace = Pace::new(rate, client, clients, began);
            workers.spawn(work(session, generator, pace, Arc::clone(&stop)));
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
    mut generator: Box<dyn Generator>,
    mut pace: Pace,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        pace.wait(&stop).await;
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let invocation = generator.next();
        let completion = session.run(&invocation).await;
        generator.observe(&invocation, completion.ending());
        if let Completion::Fail(_) = completion {
            sleep(PAUSE_AFTER_REFUSAL).await;
        }
    }
}

/// When one worker may begin its next operation. The workers' turns are spread evenly;
/// a turn missed while an operation hung is gone, so no burst follows a fault.
struct Pace {
    interval: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// Longest sleep before looking again whether the run is over.
    const LOOK: Duration = Duration::from_millis(100);

    fn new(rate: Rate, client: usize, clients: usize, began: Instant) -> Self {
        let Rate::PerSecond(rate) = rate else {
            return Self { interval: None, next: began };
        };
        let turn = Duration::from_secs(1) / rate;
        let share = |n: usize| turn * u32::try_from(n).expect("clients are bounded by the plan");
        Self { interval: Some(share(clients)), next: began + share(client) }
    }

    async fn wait(&mut self, stop: &AtomicBool) {
        if self.interval.is_none() {
            return;
        }
        let mut now = Instant::now();
        while now < self.next && !stop.load(Ordering::Relaxed) {
            sleep_until(self.next.min(now + Self::LOOK)).await;
            now = Instant::now();
        }
        self.take_turn(now);
    }

    /// Takes the turn due at `now`; the next one is an interval after it, or after `now` if
    /// this one came more than an interval late.
    fn take_turn(&mut self, now: Instant) {
        let Some(interval) = self.interval else { return };
        self.next = self.next.max(now.checked_sub(interval).unwrap_or(now)) + interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns that `clients` workers take in `time`, when an operation lasts `busy`.
    fn turns(rate: u32, clients: usize, time: Duration, busy: Duration) -> usize {
        let began = Instant::now();
        let mut total = 0;
        for client in 0..clients {
            let mut pace = Pace::new(Rate::PerSecond(rate), client, clients, began);
            let mut now = began;
            while now < began + time {
                now = now.max(pace.next);
                pace.take_turn(now);
                if now < began + time {
                    total += 1;
                }
                now += busy;
            }
        }
        total
    }

    #[test]
    fn a_rate_is_held_and_never_exceeded() {
        let second = Duration::from_secs(1);
        assert_eq!(turns(400, 8, second, Duration::from_millis(1)), 400);
        assert_eq!(turns(5, 20, second, Duration::ZERO), 5);
        // Slower than the rate: each worker goes as fast as it can.
        assert_eq!(turns(400, 1, second, Duration::from_millis(10)), 100);
    }

    #[test]
    fn no_burst_follows_an_operation_that_hung() {
        let began = Instant::now();
        let mut pace = Pace::new(Rate::PerSecond(100), 0, 1, began);
        let late = began + Duration::from_secs(5);
        pace.take_turn(late);
        assert!(pace.next >= late, "turns missed are gone");
    }
}
