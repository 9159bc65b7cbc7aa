//! Many registers, read and written by everyone: the plainest way to catch a store that
//! loses, resurrects or hides a write.
//!
//! Of four clients two read and write, one only reads and one only writes: an operation
//! that hangs in a cut-off leader holds its client up, and a store that answers stale reads
//! is caught by those who never wait for a write.
//!
//! Needs `read` and `write`. Detects stale reads, lost acknowledged writes and reads of
//! values never acknowledged and later undone. Cannot detect broken compare-and-set.

use std::{borrow::Cow, sync::Arc};

use rand::rngs::ChaCha8Rng;
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Step},
    keys::{FINAL_KEYS_MAX, KeyChoice},
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, Elapsed, Settings, Workload},
};

/// The `register` workload.
#[derive(Clone, Debug)]
pub struct Register {
    seed: u64,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
}

impl Register {
    /// A workload over so many registers.
    pub fn new(settings: Settings) -> Self {
        let keys = (0..settings.keys).map(|key| Cow::Owned(key.to_string())).collect();
        Self { seed: settings.seed, keys, choice: settings.choice() }
    }
}

impl Workload for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn model(&self) -> ModelName {
        ModelName::Register
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        Box::new(RegisterStream {
            rng: client_rng(self.seed, client),
            keys: Arc::clone(&self.keys),
            choice: self.choice.clone(),
            role: Role::of(client),
            next_values: vec![client.number as u64 + 1; self.keys.len()],
            stride: client.of as u64,
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().take(FINAL_KEYS_MAX).cloned().map(Invocation::read).collect()
    }
}

struct RegisterStream {
    rng: ChaCha8Rng,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
    role: Role,
    /// Next value to write, per key: client `c` of `n` owns `c + 1`, `c + 1 + n`, ...
    /// Unique per key without clients sharing anything, and dense.
    next_values: Vec<u64>,
    stride: u64,
}

impl Generator for RegisterStream {
    fn next(&mut self, _now: Elapsed) -> Step {
        let slot = self.choice.draw(&mut self.rng);
        let key = self.keys[slot].clone();
        if self.role.reads(50, &mut self.rng) {
            return Step::Invoke(Invocation::read(key));
        }
        let value = self.next_values[slot];
        self.next_values[slot] += self.stride;
        Step::Invoke(Invocation::write(key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::workloads::tests::take;

    fn register(seed: u64, keys: usize) -> Register {
        Register::new(Settings { keys, ..Settings::of(seed) })
    }

    #[test]
    fn written_values_are_unique_per_key_and_never_null() {
        let workload = register(3, 4);
        let mut seen = HashSet::new();
        for client in 0..6 {
            for invocation in take(&workload, Client::new(client, 6, 3), 1000) {
                if invocation.function == Function::Write {
                    let value = invocation.value.as_u64().expect("writes are integers");
                    assert!(seen.insert((invocation.key, value)), "{value} written twice");
                }
            }
        }
    }

    #[test]
    fn every_node_meets_readers_and_writers_and_a_lone_client_does_both() {
        let share = |client, clients| {
            let ops = take(&register(1, 3), Client::new(client, clients, 3), 400);
            ops.iter().filter(|op| op.function == Function::Read).count() * 100 / 400
        };
        for nodes in [1, 3, 4, 5] {
            for node in 0..nodes {
                let shares: Vec<_> = (node..4 * nodes)
                    .step_by(nodes)
                    .map(|client| share(client, 4 * nodes))
                    .collect();
                assert!(shares.contains(&0) && shares.contains(&100), "{nodes}: {shares:?}");
            }
        }
        assert!((30..70).contains(&share(0, 1)));
    }

    #[test]
    fn every_key_is_written_and_read_about_equally() {
        let ops = take(&register(11, 4), Client::new(0, 1, 1), 8000);
        for key in 0..4 {
            let of_key =
                |f| ops.iter().filter(|op| op.f() == f && op.key() == key.to_string()).count();
            for f in ["read", "write"] {
                assert!((850..1150).contains(&of_key(f)), "key {key}: {} {f}s", of_key(f));
            }
        }
    }
}
