//! Rates: when operations are due, and what becomes of those that come late.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, rngs::ChaCha8Rng};

use super::{Generator, Step};
use crate::{
    operation::{Ending, Invocation},
    roles::client_rng,
    workload::Client,
};

/// How operations come in at a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Each client has turns of its own, evenly spread; turns it misses because it waits for a
    /// reply are gone but for the last [`MADE_UP`], so no burst follows a fault (a closed loop).
    /// Turns that come late for any other reason are made up for.
    #[default]
    Closed,
    /// All clients share one schedule that goes on whatever becomes of replies: who is free
    /// takes what is due next, late if need be (an open loop).
    Open,
    /// As [`Open`](Self::Open), but at random times, as many independent users would come
    /// (a Poisson process).
    Random,
}

/// How much waiting for one reply is made up for in a closed loop: what an ordinary slow reply
/// costs is, what a fault costs is not.
pub const MADE_UP: Duration = Duration::from_millis(20);

/// The most that is made up for of what turns are late for other reasons, as when whoever asks
/// for them was held up: no burst follows when a suspended machine wakes.
const EXCUSED_MAX: Duration = Duration::from_millis(500);

/// How late a timer may be without an excuse.
const TIMER: Duration = Duration::from_millis(1);

/// The schedule of a run, from which every client's pace is taken.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    interval_ns: u64,
    /// Operations of an open loop taken so far.
    taken: Arc<AtomicU64>,
    seed: u64,
}

impl Schedule {
    /// `per_second` operations, at least 1, over all clients.
    pub fn new(per_second: u32, arrivals: Arrivals, seed: u64) -> Self {
        let interval_ns = 1_000_000_000 / u64::from(per_second.max(1));
        Self { arrivals, interval_ns, taken: Arc::default(), seed }
    }

    /// `stream` at this rate.
    pub fn pace<G: Generator>(&self, stream: G, client: Client) -> Paced<G> {
        let own = Duration::from_nanos(self.interval_ns);
        let share = |n: usize| own * u32::try_from(n).expect("clients are bounded by the plan");
        Paced {
            stream,
            schedule: self.clone(),
            interval: share(client.of),
            due: (self.arrivals == Arrivals::Closed).then(|| share(client.number)),
            free: Duration::ZERO,
            excused: Duration::ZERO,
            gone: 0,
            rng: client_rng(self.seed, client),
            at: 0.0,
        }
    }
}

/// The stream of one client at a rate; each invocation says when it was due.
pub struct Paced<G> {
    stream: G,
    schedule: Schedule,
    /// Between two turns of this client, in a closed loop.
    interval: Duration,
    /// When the next operation is due, once that is known.
    due: Option<Duration>,
    /// Since when the client has no operation under way.
    free: Duration,
    /// By how much turns are late for other reasons than waiting for replies.
    excused: Duration,
    /// Turns after the next that the last operation took away, in a closed loop.
    gone: u32,
    rng: ChaCha8Rng,
    /// Mean intervals until this client's last random arrival.
    at: f64,
}

impl<G: Generator> Paced<G> {
    /// When the next operation is due.
    fn due(&mut self) -> Duration {
        if let Some(due) = self.due {
            return due;
        }
        let due = match self.schedule.arrivals {
            Arrivals::Closed | Arrivals::Open => {
                let number = self.schedule.taken.fetch_add(1, Ordering::Relaxed);
                Duration::from_nanos(number.saturating_mul(self.schedule.interval_ns))
            }
            // Poisson processes of all clients together are one of all their rates together.
            Arrivals::Random => {
                self.at -= (1.0 - self.rng.random::<f64>()).ln();
                self.interval.mul_f64(self.at)
            }
        };
        *self.due.insert(due)
    }

    fn take_turn(&mut self, due: Duration, now: Duration) {
        self.due = match self.schedule.arrivals {
            // The turn taken may be one that was missed; those after it are gone. Turns stay
            // where they were, so that clients that waited for the same thing do not go on in
            // step.
            Arrivals::Closed => {
                let next = due + self.interval * self.gone.saturating_add(1);
                self.excused += now.saturating_sub(due.max(self.free)).saturating_sub(TIMER);
                self.excused = self.excused.min(now.saturating_sub(next)).min(EXCUSED_MAX);
                Some(next)
            }
            Arrivals::Open | Arrivals::Random => None,
        };
        self.gone = 0;
    }

    /// Whole turns of this client in `time`.
    fn turns_in(&self, time: Duration) -> u32 {
        let turns = time.as_nanos() / self.interval.as_nanos().max(1);
        u32::try_from(turns).unwrap_or(u32::MAX)
    }

    /// The last operation ended.
    fn miss_turns(&mut self, now: Duration) {
        let Some(next) = self.due else { return };
        self.free = now;
        let late = now.saturating_sub(next).saturating_sub(self.excused);
        self.gone = self.turns_in(late.saturating_sub(self.interval.max(MADE_UP)));
    }
}

impl<G: Generator> Generator for Paced<G> {
    fn next(&mut self, now: Duration) -> Step {
        let due = self.due();
        if now < due {
            return Step::Wait(due);
        }
        match self.stream.next(now) {
            Step::Invoke(invocation) => {
                self.take_turn(due, now);
                Step::Invoke(Invocation { due: Some(due), ..invocation })
            }
            // The turn stays, for whenever there is something to do.
            other => other,
        }
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        if self.schedule.arrivals == Arrivals::Closed {
            self.miss_turns(now);
        }
        self.stream.observe(invocation, ending, now);
    }
}
