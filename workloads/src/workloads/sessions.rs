//! Changes that clients try again until they are answered: exactly once, or at least once.
//!
//! With a client id, all attempts at an append are *one* operation: it goes under one number,
//! by which the system must recognise it, and lists show whether it was applied once. Without
//! one, each attempt is an operation of its own; the element may come twice but must come,
//! which sets show.
//!
//! Needs `append`, `append-once`, `set-add` and `read`. Detects sessions
//! forgotten by snapshots, restarts and new leaders; doubled and lost appends.

use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator, UntilOk},
    keys::{FINAL_KEYS_MAX, KeyChoice, Slots},
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Appends that are issued to one list or set.
const LIST_LENGTH: u64 = 128;

/// The `sessions` workload.
#[derive(Clone, Debug)]
pub struct Sessions {
    seed: u64,
    choice: KeyChoice,
    places: Slots,
}

impl Sessions {
    /// A workload over so many lists and sets at a time.
    pub fn new(settings: Settings) -> Self {
        let places = Slots::new(settings.keys, LIST_LENGTH);
        Self { seed: settings.seed, choice: settings.choice(), places }
    }
}

/// Every other place is for lists, appended to under client ids; in the others are sets.
fn key(slot: usize, generation: u64) -> String {
    let model = if exactly_once(slot) { ModelName::ListAppend } else { ModelName::Set };
    format!("{model}/session.{}", Slots::key(slot, generation))
}

fn exactly_once(slot: usize) -> bool {
    slot.is_multiple_of(2)
}

impl Workload for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn model(&self) -> ModelName {
        ModelName::Mixed
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Append, Function::AppendOnce, Function::SetAdd, Function::Read]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let (places, choice) = (self.places.clone(), self.choice.clone());
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        let stream = Endless(move || {
            let slot = choice.draw(&mut rng);
            let reads = role.reads(40, &mut rng);
            if reads {
                return Invocation::read(key(slot, places.newest(slot)));
            }
            let (element, generation) = places.issue(slot);
            let key = key(slot, generation);
            if exactly_once(slot) {
                Invocation::new(Function::AppendOnce, key, element)
            } else {
                Invocation::new(Function::SetAdd, key, element)
            }
        });
        Box::new(UntilOk::new(stream, Function::SetAdd))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let places = self.places.all(FINAL_KEYS_MAX).into_iter();
        places.map(|(slot, generation)| Invocation::read(key(slot, generation))).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::append(format!("{}/{SERVICE_KEY}", ModelName::ListAppend), number)
    }
}
