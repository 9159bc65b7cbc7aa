//! Queues that everyone puts elements into and takes them out of.
//!
//! Elements are unique. As `queue` the order matters, first in, first out; as `bag` it does
//! not. A quarter of the clients only takes, a quarter only puts; at the end all queues are
//! emptied.
//!
//! Needs `enqueue` and `dequeue`, which can be had by compare-and-set. Detects elements that
//! are lost, taken twice or taken in the wrong order, and queues that seem empty and are not.
//! A dequeue whose reply is lost may have taken anything, which hides one loss each.

use serde_json::Value;
use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::KeyChoice,
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Of a hundred operations of a client that does both, so many put an element in: fewer than
/// half, so that queues stay short.
const ENQUEUE_PERCENT: u32 = 45;

/// The `queue` and the `bag` workload.
#[derive(Clone, Debug)]
pub struct Queue {
    seed: u64,
    keys: usize,
    choice: KeyChoice,
    model: ModelName,
}

impl Queue {
    /// A workload over so many queues, in which what comes first goes first.
    pub fn first_in_first_out(settings: Settings) -> Self {
        let (seed, keys, choice) = (settings.seed, settings.keys, settings.choice());
        Self { seed, keys, choice, model: ModelName::Queue }
    }

    /// A workload over so many bags, of which any element may be taken.
    pub fn bag(settings: Settings) -> Self {
        Self { model: ModelName::Bag, ..Self::first_in_first_out(settings) }
    }
}

fn dequeue(key: usize) -> Invocation {
    Invocation::new(Function::Dequeue, key.to_string(), Value::Null)
}

impl Workload for Queue {
    fn name(&self) -> &'static str {
        if self.model == ModelName::Bag { "bag" } else { "queue" }
    }

    fn model(&self) -> ModelName {
        self.model
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Enqueue, Function::Dequeue]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let choice = self.choice.clone();
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        let mut next_values = vec![client.number as u64 + 1; self.keys.max(1)];
        Box::new(Endless(move || {
            let key = choice.draw(&mut rng);
            let takes = role.reads(100 - ENQUEUE_PERCENT, &mut rng);
            if takes {
                return dequeue(key);
            }
            let element = next_values[key];
            next_values[key] += client.of as u64;
            Invocation::new(Function::Enqueue, key.to_string(), element)
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        Vec::new()
    }

    fn final_drains(&self) -> Vec<Invocation> {
        (0..self.keys.max(1)).map(dequeue).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::new(Function::Enqueue, SERVICE_KEY, number)
    }
}
