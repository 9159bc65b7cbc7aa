//! A store in memory that does all functions, and, if wanted, does something wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    operation::{Access, Function, Invocation},
    recipe::{self, Decision},
};

/// What the store does wrong, every so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// Nothing.
    None,
    /// What only reads answers what was there a change before.
    StaleRead,
    /// A change is acknowledged and forgotten.
    LostChange,
    /// A change is applied twice.
    DoubleApply,
    /// What is to happen only under a condition happens whatever is there.
    BlindCas,
    /// A transaction that reads several keys reads one of them as it was a change before.
    TornRead,
}

/// How an operation on the store ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It took effect and returned this.
    Ok(Value),
    /// It found another value than it expected; this one.
    Mismatch(Option<Value>),
    /// It was refused.
    Fail(String),
}

/// Keys and what they hold.
#[derive(Clone, Debug)]
pub struct Store {
    flaw: Flaw,
    /// Of operations, one in so many goes wrong.
    every: u64,
    turn: u64,
    /// By key: what it holds, and what it held before that.
    map: BTreeMap<String, [Value; 2]>,
}

impl Store {
    /// An empty store; one in `every` operations, at least 1, goes wrong as `flaw` says.
    pub fn new(flaw: Flaw, every: u64) -> Self {
        Self { flaw, every: every.max(1), turn: 0, map: BTreeMap::new() }
    }

    /// Carries out one operation.
    pub fn apply(&mut self, invocation: &Invocation) -> Reply {
        self.turn += 1;
        let flaw = if self.turn.is_multiple_of(self.every) { self.flaw } else { Flaw::None };
        let value = &invocation.value;
        match invocation.function {
            Function::Read => Reply::Ok(self.read(invocation.key(), flaw)),
            Function::Write => self.put(invocation.key(), value.clone(), flaw, value.clone()),
            Function::Delete => self.put(invocation.key(), Value::Null, flaw, Value::Null),
            Function::Cas => self.cas(invocation, flaw),
            Function::Txn | Function::AppendTxn | Function::GuardedTxn => {
                self.transact(invocation, flaw)
            }
            function => {
                // Each operation arrives once here.
                let function = match function {
                    Function::AppendOnce => Function::Append,
                    other => other,
                };
                let key = recipe::state_key(invocation);
                let found = match function {
                    Function::ElementContains => self.read(&key, flaw),
                    _ => self.held(&key),
                };
                self.by_recipe(&key, function, value, &found, flaw)
            }
        }
    }

    fn by_recipe(
        &mut self,
        key: &str,
        function: Function,
        argument: &Value,
        found: &Value,
        flaw: Flaw,
    ) -> Reply {
        let blind = flaw == Flaw::BlindCas && function == Function::Acquire;
        match recipe::decide(function, argument, if blind { &Value::Null } else { found }) {
            Decision::Answer(answer) => Reply::Ok(answer),
            Decision::Refuse(why) => Reply::Fail(why),
            Decision::Replace { new, answer } => {
                let again = match flaw {
                    Flaw::DoubleApply => recipe::decide(function, argument, &new),
                    _ => Decision::Answer(Value::Null),
                };
                let state = if let Decision::Replace { new, .. } = again { new } else { new };
                self.put(key, state, flaw, answer)
            }
        }
    }

    fn held(&self, key: &str) -> Value {
        self.map.get(key).map_or(Value::Null, |[held, _]| held.clone())
    }

    fn read(&self, key: &str, flaw: Flaw) -> Value {
        match (self.map.get(key), flaw) {
            (Some([_, before]), Flaw::StaleRead) => before.clone(),
            _ => self.held(key),
        }
    }

    fn put(&mut self, key: &str, value: Value, flaw: Flaw, answer: Value) -> Reply {
        if flaw != Flaw::LostChange {
            let [held, before] = self.map.entry(key.to_owned()).or_default();
            *before = std::mem::replace(held, value);
        }
        Reply::Ok(answer)
    }

    fn cas(&mut self, invocation: &Invocation, flaw: Flaw) -> Reply {
        let held = self.held(invocation.key());
        let [expected, new] = invocation.value.as_array().map_or(&[][..], Vec::as_slice) else {
            return Reply::Fail("unexpected argument".to_owned());
        };
        if held != *expected && flaw != Flaw::BlindCas {
            return Reply::Mismatch(Some(held));
        }
        self.put(invocation.key(), new.clone(), flaw, invocation.value.clone())
    }

    fn transact(&mut self, invocation: &Invocation, flaw: Flaw) -> Reply {
        let accesses = invocation.accesses();
        let guarded = invocation.function == Function::GuardedTxn;
        let differs = |access: &Access| match access {
            Access::Read(key, expected) => self.held(key) != *expected,
            _ => false,
        };
        if guarded && flaw != Flaw::BlindCas && accesses.iter().any(differs) {
            return Reply::Mismatch(None);
        }
        let changes = |access: &Access| !matches!(access, Access::Read(..));
        let only_reads = !accesses.iter().any(changes);
        let mut done = Vec::with_capacity(accesses.len());
        for (number, access) in accesses.into_iter().enumerate() {
            done.push(self.access(access, number, guarded, only_reads, flaw).to_json());
        }
        Reply::Ok(done.into())
    }

    fn access(
        &mut self,
        access: Access,
        number: usize,
        guarded: bool,
        only_reads: bool,
        flaw: Flaw,
    ) -> Access {
        match access {
            Access::Read(..) if guarded => access,
            Access::Read(key, _) => {
                let stale = match flaw {
                    Flaw::StaleRead => only_reads,
                    Flaw::TornRead => only_reads && number == 0,
                    _ => false,
                };
                let flaw = if stale { Flaw::StaleRead } else { Flaw::None };
                let found = self.read(&key, flaw);
                Access::Read(key, found)
            }
            Access::Write(key, value) => {
                self.put(&key, value.clone(), flaw, Value::Null);
                Access::Write(key, value)
            }
            Access::Append(key, element) => {
                let mut list = self.held(&key);
                let times = if flaw == Flaw::DoubleApply { 2 } else { 1 };
                for _ in 0..times {
                    match list.as_array_mut() {
                        Some(list) => list.push(element.clone()),
                        None => list = json!([element]),
                    }
                }
                self.put(&key, list, flaw, Value::Null);
                Access::Append(key, element)
            }
        }
    }
}
