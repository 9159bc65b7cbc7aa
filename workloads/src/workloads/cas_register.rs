//! Many registers, read, written and compared-and-set by everyone: catches a store that looks
//! at a value and changes it in two steps.
//!
//! A compare-and-set expects what its client last saw of the key, most often in its very last
//! operation, so that many succeed although others write between. Of four clients two do
//! everything, one only reads, and one never reads and knows of a key only what it wrote there
//! or what a refusal told.
//!
//! Needs `read`, `write` and `cas`, and a `cas` that reports a mismatch as such; one that also
//! tells what it found shows more. Detects what `register` detects, lost updates, and
//! compare-and-sets that succeed or are refused although nobody wrote a value that explains
//! it. Cannot detect a change applied twice where the second time changes nothing.
//!
//! The values that a client may write to a key are its own. Which operation it comes to next,
//! and what that expects, depends on the seed and on what the client saw before.

use std::{borrow::Cow, sync::Arc};

use rand::{RngExt, rngs::ChaCha8Rng};
use serde_json::Value;
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Step},
    keys::{FINAL_KEYS_MAX, KeyChoice},
    operation::{Ending, Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, Elapsed, Settings, Workload},
};

/// Chance that a client that just saw a value tries to change it, in percent.
const FOLLOW_UP_PERCENT: u32 = 60;

/// The `cas-register` workload.
#[derive(Clone, Debug)]
pub struct CasRegister {
    seed: u64,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
}

impl CasRegister {
    /// A workload over so many registers.
    pub fn new(settings: Settings) -> Self {
        let keys = (0..settings.keys).map(|key| Cow::Owned(key.to_string())).collect();
        Self { seed: settings.seed, keys, choice: settings.choice() }
    }
}

impl Workload for CasRegister {
    fn name(&self) -> &'static str {
        "cas-register"
    }

    fn model(&self) -> ModelName {
        ModelName::CasRegister
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write, Function::Cas]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        Box::new(CasStream {
            rng: client_rng(self.seed, client),
            keys: Arc::clone(&self.keys),
            choice: self.choice.clone(),
            role: Role::of(client),
            next_values: vec![client.number as u64 + 1; self.keys.len()],
            stride: client.of as u64,
            seen: vec![None; self.keys.len()],
            asked: 0,
            just_seen: None,
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().take(FINAL_KEYS_MAX).cloned().map(Invocation::read).collect()
    }
}

struct CasStream {
    rng: ChaCha8Rng,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
    role: Role,
    /// Next value to write, per key: client `c` of `n` owns `c + 1`, `c + 1 + n`, ...
    next_values: Vec<u64>,
    stride: u64,
    /// What this client last saw of each key; nothing where it does not know.
    seen: Vec<Option<Value>>,
    /// The key of the last invocation.
    asked: usize,
    /// The key whose value the last operation told.
    just_seen: Option<usize>,
}

impl CasStream {
    fn value(&mut self, slot: usize) -> u64 {
        let value = self.next_values[slot];
        self.next_values[slot] += self.stride;
        value
    }

    fn write(&mut self, slot: usize) -> Invocation {
        let value = self.value(slot);
        Invocation::write(self.keys[slot].clone(), value)
    }

    fn cas(&mut self, slot: usize, expected: Value) -> Invocation {
        let value = self.value(slot);
        Invocation::cas(self.keys[slot].clone(), expected, value.into())
    }
}

impl CasStream {
    fn invocation(&mut self) -> Invocation {
        let follow_up = self.rng.random_range(0..100) < FOLLOW_UP_PERCENT;
        let slot = self.choice.draw(&mut self.rng);
        let choice = self.rng.random_range(0..100);
        let just_seen = self.just_seen.take();
        if self.role != Role::Reads
            && follow_up
            && let Some(slot) = just_seen
            && let Some(expected) = self.seen[slot].clone()
        {
            self.asked = slot;
            return self.cas(slot, expected);
        }
        self.asked = slot;
        match (self.role, choice) {
            (Role::Reads, _) | (Role::Both, 0..60) => Invocation::read(self.keys[slot].clone()),
            (Role::Both, 60..85) | (Role::Changes, 0..50) => self.write(slot),
            (Role::Both | Role::Changes, _) => {
                // Before anybody wrote, a register holds nothing.
                let expected = self.seen[slot].clone().unwrap_or_default();
                self.cas(slot, expected)
            }
        }
    }
}

impl Generator for CasStream {
    fn next(&mut self, _now: Elapsed) -> Step {
        Step::Invoke(self.invocation())
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, _now: Elapsed) {
        let slot = self.asked;
        let now = match (invocation.f(), ending) {
            (_, Ending::Fail) => return,
            ("read", Ending::Ok(value)) => Some(value.clone()),
            ("write", Ending::Ok(_)) => Some(invocation.value.clone()),
            ("cas", Ending::Ok(_)) => invocation.value.get(1).cloned(),
            (_, Ending::Mismatch(found)) => found.cloned(),
            (_, Ending::Ok(_) | Ending::Info) => None,
        };
        self.just_seen = now.is_some().then_some(slot);
        self.seen[slot] = now;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        rehearsal::{Conditions, Performed, Reply, rehearse},
        workloads::tests::ask,
    };

    fn run(seed: u64) -> Vec<Performed> {
        let workload = CasRegister::new(Settings { keys: 5, ..Settings::of(seed) });
        let conditions = Conditions { seed, refused: 0, lost: 0, ..Conditions::default() };
        rehearse(&workload, conditions).expect("a history").performed
    }

    #[test]
    fn many_compare_and_sets_succeed_and_many_are_refused() {
        let done = run(1);
        let cas: Vec<bool> = done
            .iter()
            .filter(|op| op.invocation.function == Function::Cas)
            .map(|op| matches!(op.reply, Some(Reply::Ok(_))))
            .collect();
        let succeeded = cas.iter().filter(|ok| **ok).count();
        assert!(cas.len() * 4 > done.len(), "{} of {}", cas.len(), done.len());
        assert!((20..80).contains(&(succeeded * 100 / cas.len())), "{succeeded} of {}", cas.len());
    }

    #[test]
    fn values_are_unique_per_key_and_every_role_keeps_to_itself() {
        let mut seen = HashSet::new();
        for Performed { client, invocation, .. } in run(2) {
            match (client, invocation.f()) {
                (4 | 5, "read") => {}
                (4 | 5, f) => panic!("client {client} only reads, but: {f}"),
                (6 | 7, "read") => panic!("client {client} never reads"),
                (_, "read") => {}
                (_, f) => {
                    let value = if f == "cas" { &invocation.value[1] } else { &invocation.value };
                    assert!(seen.insert((invocation.key, value.as_u64())), "{value} twice");
                }
            }
        }
    }

    #[test]
    fn what_nobody_knows_is_not_expected() {
        let workload = CasRegister::new(Settings { keys: 1, ..Settings::of(3) });
        let mut stream = workload.generator(Client::new(0, 1, 1));
        for _ in 0..200 {
            let invocation = ask(&mut *stream);
            if invocation.function == Function::Cas {
                assert_eq!(invocation.value[0], Value::Null, "every operation was indeterminate");
            }
            stream.observe(&invocation, Ending::Info, Elapsed::ZERO);
        }
    }
}
