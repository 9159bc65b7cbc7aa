//! Sets: such that only grow and are read whole, and such whose elements come and go.
//!
//! Of the places in use at a time every other one is for a set that only grows: elements are
//! unique, and a read of the whole shows which additions came before it. The others are for
//! sets of [`UNIVERSE`] elements that are added, removed and looked for one by one, where each
//! operation tells whether it changed anything.
//!
//! Needs `set-add` and `read`, and `element-add`, `element-remove` and `element-contains`; all
//! but `read` can be had by compare-and-set. Detects lost and late elements, elements that
//! come back, stale reads, and two clients who both removed one element. Cannot detect an
//! addition applied twice, nor the order of additions: `list-append` does.

use rand::{RngExt, rngs::ChaCha8Rng};
use serde_json::Value;
use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::{FINAL_KEYS_MAX, KeyChoice, Slots},
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Changes that are issued to one set.
const SET_LIFE: u64 = 128;

/// Elements of a set whose elements come and go.
const UNIVERSE: u64 = 8;

/// The `set` workload.
#[derive(Clone, Debug)]
pub struct Set {
    seed: u64,
    choice: KeyChoice,
    sets: Slots,
}

impl Set {
    /// A workload over so many sets at a time.
    pub fn new(settings: Settings) -> Self {
        let sets = Slots::new(settings.keys, SET_LIFE);
        Self { seed: settings.seed, choice: settings.choice(), sets }
    }
}

/// Whether the sets in a place only grow.
fn grows(slot: usize) -> bool {
    slot.is_multiple_of(2)
}

fn of_elements(rng: &mut ChaCha8Rng, sets: &Slots, slot: usize, reads: bool) -> Invocation {
    let element = rng.random_range(1..=UNIVERSE);
    if reads {
        let key = Slots::key(slot, sets.newest(slot));
        return Invocation::new(Function::ElementContains, key, element);
    }
    let (_, generation) = sets.issue(slot);
    let function = if rng.random() { Function::ElementAdd } else { Function::ElementRemove };
    Invocation::new(function, Slots::key(slot, generation), element)
}

impl Workload for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn model(&self) -> ModelName {
        ModelName::Set
    }

    fn functions(&self) -> Vec<Function> {
        vec![
            Function::SetAdd,
            Function::Read,
            Function::ElementAdd,
            Function::ElementRemove,
            Function::ElementContains,
        ]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let (sets, choice) = (self.sets.clone(), self.choice.clone());
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        Box::new(Endless(move || {
            let slot = choice.draw(&mut rng);
            let reads = role.reads(50, &mut rng);
            match (grows(slot), reads) {
                (false, _) => of_elements(&mut rng, &sets, slot, reads),
                (true, true) => Invocation::read(Slots::key(slot, sets.newest(slot))),
                (true, false) => {
                    let (element, generation) = sets.issue(slot);
                    Invocation::new(Function::SetAdd, Slots::key(slot, generation), element)
                }
            }
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let mut reads = Vec::new();
        for (slot, generation) in self.sets.all(FINAL_KEYS_MAX) {
            let key = Slots::key(slot, generation);
            if grows(slot) {
                reads.push(Invocation::read(key));
            } else if generation == self.sets.newest(slot) {
                reads.extend((1..=UNIVERSE).map(|element| {
                    Invocation::new(Function::ElementContains, key.clone(), element)
                }));
            }
        }
        reads.truncate(FINAL_KEYS_MAX);
        reads
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::new(Function::SetAdd, SERVICE_KEY, Value::from(number))
    }
}
