//! Transactions on many lists or registers, each taking effect at once.

use std::collections::BTreeMap;

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, Value, View};

/// `txn` with a list of `[function, key, value]`.
pub(in crate::verify) struct Transactions {
    pub(in crate::verify) of: TransactionsOf,
}

/// What the keys of a transaction hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum TransactionsOf {
    /// Lists, with `append` and `r`.
    Lists,
    /// Registers, with `w` and `r`.
    Registers,
}

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum Micro {
    /// Adds to the list of a key, or replaces the value of its register.
    Write(Value, Value),
    /// Finds this list, or this value alone.
    Read(Value, Vec<Value>),
}

impl Transactions {
    /// The operations of a transaction, reads with what they returned; those of an
    /// indeterminate one returned nothing anybody knows of and are left out.
    pub(in crate::verify) fn micros(&self, operation: Recorded<'_>) -> Result<Vec<Micro>, Foreign> {
        let values = &operation.history().values;
        let known = operation.outcome == Outcome::Ok;
        let ((true, View::List(listed), _) | (_, _, View::List(listed))) =
            (known, operation.result(), operation.argument())
        else {
            return Err(Foreign);
        };
        if let (true, View::List(asked)) = (known, operation.argument()) {
            let same =
                |(asked, told): (&Value, &Value)| match (values.view(*asked), values.view(*told)) {
                    (View::List(&[f, key, value]), View::List(&[g, place, found])) => {
                        let finds = matches!(values.view(f), View::Text("r"));
                        f == g && key == place && (finds || value == found)
                    }
                    _ => false,
                };
            // One that says it did something else than it was asked proves nothing.
            if asked.len() != listed.len() || !asked.iter().zip(listed).all(same) {
                return Err(Foreign);
            }
        }
        let mut micros = Vec::with_capacity(listed.len());
        for &micro in listed {
            let View::List(&[f, key, value]) = values.view(micro) else { return Err(Foreign) };
            let View::Text(f) = values.view(f) else { return Err(Foreign) };
            micros.push(match (f, self.of, values.view(value)) {
                ("append", TransactionsOf::Lists, _) | ("w", TransactionsOf::Registers, _) => {
                    Micro::Write(key, value)
                }
                ("r", ..) if !known => continue,
                ("r", _, View::Null) => Micro::Read(key, Vec::new()),
                ("r", TransactionsOf::Lists, View::List(list)) => Micro::Read(key, list.to_vec()),
                ("r", TransactionsOf::Registers, _) => Micro::Read(key, vec![value]),
                _ => return Err(Foreign),
            });
        }
        Ok(micros)
    }
}

impl Rules for Transactions {
    type Deed = Vec<Micro>;
    type State = BTreeMap<Value, Vec<Value>>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<Vec<Micro>>, Foreign> {
        if operation.f() != "txn" {
            return Err(Foreign);
        }
        let micros = self.micros(operation)?;
        let silent = operation.outcome == Outcome::Info && micros.is_empty();
        Ok((!silent).then_some(micros))
    }

    fn initial(&self) -> BTreeMap<Value, Vec<Value>> {
        BTreeMap::new()
    }

    fn apply(&self, state: &mut BTreeMap<Value, Vec<Value>>, deed: &Vec<Micro>) -> bool {
        for micro in deed {
            match micro {
                Micro::Read(key, found) => {
                    if state.get(key).map_or(&[][..], Vec::as_slice) != found {
                        return false;
                    }
                }
                Micro::Write(key, value) => {
                    let held = state.entry(*key).or_default();
                    if self.of == TransactionsOf::Registers {
                        held.clear();
                    }
                    // A register that holds null is one that was never written.
                    if self.of == TransactionsOf::Lists || *value != Value::NULL {
                        held.push(*value);
                    }
                }
            }
        }
        true
    }

    fn only_reads(&self, deed: &Vec<Micro>) -> bool {
        deed.iter().all(|micro| matches!(micro, Micro::Read(..)))
    }
}
