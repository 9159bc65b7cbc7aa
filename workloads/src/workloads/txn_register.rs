//! Transactions that read registers, and read and replace them.
//!
//! Whoever writes a register reads it in the same transaction, so each version names the one
//! it replaced; without that, whether transactions on registers are serializable cannot be
//! decided in reasonable time (Papadimitriou 1979).
//!
//! Needs `txn`. Detects lost updates, torn and stale transactions, cycles of all kinds. Cannot
//! detect what only blind writes show, such as two writes in the wrong order that nobody read
//! between: `txn-append` does.

use rand::{RngExt, seq::index};
use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::FINAL_KEYS_MAX,
    operation::{Access, Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Registers of one transaction, at most.
const KEYS_MAX: usize = 4;

/// The `txn-register` workload.
#[derive(Clone, Debug)]
pub struct TxnRegister {
    seed: u64,
    keys: usize,
}

impl TxnRegister {
    /// A workload over so many registers, all chosen equally often.
    pub fn new(settings: Settings) -> Self {
        Self { seed: settings.seed, keys: settings.keys.max(1) }
    }
}

fn key(number: usize) -> String {
    format!("txn-register.{number}")
}

impl Workload for TxnRegister {
    fn name(&self) -> &'static str {
        "txn-register"
    }

    fn model(&self) -> ModelName {
        ModelName::TxnRegister
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Txn]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let keys = self.keys;
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        let mut next_value = client.number as u64 + 1;
        Box::new(Endless(move || {
            let length = rng.random_range(1..=KEYS_MAX.min(keys));
            let mut accesses = Vec::with_capacity(2 * length);
            for number in index::sample(&mut rng, keys, length) {
                accesses.push(Access::read(key(number)));
                let writes = !role.reads(50, &mut rng);
                if writes {
                    accesses.push(Access::Write(key(number), next_value.into()));
                    next_value += client.of as u64;
                }
            }
            Invocation::txn(accesses)
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        (0..self.keys.min(FINAL_KEYS_MAX))
            .map(|number| Invocation::txn([Access::read(key(number))]))
            .collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::txn([Access::Write(SERVICE_KEY.to_owned(), number.into())])
    }
}
