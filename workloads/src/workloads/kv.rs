//! Many keys that come and go: writes, reads, compare-and-sets and deletes.
//!
//! A key is left for a fresh one after [`KEY_LIFE`] changes, so it begins with nothing, holds
//! values and is deleted now and then; some keys are much hotter than others.
//!
//! Needs `read`, `write`, `cas` and `delete`. Detects what `cas-register` detects, and what
//! only happens around deletes and fresh keys: values that come back after a delete, keys
//! that a snapshot forgets. Since a deleted key holds nothing again and again, what was
//! deleted when is told by revisions where the system has them, and searched for where not.
//! Cannot detect a delete applied twice.

use rand::{RngExt, rngs::ChaCha8Rng};
use serde_json::Value;
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Step},
    keys::{FINAL_KEYS_MAX, KeyChoice, Slots},
    operation::{Ending, Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, Elapsed, Settings, Workload},
};

/// Changes that are issued to one key.
const KEY_LIFE: u64 = 48;

/// How much hotter the first keys are where the plan does not say: Zipf's exponent.
const SKEW: f64 = 0.7;

/// The `kv` workload.
#[derive(Clone, Debug)]
pub struct Kv {
    seed: u64,
    choice: KeyChoice,
    keys: Slots,
}

impl Kv {
    /// A workload over so many keys at a time.
    pub fn new(settings: Settings) -> Self {
        let skew = settings.skew.unwrap_or(SKEW);
        let choice = KeyChoice::zipf(settings.keys, skew);
        Self { seed: settings.seed, choice, keys: Slots::new(settings.keys, KEY_LIFE) }
    }
}

impl Workload for Kv {
    fn name(&self) -> &'static str {
        "kv"
    }

    fn model(&self) -> ModelName {
        ModelName::Kv
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write, Function::Cas, Function::Delete]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        Box::new(KvStream {
            rng: client_rng(self.seed, client),
            choice: self.choice.clone(),
            keys: self.keys.clone(),
            role: Role::of(client),
            seen: vec![None; self.keys.count()],
            asked: (0, 0),
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let keys = self.keys.all(FINAL_KEYS_MAX).into_iter();
        keys.map(|(slot, generation)| Invocation::read(Slots::key(slot, generation))).collect()
    }
}

struct KvStream {
    rng: ChaCha8Rng,
    choice: KeyChoice,
    keys: Slots,
    role: Role,
    /// By place: the generation of the key, and what it held when this client last saw it.
    seen: Vec<Option<(u64, Value)>>,
    /// Place and generation of the last invocation.
    asked: (usize, u64),
}

impl Generator for KvStream {
    fn next(&mut self, _now: Elapsed) -> Step {
        let slot = self.choice.draw(&mut self.rng);
        let reads = self.role.reads(50, &mut self.rng);
        if reads {
            let generation = self.keys.newest(slot);
            self.asked = (slot, generation);
            return Step::Invoke(Invocation::read(Slots::key(slot, generation)));
        }
        let (number, generation) = self.keys.issue(slot);
        self.asked = (slot, generation);
        let key = Slots::key(slot, generation);
        let known = self.seen[slot].as_ref().filter(|(of, _)| *of == generation);
        Step::Invoke(match (self.rng.random_range(0..100), known) {
            (0..8, _) => Invocation::new(Function::Delete, key, Value::Null),
            (8..40, Some((_, expected))) => Invocation::cas(key, expected.clone(), number.into()),
            _ => Invocation::write(key, number),
        })
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, _now: Elapsed) {
        let (slot, generation) = self.asked;
        let now = match (invocation.function, ending) {
            (_, Ending::Fail) => return,
            (Function::Read, Ending::Ok(value)) => Some(value.clone()),
            (Function::Write, Ending::Ok(_)) => Some(invocation.value.clone()),
            (Function::Delete, Ending::Ok(_)) => Some(Value::Null),
            (Function::Cas, Ending::Ok(_)) => invocation.value.get(1).cloned(),
            (_, Ending::Mismatch(found)) => found.cloned(),
            (_, Ending::Ok(_) | Ending::Info) => None,
        };
        self.seen[slot] = now.map(|value| (generation, value));
    }
}
