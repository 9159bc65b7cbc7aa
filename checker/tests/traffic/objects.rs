//! Objects of one key, some of whose operations are in doubt: decided well within the default
//! budget.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value as Json, json};
use squall_checker::certificate::Certificate;
use squall_checker::model::ModelName;
use squall_checker::verdict::Verdict;
use squall_checker::{CheckOptions, check, verify};

use crate::random::Random;
use crate::store::{Done, Load, Sent, Store, run};

/// Checks some keys of a store, all of which must be linearizable.
fn decided<S: Store>(model: ModelName, load: Load, make: impl Fn() -> S) {
    for seed in 0..20 {
        let history = run(&mut make(), load, &mut Random::new(seed), Some("k"));
        let options = CheckOptions { model: Some(model), ..Default::default() };
        let analysis = check(&history, &options).expect("operations of the model");
        assert_eq!(analysis.verdict, Verdict::Linearizable, "{model} {seed} {analysis:?}");
        verify(&history, &Certificate::of(&analysis)).expect("a proof");
    }
}

/// A register with deletes and compare-and-sets.
#[derive(Default)]
struct Register {
    value: Json,
    written: u64,
}

impl Store for Register {
    fn send(&mut self, _slot: usize, random: &mut Random) -> Sent {
        self.written += 1;
        match random.below(10) {
            0..4 => Sent { f: "read", value: Json::Null },
            4..7 => Sent { f: "write", value: json!(self.written) },
            7 => Sent { f: "delete", value: Json::Null },
            _ => Sent { f: "cas", value: json!([self.value, self.written]) },
        }
    }

    fn carry_out(&mut self, sent: &Sent) -> Done {
        match sent.f {
            "read" => return Done::Ok(self.value.clone()),
            "write" => self.value = sent.value.clone(),
            "delete" => self.value = Json::Null,
            _ if self.value == sent.value[0] => self.value = sent.value[1].clone(),
            _ => return Done::Refused,
        }
        Done::Ok(sent.value.clone())
    }
}

/// A queue from which elements leave in order, or a bag.
struct Queue {
    fifo: bool,
    elements: VecDeque<u64>,
    enqueued: u64,
}

impl Store for Queue {
    fn send(&mut self, _slot: usize, random: &mut Random) -> Sent {
        if random.percent(50) {
            return Sent { f: "dequeue", value: Json::Null };
        }
        self.enqueued += 1;
        Sent { f: "enqueue", value: json!(self.enqueued) }
    }

    fn carry_out(&mut self, sent: &Sent) -> Done {
        if let Some(element) = sent.value.as_u64() {
            self.elements.push_back(element);
            return Done::Ok(sent.value.clone());
        }
        let taken = if self.fifo { self.elements.pop_front() } else { self.elements.pop_back() };
        Done::Ok(json!(taken))
    }
}

/// A lock with owners, who give it back once they know that they have it, or may have.
#[derive(Default)]
struct Lock {
    holder: Option<u64>,
    owners: Vec<(u64, &'static str)>,
    named: u64,
}

impl Store for Lock {
    fn send(&mut self, slot: usize, _random: &mut Random) -> Sent {
        while self.owners.len() <= slot {
            self.named += 1;
            self.owners.push((self.named, "acquire"));
        }
        let (owner, f) = self.owners[slot];
        Sent { f, value: json!(owner) }
    }

    fn carry_out(&mut self, sent: &Sent) -> Done {
        let owner = sent.value.as_u64();
        match (sent.f, self.holder) {
            ("acquire", None) => self.holder = owner,
            ("release", Some(_)) if self.holder == owner => self.holder = None,
            _ => return Done::Refused,
        }
        // A fencing token may stand in the reply.
        Done::Ok(json!(17))
    }

    fn learn(&mut self, slot: usize, sent: &Sent, done: Option<&Done>) {
        let next = match (sent.f, done) {
            // One that was lost may have taken effect late, so it gives back what it may have.
            ("acquire", _) => "release",
            (_, Some(_)) => "acquire",
            // It asks until it is told.
            (_, None) => "release",
        };
        self.owners[slot].1 = next;
    }
}

/// A set that says whether it changed.
#[derive(Default)]
struct Set {
    elements: BTreeSet<usize>,
}

impl Store for Set {
    fn send(&mut self, _slot: usize, random: &mut Random) -> Sent {
        let f = *random.pick(&["add", "remove", "contains"]);
        Sent { f, value: json!(random.below(10)) }
    }

    fn carry_out(&mut self, sent: &Sent) -> Done {
        let element = sent.value.as_u64().unwrap_or(0) as usize;
        Done::Ok(json!(match sent.f {
            "add" => self.elements.insert(element),
            "remove" => self.elements.remove(&element),
            _ => self.elements.contains(&element),
        }))
    }
}

/// Numbers given out in turn.
#[derive(Default)]
struct Numbers {
    given: u64,
}

impl Store for Numbers {
    fn send(&mut self, _slot: usize, _random: &mut Random) -> Sent {
        Sent { f: "fetch-increment", value: Json::Null }
    }

    fn carry_out(&mut self, _sent: &Sent) -> Done {
        self.given += 1;
        Done::Ok(json!(self.given - 1))
    }
}

fn load(operations: usize, clients: usize, lost_percent: usize) -> Load {
    Load { operations, clients, lost_percent }
}

#[test]
fn registers_with_deletes_are_decided() {
    for model in [ModelName::CasRegister, ModelName::Kv] {
        decided(model, load(100, 5, 5), Register::default);
        decided(model, load(100, 20, 5), Register::default);
    }
}

#[test]
fn queues_and_bags_are_decided() {
    for (model, fifo) in [(ModelName::Queue, true), (ModelName::Bag, false)] {
        let make = || Queue { fifo, elements: VecDeque::new(), enqueued: 0 };
        decided(model, load(5_000, 20, 5), make);
    }
}

#[test]
fn locks_with_owners_are_decided() {
    decided(ModelName::Mutex, load(1_000, 10, 5), Lock::default);
    decided(ModelName::Mutex, load(100, 10, 5), Lock::default);
}

#[test]
fn sets_that_say_whether_they_changed_are_decided() {
    decided(ModelName::Set, load(1_000, 20, 5), Set::default);
}

#[test]
fn numbers_given_out_are_decided() {
    decided(ModelName::Ids, load(5_000, 20, 5), Numbers::default);
}
