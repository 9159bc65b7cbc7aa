//! Several workloads at once, each on keys of its own.
//!
//! A key begins with the model that judges it, as in `list-append/3.0`; transactions, whose
//! histories are one object, are told apart by the workload they are of. Each client draws its
//! next operation from all parts, by their weights.
//!
//! Needs what its parts need, and detects what they detect, each with the share of operations
//! it gets.

use std::borrow::Cow;

use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Mix, Step},
    operation::{Ending, Function, Invocation},
    workload::{Client, Elapsed, Promise, SERVICE_KEY, Settings, Workload},
};

/// The `mixed` workload.
pub struct Mixed {
    seed: u64,
    parts: Vec<(u32, Box<dyn Workload>)>,
}

impl Mixed {
    /// A workload of these parts, with their weights.
    pub fn new(settings: Settings, parts: Vec<(u32, Box<dyn Workload>)>) -> Self {
        Self { seed: settings.seed, parts }
    }

    fn all(&self) -> impl Iterator<Item = &dyn Workload> {
        self.parts.iter().map(|(_, part)| &**part)
    }
}

/// What tells the keys of one part from those of the others.
#[derive(Clone, Copy)]
struct Prefix {
    name: &'static str,
    model: ModelName,
}

impl Prefix {
    fn of(part: &dyn Workload) -> Self {
        Self { name: part.name(), model: part.model() }
    }

    /// The operation of a part as it is in the mix.
    fn put(self, invocation: Invocation) -> Invocation {
        let key = match &invocation.key {
            None => format!("{}/{}", self.model, self.name),
            Some(key) => self.of_key(key),
        };
        Invocation { key: Some(Cow::Owned(key)), ..invocation }
    }

    /// A key of a part, or the beginning of one, as it is in the mix.
    fn of_key(self, key: &str) -> String {
        let Self { name, model } = self;
        match model {
            // Its keys have prefixes already.
            ModelName::Mixed => key.to_owned(),
            _ if name == model.as_str() => format!("{model}/{key}"),
            _ => format!("{model}/{name}.{key}"),
        }
    }
}

impl Workload for Mixed {
    fn name(&self) -> &'static str {
        "mixed"
    }

    fn model(&self) -> ModelName {
        ModelName::Mixed
    }

    fn functions(&self) -> Vec<Function> {
        // What the harness itself asks for.
        let mut functions = vec![Function::Write];
        functions.extend(self.all().flat_map(Workload::functions));
        functions.sort_unstable();
        functions.dedup();
        functions
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let parts = self.parts.iter().map(|(weight, part)| {
            let stream = part.generator(client);
            let prefix = Prefix::of(&**part);
            let stream: Box<dyn Generator> = Box::new(Prefixed { prefix, stream, open: None });
            (*weight, stream)
        });
        Box::new(Mix::new(self.seed, client, parts))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let of_part = |part: &dyn Workload| {
            let prefix = Prefix::of(part);
            part.final_reads().into_iter().map(move |read| prefix.put(read)).collect::<Vec<_>>()
        };
        self.all().flat_map(of_part).collect()
    }

    fn final_drains(&self) -> Vec<Invocation> {
        let of_part = |part: &dyn Workload| {
            let prefix = Prefix::of(part);
            part.final_drains().into_iter().map(move |drain| prefix.put(drain)).collect::<Vec<_>>()
        };
        self.all().flat_map(of_part).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::write(format!("{}/{SERVICE_KEY}", ModelName::Register), number)
    }

    fn promises(&self) -> Vec<Promise> {
        let mut promises: Vec<Promise> = Vec::new();
        for part in self.all() {
            let prefix = Prefix::of(part);
            for promise in part.promises() {
                let promise = match promise {
                    Promise::Revisions { keys_prefix } => {
                        Promise::Revisions { keys_prefix: prefix.of_key(&keys_prefix) }
                    }
                    other => other,
                };
                if !promises.contains(&promise) {
                    promises.push(promise);
                }
            }
        }
        promises
    }
}

/// The stream of one part, whose operations are given their prefix on the way out.
struct Prefixed {
    prefix: Prefix,
    stream: Box<dyn Generator>,
    /// The invocation under way, as the part gave it.
    open: Option<Invocation>,
}

impl Generator for Prefixed {
    fn next(&mut self, now: Elapsed) -> Step {
        let step = self.stream.next(now);
        if let Step::Invoke(invocation) = &step {
            self.open = Some(invocation.clone());
        }
        step.map(|invocation| self.prefix.put(invocation))
    }

    fn observe(&mut self, _invocation: &Invocation, ending: Ending<'_>, now: Elapsed) {
        if let Some(open) = self.open.take() {
            self.stream.observe(&open, ending, now);
        }
    }
}
