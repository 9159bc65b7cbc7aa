//! Transactions that append to lists and read them.
//!
//! Lists are read whole and their elements are unique, so every version that anybody saw is
//! known with all that led to it, and whether the transactions are strictly serializable is
//! decided in linear time (Kingsbury & Alvaro, Elle, 2020). A list is left for a fresh one
//! after [`LIST_LENGTH`] appends.
//!
//! Needs `append-txn`. Detects every anomaly of strict serializability on keys: lost, doubled, torn
//! and reordered transactions, stale reads, cycles of all kinds. Costs more bytes per
//! operation than any other workload but `multi-compare`.

use rand::RngExt;
use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::{FINAL_KEYS_MAX, KeyChoice, Slots},
    operation::{Access, Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Appends that are issued to one list.
const LIST_LENGTH: u64 = 64;

/// Accesses of one transaction, at most.
const ACCESSES_MAX: usize = 4;

/// The `txn-append` workload.
#[derive(Clone, Debug)]
pub struct TxnAppend {
    seed: u64,
    choice: KeyChoice,
    lists: Slots,
}

impl TxnAppend {
    /// A workload over so many lists at a time.
    pub fn new(settings: Settings) -> Self {
        let lists = Slots::new(settings.keys, LIST_LENGTH);
        Self { seed: settings.seed, choice: settings.choice(), lists }
    }
}

fn key(slot: usize, generation: u64) -> String {
    format!("txn-append.{}", Slots::key(slot, generation))
}

impl Workload for TxnAppend {
    fn name(&self) -> &'static str {
        "txn-append"
    }

    fn model(&self) -> ModelName {
        ModelName::TxnAppend
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::AppendTxn]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let (lists, choice) = (self.lists.clone(), self.choice.clone());
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        Box::new(Endless(move || {
            let length = rng.random_range(1..=ACCESSES_MAX);
            Invocation::append_txn((0..length).map(|_| {
                let slot = choice.draw(&mut rng);
                let reads = role.reads(50, &mut rng);
                if reads {
                    return Access::read(key(slot, lists.newest(slot)));
                }
                let (element, list) = lists.issue(slot);
                Access::Append(key(slot, list), element.into())
            }))
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let lists = self.lists.all(FINAL_KEYS_MAX).into_iter();
        lists.map(|(slot, list)| Invocation::append_txn([Access::read(key(slot, list))])).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::append_txn([Access::Append(SERVICE_KEY.to_owned(), number.into())])
    }
}
