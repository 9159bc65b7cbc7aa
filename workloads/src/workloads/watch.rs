//! Watchers that follow single keys, and the revisions they are told.
//!
//! A watcher reads one key again and again for a while, moving on to the next node now and
//! then; what it sees must never go back. Where the system tells the revision of a value,
//! values and revisions together must fit one order too, which is checked beside the verdict.
//!
//! Needs `read` and `write`, and shows more where replies carry revisions. Detects stale
//! reads, values and revisions that go back, and two writes under one revision. Cannot detect
//! missing notifications: it asks, as not every system can tell.

use std::{borrow::Cow, sync::Arc};

use rand::{RngExt, rngs::ChaCha8Rng};
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Moving, Step},
    keys::{FINAL_KEYS_MAX, KeyChoice},
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, Elapsed, Promise, Settings, Workload},
};

/// Reads of one key before a watcher turns to another.
const WATCHED_FOR: u32 = 25;

/// Reads before a watcher moves on to the next node.
const MOVES_AFTER: u64 = 7;

/// The `watch` workload.
#[derive(Clone, Debug)]
pub struct Watch {
    seed: u64,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
}

impl Watch {
    /// A workload over so many keys.
    pub fn new(settings: Settings) -> Self {
        let keys = (0..settings.keys).map(|key| Cow::Owned(key.to_string())).collect();
        Self { seed: settings.seed, keys, choice: settings.choice() }
    }
}

impl Workload for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn model(&self) -> ModelName {
        ModelName::Register
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let rng = client_rng(self.seed, client);
        let (keys, choice) = (Arc::clone(&self.keys), self.choice.clone());
        // However few there are, one of them writes; a lone client does both.
        let last = client.number + 1 == client.of;
        let writes = last || Role::of(client) == Role::Changes;
        if writes {
            let next_values = vec![client.number as u64 + 1; keys.len()];
            let (stride, also_reads) = (client.of as u64, client.of == 1);
            return Box::new(Writer { rng, keys, choice, next_values, stride, also_reads });
        }
        let watcher = Watcher { rng, keys, choice, watched: 0, left: 0 };
        Box::new(Moving::new(watcher, client, MOVES_AFTER))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().take(FINAL_KEYS_MAX).cloned().map(Invocation::read).collect()
    }

    fn promises(&self) -> Vec<Promise> {
        vec![Promise::Revisions { keys_prefix: String::new() }]
    }
}

struct Writer {
    rng: ChaCha8Rng,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
    /// Next value to write, per key; unique per key without clients sharing anything.
    next_values: Vec<u64>,
    stride: u64,
    also_reads: bool,
}

impl Generator for Writer {
    fn next(&mut self, _now: Elapsed) -> Step {
        let slot = self.choice.draw(&mut self.rng);
        let key = self.keys[slot].clone();
        if self.also_reads && self.rng.random() {
            return Step::Invoke(Invocation::read(key));
        }
        let value = self.next_values[slot];
        self.next_values[slot] += self.stride;
        Step::Invoke(Invocation::new(Function::Write, key, value))
    }
}

struct Watcher {
    rng: ChaCha8Rng,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
    watched: usize,
    left: u32,
}

impl Generator for Watcher {
    fn next(&mut self, _now: Elapsed) -> Step {
        if self.left == 0 {
            self.left = WATCHED_FOR;
            self.watched = self.choice.draw(&mut self.rng);
        }
        self.left -= 1;
        Step::Invoke(Invocation::read(self.keys[self.watched].clone()))
    }
}
