//! Locks that clients take, hold for a moment and give back.
//!
//! Each holder has a name of its own, and each lock taken comes with a fencing token. A lock
//! whose holder no longer knows whether it holds it is left for a fresh one, as nobody would
//! ever give it back; so is one that a client was denied [`DENIALS_MAX`] times in a row.
//!
//! Needs `acquire` and `release`, which can be had by compare-and-set. Detects locks held
//! twice and given back by somebody else; beside that, tokens must rise. Cannot detect what
//! happens to data that a lock protects.

use std::time::Duration;

use rand::{RngExt, rngs::ChaCha8Rng};
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Step},
    keys::{KeyChoice, Slots},
    operation::{Ending, Function, Invocation},
    roles::client_rng,
    workload::{Client, Elapsed, Promise, SERVICE_KEY, Settings, Workload},
};

/// How often one lock is taken before it is left for a fresh one.
const LOCK_LIFE: u64 = 256;

/// The longest a lock is held on purpose.
const HOLD_MAX: Duration = Duration::from_millis(4);

/// How often a client tries to give a lock back that it is told it does not hold.
const RELEASES_MAX: u32 = 20;

/// How often in a row a client is told that a lock is held before it leaves it.
const DENIALS_MAX: u32 = 100;

/// The `mutex` workload.
#[derive(Clone, Debug)]
pub struct Mutex {
    seed: u64,
    choice: KeyChoice,
    locks: Slots,
}

impl Mutex {
    /// A workload over so many locks at a time.
    pub fn new(settings: Settings) -> Self {
        let locks = Slots::new(settings.keys, LOCK_LIFE);
        Self { seed: settings.seed, choice: settings.choice(), locks }
    }
}

impl Workload for Mutex {
    fn name(&self) -> &'static str {
        "mutex"
    }

    fn model(&self) -> ModelName {
        ModelName::Mutex
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Acquire, Function::Release]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        Box::new(MutexStream {
            rng: client_rng(self.seed, client),
            choice: self.choice.clone(),
            locks: self.locks.clone(),
            client: client.number,
            life: 0,
            held: None,
            asked: (0, 0),
            denied: vec![(0, 0); self.locks.count()],
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        Vec::new()
    }

    fn service_check(&self, number: u64) -> Invocation {
        // One that was taken stays taken, so each check takes another.
        Invocation::new(Function::Acquire, format!("{SERVICE_KEY}.{number}"), "harness")
    }

    fn promises(&self) -> Vec<Promise> {
        vec![Promise::FencingTokens]
    }
}

struct MutexStream {
    rng: ChaCha8Rng,
    choice: KeyChoice,
    locks: Slots,
    client: usize,
    /// Part of the holder's name; another one once nobody knows what this one holds.
    life: u64,
    held: Option<Held>,
    /// Place and generation of the last invocation.
    asked: (usize, u64),
    /// By place: a generation, and how often in a row it was denied.
    denied: Vec<(u64, u32)>,
}

/// A lock this client holds.
struct Held {
    slot: usize,
    generation: u64,
    until: Elapsed,
    releases: u32,
}

impl MutexStream {
    fn owner(&self) -> String {
        format!("holder-{}.{}", self.client, self.life)
    }

    fn ask(&self, function: Function, slot: usize, generation: u64) -> Invocation {
        Invocation::new(function, Slots::key(slot, generation), self.owner())
    }

    /// Nobody knows any more who holds the lock of the last invocation.
    fn give_up(&mut self) {
        let (slot, generation) = self.asked;
        self.locks.give_up(slot, generation);
        self.held = None;
        self.life += 1;
    }
}

impl Generator for MutexStream {
    fn next(&mut self, now: Elapsed) -> Step {
        if let Some(Held { slot, generation, until, .. }) = self.held {
            if now < until {
                return Step::Wait(until);
            }
            self.asked = (slot, generation);
            return Step::Invoke(self.ask(Function::Release, slot, generation));
        }
        let slot = self.choice.draw(&mut self.rng);
        let generation = self.locks.next(slot);
        self.asked = (slot, generation);
        Step::Invoke(self.ask(Function::Acquire, slot, generation))
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Elapsed) {
        let (slot, generation) = self.asked;
        match (invocation.function, ending) {
            (_, Ending::Info) => self.give_up(),
            (Function::Acquire, Ending::Ok(_)) => {
                let until = now + HOLD_MAX.mul_f64(self.rng.random());
                self.locks.issue(slot);
                self.denied[slot] = (generation, 0);
                self.held = Some(Held { slot, generation, until, releases: 0 });
            }
            (Function::Release, Ending::Ok(_)) => self.held = None,
            (Function::Release, _) => {
                let released = self.held.as_mut().map(|held| {
                    held.releases += 1;
                    held.releases
                });
                if released.is_some_and(|releases| releases >= RELEASES_MAX) {
                    self.give_up();
                }
            }
            _ => {
                let (of, times) = &mut self.denied[slot];
                *times = if *of == generation { *times + 1 } else { 1 };
                *of = generation;
                if *times >= DENIALS_MAX {
                    self.locks.give_up(slot, generation);
                }
            }
        }
    }
}
