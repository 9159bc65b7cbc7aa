//! Many registers, read and written by everyone: the plainest way to catch a store that
//! loses, resurrects or hides a write.
//!
//! Of four clients two read and write, one only reads and one only writes: an operation
//! that hangs in a cut-off leader holds its client up, and a store that answers stale reads
//! is caught by those who never wait for a write.
//!
//! Needs `read` and `write`. Detects stale reads, lost acknowledged writes and reads of
//! values never acknowledged and later undone. Cannot detect broken compare-and-set.

use std::borrow::Cow;

use rand::{RngExt, rngs::ChaCha8Rng};
use squall_checker::model::ModelName;

use crate::{
    roles::{Role, client_rng},
    workload::{Generator, Invocation, Workload},
};

/// The `register` workload.
#[derive(Clone, Debug)]
pub struct Register {
    seed: u64,
    keys: Vec<Cow<'static, str>>,
}

impl Register {
    /// A workload over `keys` registers, all chosen equally often.
    pub fn new(seed: u64, keys: usize) -> Self {
        Self { seed, keys: (0..keys).map(|key| Cow::Owned(key.to_string())).collect() }
    }
}

impl Workload for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn model(&self) -> ModelName {
        ModelName::Register
    }

    fn functions(&self) -> &'static [&'static str] {
        &["read", "write"]
    }

    fn generator(&self, client: usize, clients: usize) -> Box<dyn Generator> {
        Box::new(RegisterStream {
            rng: client_rng(self.seed, client),
            keys: self.keys.clone(),
            read_percent: read_percent(Role::of(client, clients)),
            next_values: vec![client as u64 + 1; self.keys.len()],
            stride: clients as u64,
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().cloned().map(Invocation::read).collect()
    }
}

/// Chance that an operation is a read, in percent.
fn read_percent(role: Role) -> u32 {
    match role {
        Role::Both => 50,
        Role::Reads => 100,
        Role::Changes => 0,
    }
}

struct RegisterStream {
    rng: ChaCha8Rng,
    keys: Vec<Cow<'static, str>>,
    read_percent: u32,
    /// Next value to write, per key: client `c` of `n` owns `c + 1`, `c + 1 + n`, ...
    /// Unique per key without clients sharing anything, and dense.
    next_values: Vec<u64>,
    stride: u64,
}

impl Generator for RegisterStream {
    fn next(&mut self) -> Invocation {
        let slot = self.rng.random_range(0..self.keys.len());
        let key = self.keys[slot].clone();
        if self.rng.random_range(0..100) < self.read_percent {
            return Invocation::read(key);
        }
        let value = self.next_values[slot];
        self.next_values[slot] += self.stride;
        Invocation::write(key, value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn take(workload: &Register, client: usize, clients: usize, n: usize) -> Vec<Invocation> {
        let mut stream = workload.generator(client, clients);
        (0..n).map(|_| stream.next()).collect()
    }

    #[test]
    fn same_seed_same_stream_and_clients_differ() {
        let one = Register::new(7, 5);
        assert_eq!(take(&one, 2, 8, 500), take(&Register::new(7, 5), 2, 8, 500));
        assert_ne!(take(&one, 2, 8, 500), take(&one, 3, 8, 500));
        assert_ne!(take(&one, 2, 8, 500), take(&Register::new(8, 5), 2, 8, 500));
    }

    #[test]
    fn written_values_are_unique_per_key_and_never_null() {
        let workload = Register::new(3, 4);
        let mut seen = HashSet::new();
        for client in 0..6 {
            for invocation in take(&workload, client, 6, 1000) {
                if invocation.f == "write" {
                    let value = invocation.value.as_u64().expect("writes are integers");
                    assert!(seen.insert((invocation.key, value)), "{value} written twice");
                }
            }
        }
    }

    #[test]
    fn every_node_meets_readers_and_writers_and_a_lone_client_does_both() {
        let share = |client, clients| {
            let ops = take(&Register::new(1, 3), client, clients, 400);
            ops.iter().filter(|op| op.f == "read").count() * 100 / 400
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
        let ops = take(&Register::new(11, 4), 0, 1, 8000);
        for key in 0..4 {
            let of_key = |f| ops.iter().filter(|op| op.f == f && op.key == key.to_string()).count();
            for f in ["read", "write"] {
                assert!((850..1150).contains(&of_key(f)), "key {key}: {} {f}s", of_key(f));
            }
        }
    }
}
