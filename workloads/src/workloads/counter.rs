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

use std::{borrow::Cow, sync::Arc};

use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::{FINAL_KEYS_MAX, KeyChoice},
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Amounts go from 1 to this, by turns over the counters.
const AMOUNT_MAX: usize = 9;

/// The `counter` workload.
#[derive(Clone, Debug)]
pub struct Counter {
    seed: u64,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
}

impl Counter {
    /// A workload over so many counters.
    pub fn new(settings: Settings) -> Self {
        let keys = (0..settings.keys).map(|key| Cow::Owned(key.to_string())).collect();
        Self { seed: settings.seed, keys, choice: settings.choice() }
    }
}

impl Workload for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn model(&self) -> ModelName {
        ModelName::Counter
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Add]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let (keys, choice) = (Arc::clone(&self.keys), self.choice.clone());
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        Box::new(Endless(move || {
            let slot = choice.draw(&mut rng);
            let reads = role.reads(50, &mut rng);
            let key = keys[slot].clone();
            if reads { Invocation::read(key) } else { Invocation::add(key, slot % AMOUNT_MAX + 1) }
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().take(FINAL_KEYS_MAX).cloned().map(Invocation::read).collect()
    }

    fn service_check(&self, _number: u64) -> Invocation {
        Invocation::add(SERVICE_KEY, 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::workloads::tests::take;

    #[test]
    fn one_counter_one_amount_that_is_not_nothing() {
        let workload = Counter::new(Settings { keys: 12, ..Settings::of(1) });
        let mut amounts: HashMap<String, u64> = HashMap::new();
        for client in 0..8 {
            let ops = take(&workload, Client::new(client, 8, 3), 1_000);
            for op in ops.into_iter().filter(|op| op.function == Function::Add) {
                let amount = op.value.as_u64().expect("amounts are numbers");
                assert!(amount > 0);
                assert_eq!(*amounts.entry(op.key().to_owned()).or_insert(amount), amount);
            }
        }
        assert_eq!(amounts.len(), 12, "every counter is added to");
        assert!(amounts.values().any(|amount| *amount > 1));
    }
}
