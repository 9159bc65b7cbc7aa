//! Numbers handed out, each once and each the next.
//!
//! Needs `fetch-increment`, which can be had by compare-and-set. Detects numbers given twice,
//! left out, or given in an order that contradicts time: lost and doubled increments. Cannot
//! detect stale reads, as nothing only reads.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;
use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::{FINAL_KEYS_MAX, KeyChoice},
    operation::{Function, Invocation},
    roles::client_rng,
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// The `ids` workload.
#[derive(Clone, Debug)]
pub struct Ids {
    seed: u64,
    keys: Arc<[Cow<'static, str>]>,
    choice: KeyChoice,
}

impl Ids {
    /// A workload over so many sources of numbers.
    pub fn new(settings: Settings) -> Self {
        let keys = (0..settings.keys).map(|key| Cow::Owned(key.to_string())).collect();
        Self { seed: settings.seed, keys, choice: settings.choice() }
    }
}

fn next_number(key: Cow<'static, str>) -> Invocation {
    Invocation::new(Function::FetchIncrement, key, Value::Null)
}

impl Workload for Ids {
    fn name(&self) -> &'static str {
        "ids"
    }

    fn model(&self) -> ModelName {
        ModelName::Ids
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::FetchIncrement]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let (keys, choice) = (Arc::clone(&self.keys), self.choice.clone());
        let mut rng = client_rng(self.seed, client);
        Box::new(Endless(move || next_number(keys[choice.draw(&mut rng)].clone())))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        self.keys.iter().take(FINAL_KEYS_MAX).cloned().map(next_number).collect()
    }

    fn service_check(&self, _number: u64) -> Invocation {
        next_number(SERVICE_KEY.into())
    }
}
