//! Transactions on registers and on lists.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::History;
use squall_checker::model::ModelName;
use squall_checker::verdict::Verdict;
use squall_checker::{CheckOptions, check, verify};

use crate::random::Random;
use crate::store::{Done, Load, Sent, Store, run};

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Transfers that state what they found, and reads of all accounts.
    Bank,
    /// Reads and writes of a few keys at once.
    ReadModifyWrite,
    /// Keys written once, and reads of a group of them.
    LongFork,
    /// A write of a key that its client owns, and reads of all it owns, as it believes them.
    Owned,
    /// Writes without reads among them.
    Blind,
    /// All of these on the same keys, each client another.
    Any,
}

/// How writes and reads of a key are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    Registers,
    Lists,
}

struct Transactional {
    form: Form,
    of: Keys,
    keys: usize,
    state: HashMap<String, Json>,
    /// What the clients last saw of each key.
    known: Vec<HashMap<String, Json>>,
    next_value: u64,
    next_key: usize,
}

impl Transactional {
    fn new(form: Form, of: Keys, clients: usize) -> Self {
        Self {
            form,
            of,
            keys: 60,
            state: HashMap::new(),
            known: vec![HashMap::new(); clients],
            next_value: 0,
            next_key: 0,
        }
    }

    fn value(&mut self, random: &mut Random) -> Json {
        self.next_value += 1;
        match self.of {
            Keys::Registers if self.form == Form::Bank => {
                json!([random.below(100), self.next_value])
            }
            _ => json!(self.next_value),
        }
    }

    fn write(&mut self, key: &str, random: &mut Random) -> Json {
        let f = if self.of == Keys::Lists { "append" } else { "w" };
        json!([f, key, self.value(random)])
    }

    fn read(key: &str) -> Json {
        json!(["r", key, null])
    }

    /// A read that states what the client saw last; one of nothing if it saw nothing.
    fn believed(&self, slot: usize, key: &str) -> Json {
        json!(["r", key, self.known[slot].get(key)])
    }

    fn micros(&mut self, slot: usize, random: &mut Random) -> Vec<Json> {
        let form = match self.form {
            Form::Any => {
                [Form::Bank, Form::ReadModifyWrite, Form::LongFork, Form::Owned, Form::Blind]
                    [slot % 5]
            }
            form => form,
        };
        let some = |random: &mut Random, keys| format!("k{}", random.below(keys));
        match form {
            Form::Bank => {
                let accounts = 10;
                let (a, b) = (random.below(accounts), random.below(accounts));
                let is_known = |key| self.known[slot].contains_key(&format!("k{key}"));
                if a == b || !is_known(a) || !is_known(b) || random.percent(30) {
                    return (0..accounts).map(|key| Self::read(&format!("k{key}"))).collect();
                }
                let (a, b) = (format!("k{a}"), format!("k{b}"));
                let reads = [self.believed(slot, &a), self.believed(slot, &b)];
                let writes = [self.write(&a, random), self.write(&b, random)];
                reads.into_iter().chain(writes).collect()
            }
            Form::ReadModifyWrite => {
                let mut micros = Vec::new();
                for _ in 0..=random.below(4) {
                    let key = some(random, self.keys);
                    let own = |micro: &Json| micro[1] == json!(key);
                    if micros.iter().any(own) {
                        continue;
                    }
                    micros.push(Self::read(&key));
                    if random.percent(80) {
                        micros.push(self.write(&key, random));
                    }
                }
                micros
            }
            Form::LongFork => {
                let group = self.next_key / 5;
                if random.percent(30) {
                    self.next_key += 1;
                    let key = format!("f{}", self.next_key);
                    return vec![self.write(&key, random)];
                }
                let group = group.saturating_sub(random.below(3));
                (0..5).map(|key| Self::read(&format!("f{}", 5 * group + key))).collect()
            }
            Form::Owned => {
                let owned = 3;
                let written = format!("o{}-{}", slot, random.below(owned));
                let mut micros: Vec<Json> =
                    (0..owned).map(|key| self.believed(slot, &format!("o{slot}-{key}"))).collect();
                micros.push(self.write(&written, random));
                micros
            }
            Form::Blind => {
                let mut micros = Vec::new();
                for key in [some(random, self.keys), some(random, self.keys)] {
                    let own = |micro: &Json| micro[1] == json!(key);
                    if micros.iter().any(own) {
                        continue;
                    }
                    let read = random.percent(60);
                    micros.push(if read { Self::read(&key) } else { self.write(&key, random) });
                }
                micros
            }
            Form::Any => unreachable!("was chosen"),
        }
    }
}

