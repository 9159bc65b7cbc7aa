//! Transactions that compare many keys and write one: slow to apply, and quick to show a
//! member that forgot a write.
//!
//! Each client that writes has keys of its own. It compares all of them with what it last
//! knew and replaces one; everybody reads keys of everybody. Long transactions keep a store
//! busy between the log and the state, where a crash hurts most: this is the shape that showed
//! a lost write in etcd 3.5 soonest (etcd-io/etcd, issue 13766).
//!
//! Needs `txn` and `guarded-txn`. Detects lost acknowledged writes, stale reads, and
//! comparisons against what is no longer there. Cannot detect lost updates between clients,
//! as no two write one key.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rand::{RngExt, rngs::ChaCha8Rng};
use serde_json::Value;
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Step},
    keys::FINAL_KEYS_MAX,
    operation::{Access, Ending, Function, Invocation, accesses},
    roles::{Role, client_rng},
    workload::{Client, Elapsed, SERVICE_KEY, Settings, Workload},
};

/// Keys of one client, at most; its transactions compare them all.
const OWN_KEYS_MAX: usize = 50;

/// The `multi-compare` workload.
#[derive(Clone, Debug)]
pub struct MultiCompare {
    seed: u64,
    own: usize,
    /// Clients there have been.
    clients: Arc<AtomicUsize>,
}

impl MultiCompare {
    /// A workload in which each client has so many keys, 1 to 50.
    pub fn new(settings: Settings) -> Self {
        let own = settings.keys.clamp(1, OWN_KEYS_MAX);
        Self { seed: settings.seed, own, clients: Arc::default() }
    }
}

fn key(client: usize, number: usize) -> String {
    format!("multi-compare.{client}.{number}")
}

impl Workload for MultiCompare {
    fn name(&self) -> &'static str {
        "multi-compare"
    }

    fn model(&self) -> ModelName {
        ModelName::TxnRegister
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Txn, Function::GuardedTxn]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        self.clients.fetch_max(client.of, Ordering::Relaxed);
        Box::new(MultiCompareStream {
            rng: client_rng(self.seed, client),
            role: Role::of(client),
            client,
            own: (0..self.own).map(|number| key(client.number, number)).collect(),
            known: vec![Some(Value::Null); self.own],
            next_value: 1,
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let clients = 0..self.clients.load(Ordering::Relaxed);
        let keys = clients.flat_map(|client| (0..self.own).map(move |number| key(client, number)));
        keys.take(FINAL_KEYS_MAX).map(|key| Invocation::txn([Access::read(key)])).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::txn([Access::Write(SERVICE_KEY.to_owned(), number.into())])
    }
}

struct MultiCompareStream {
    rng: ChaCha8Rng,
    role: Role,
    client: Client,
    /// Its own keys.
    own: Vec<String>,
    /// What its own keys hold; nothing where it does not know.
    known: Vec<Option<Value>>,
    next_value: u64,
}

impl MultiCompareStream {
    /// A read of one key of any client.
    fn look(&mut self) -> Invocation {
        let client = self.rng.random_range(0..self.client.of);
        let number = self.rng.random_range(0..self.known.len());
        Invocation::txn([Access::read(key(client, number))])
    }

    /// Compares all own keys and replaces one, if all of them are known.
    fn replace(&mut self) -> Option<Invocation> {
        let known: Option<Vec<Value>> = self.known.iter().cloned().collect();
        let compared = known?.into_iter().enumerate();
        let mut accesses: Vec<Access> =
            compared.map(|(number, value)| Access::Read(self.own[number].clone(), value)).collect();
        let number = self.rng.random_range(0..self.known.len());
        accesses.push(Access::Write(self.own[number].clone(), self.next_value.into()));
        self.next_value += 1;
        Some(Invocation::guarded_txn(accesses))
    }

    fn read_own(&self) -> Invocation {
        Invocation::txn(self.own.iter().map(Access::read))
    }
}

impl Generator for MultiCompareStream {
    fn next(&mut self, _now: Elapsed) -> Step {
        let chance = self.rng.random_range(0..100);
        Step::Invoke(match self.role {
            Role::Reads => self.look(),
            Role::Both if chance < 40 => self.look(),
            Role::Both | Role::Changes => self.replace().unwrap_or_else(|| self.read_own()),
        })
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, _now: Elapsed) {
        let seen = match ending {
            Ending::Ok(Value::Array(micro)) => accesses(micro),
            Ending::Fail => return,
            // One of its keys is not what it thought, or will not be.
            _ if invocation.function == Function::GuardedTxn => {
                self.known.fill(None);
                return;
            }
            _ => return,
        };
        for access in seen {
            let (Access::Read(key, value) | Access::Write(key, value)) = access else { continue };
            let own = self.own.iter().position(|own| *own == key);
            if let Some(number) = own {
                self.known[number] = Some(value);
            }
        }
    }
}
