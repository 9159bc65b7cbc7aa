//! Many counters, added to and read by everyone: catches a store that loses a change or
//! applies one twice.
//!
//! All that is added to one counter is the same amount, so that a count is decided in linear
//! time however many additions are indeterminate; the amounts of different counters differ, so
//! that an addition that strayed to another counter, or came half, shows at once.
//!
//! Needs `read` and `add`. Detects lost and doubled additions, stale reads and counts that no
//! additions explain. Cannot tell two additions apart: one lost and another doubled before
//! anybody reads cancel out. `list-append` tells them apart.

use std::borrow::Cow;

use rand::{RngExt, rngs::ChaCha8Rng};
use squall_checker::model::ModelName;

use crate::{
    roles::{Role, client_rng},
    workload::{Generator, Invocation, Workload},
};

/// Amounts go from 1 to this, by turns over the counters.
const AMOUNT_MAX: usize = 9;

/// The `counter` workload.
#[derive(Clone, Debug)]
pub struct Counter {
    seed: u64,
    keys: Vec<Cow<'static, str>>,
}

impl Counter {
    /// A workload over `keys` counters, all chosen equally often.
    pub fn new(seed: u64, keys: usize) -> Self {
        Self { seed, keys: (0..keys).map(|key| Cow::Owned(key.to_string())).collect() }
    }
}

impl Workload for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn model(&self) -> ModelName {
        ModelName::Counter
    }

    fn functions(&self) -> &'static [&'static str] {
        &["read", "add"]
    }

    fn generator(&self, client: usize, clients: usize) -> Box<dyn Generator> {
        Box::new(CounterStream {
            rng: client_rng(self.seed, client),
            keys: self.keys.clone(),
            role: Role::of(client, clients),
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().cloned().map(Invocation::read).collect()
    }

    fn service_check(&self, key: &'static str, _number: u64) -> Invocation {
        Invocation::add(key, 1)
    }
}

struct CounterStream {
    rng: ChaCha8Rng,
    keys: Vec<Cow<'static, str>>,
    role: Role,
}

impl Generator for CounterStream {
    fn next(&mut self) -> Invocation {
        let slot = self.rng.random_range(0..self.keys.len());
        let key = self.keys[slot].clone();
        let reads = match self.role {
            Role::Both => self.rng.random(),
            Role::Reads => true,
            Role::Changes => false,
        };
        if reads { Invocation::read(key) } else { Invocation::add(key, slot % AMOUNT_MAX + 1) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn take(seed: u64, client: usize, clients: usize) -> Vec<Invocation> {
        let mut stream = Counter::new(seed, 12).generator(client, clients);
        (0..1_000).map(|_| stream.next()).collect()
    }

    #[test]
    fn same_seed_same_stream_and_clients_differ() {
        assert_eq!(take(7, 1, 8), take(7, 1, 8));
        assert_ne!(take(7, 1, 8), take(7, 0, 8));
        assert_ne!(take(7, 1, 8), take(8, 1, 8));
    }

    #[test]
    fn one_counter_one_amount_that_is_not_nothing() {
        let mut amounts: HashMap<Cow<'static, str>, u64> = HashMap::new();
        for client in 0..8 {
            for op in take(1, client, 8).into_iter().filter(|op| op.f == "add") {
                let amount = op.value.as_u64().expect("amounts are numbers");
                assert!(amount > 0);
                assert_eq!(*amounts.entry(op.key).or_insert(amount), amount);
            }
        }
        assert_eq!(amounts.len(), 12, "every counter is added to");
        assert!(amounts.values().any(|amount| *amount > 1));
    }
}