impl Store for Transactional {
    fn send(&mut self, slot: usize, random: &mut Random) -> Sent {
        Sent { f: "txn", value: json!(self.micros(slot, random)) }
    }

    fn carry_out(&mut self, sent: &Sent) -> Done {
        let nothing = || if self.of == Keys::Lists { json!([]) } else { Json::Null };
        let micros = sent.value.as_array().expect("a list");
        let mut after = HashMap::new();
        let mut result = Vec::new();
        for micro in micros {
            let key = micro[1].as_str().expect("a key").to_owned();
            let held = after.get(&key).or_else(|| self.state.get(&key)).cloned();
            match micro[0].as_str() {
                Some("w") => {
                    after.insert(key, micro[2].clone());
                    result.push(micro.clone());
                }
                Some("append") => {
                    let mut list = held.unwrap_or_else(nothing);
                    list.as_array_mut().expect("a list").push(micro[2].clone());
                    after.insert(key, list);
                    result.push(micro.clone());
                }
                _ => {
                    let held = held.unwrap_or_else(nothing);
                    if !micro[2].is_null() && micro[2] != held {
                        return Done::Refused;
                    }
                    result.push(json!(["r", key, held]));
                }
            }
        }
        self.state.extend(after);
        Done::Ok(json!(result))
    }

    fn learn(&mut self, slot: usize, sent: &Sent, done: Option<&Done>) {
        let known = &mut self.known[slot];
        match done {
            Some(Done::Ok(result)) => {
                let empty = json!([]);
                for micro in result.as_array().expect("a list") {
                    let key = micro[1].as_str().expect("a key").to_owned();
                    if micro[0] == "append" {
                        let list = known.entry(key).or_insert_with(|| empty.clone());
                        list.as_array_mut().expect("a list").push(micro[2].clone());
                    } else {
                        known.insert(key, micro[2].clone());
                    }
                }
            }
            // It has to look again.
            _ => {
                for micro in sent.value.as_array().expect("a list") {
                    known.remove(micro[1].as_str().expect("a key"));
                }
            }
        }
    }
}

fn history(form: Form, of: Keys, load: Load, seed: u64) -> History {
    let mut store = Transactional::new(form, of, load.clients);
    run(&mut store, load, &mut Random::new(seed), None)
}

/// Checks a history, whose verdict must be `linearizable` without search.
fn decided(form: Form, of: Keys, load: Load, seed: u64) {
    let history = history(form, of, load, seed);
    let model = match of {
        Keys::Registers => ModelName::TxnRegister,
        Keys::Lists => ModelName::TxnAppend,
    };
    let options = CheckOptions { model: Some(model), ..Default::default() };
    let analysis = check(&history, &options).expect("transactions");
    let key = &analysis.keys[0];
    assert_eq!(analysis.verdict, Verdict::Linearizable, "{form:?} {load:?} {seed} {key:?}");
    assert_eq!(key.procedure, "dependency-cycles", "{form:?} {load:?} {seed}");
    verify(&history, &Certificate::of(&analysis)).expect("a proof");
}

const FORMS: [Form; 6] =
    [Form::Bank, Form::ReadModifyWrite, Form::LongFork, Form::Owned, Form::Blind, Form::Any];

/// Of a hundred replies, how many are lost.
const LOST: [usize; 4] = [0, 2, 5, 20];

#[test]
fn transactions_on_registers_are_decided() {
    for form in FORMS {
        for (seed, lost_percent) in (1..).zip(LOST) {
            let load = Load { operations: 20_000, clients: 20, lost_percent };
            decided(form, Keys::Registers, load, seed);
        }
        for seed in 10..40 {
            let load = Load { operations: 2_000, clients: 20, lost_percent: LOST[seed % 4] };
            decided(form, Keys::Registers, load, seed as u64);
        }
    }
}

#[test]
fn transactions_on_lists_are_decided() {
    for form in FORMS {
        for (seed, lost_percent) in (1..).zip(LOST) {
            // Lists are read whole, so what is recorded grows with the square.
            let load = Load { operations: 2_000, clients: 20, lost_percent };
            decided(form, Keys::Lists, load, seed);
        }
    }
}
