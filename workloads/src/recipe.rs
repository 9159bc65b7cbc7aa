//! Data types on top of reads and compare-and-sets, for systems that do not offer them.
//!
//! An operation of a queue, a lock or a set becomes one read of the key that holds its state,
//! and at most one compare-and-set of that state. [`decide`] is what lies between the two; it
//! is pure. The operation takes effect with the compare-and-set, or with the read where
//! nothing is to be changed; where the state was changed in between it never does. One attempt
//! each, so contention shows as failed operations.
//!
//! States are JSON: a queue or a set is a list of its elements, a lock an object with `owner`
//! and `token`, an element of a set `true` or `false` at a key of its own, a number itself.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::operation::{Function, Invocation};

/// What follows from the state that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The operation is done and returns this; nothing is to be changed.
    Answer(Value),
    /// The operation is refused, for this reason.
    Refuse(String),
    /// The state is to be replaced; then the operation returns the answer.
    Replace {
        /// What the state becomes.
        new: Value,
        /// What the operation returns then.
        answer: Value,
    },
}

/// Whether there is a recipe for `function`.
pub fn exists(function: Function) -> bool {
    matches!(
        function,
        Function::Append
            | Function::Add
            | Function::SetAdd
            | Function::ElementAdd
            | Function::ElementRemove
            | Function::ElementContains
            | Function::Enqueue
            | Function::Dequeue
            | Function::Acquire
            | Function::Release
            | Function::FetchIncrement
    )
}

/// The key that holds the state an operation is about.
pub fn state_key(invocation: &Invocation) -> Cow<'static, str> {
    let key = invocation.key.clone().unwrap_or_default();
    match invocation.function {
        Function::ElementAdd | Function::ElementRemove | Function::ElementContains => {
            Cow::Owned(format!("{key}/{}", invocation.value))
        }
        _ => key,
    }
}

/// What an operation does to the state that was `found`; null where there is none yet.
///
/// Whatever the system returned is taken: a state of a wrong shape refuses the operation.
pub fn decide(function: Function, argument: &Value, found: &Value) -> Decision {
    match function {
        Function::Append | Function::SetAdd | Function::Enqueue => pushed(found, argument),
        Function::Dequeue => popped(found),
        Function::Add => added(found, argument),
        Function::FetchIncrement => incremented(found),
        Function::ElementAdd => element(found, true),
        Function::ElementRemove => element(found, false),
        Function::ElementContains => match presence(found) {
            Some(present) => Decision::Answer(present.into()),
            None => misshapen(found, "true or false"),
        },
        Function::Acquire => acquired(found, argument),
        Function::Release => released(found, argument),
        other => Decision::Refuse(format!("there is no recipe for `{other}`")),
    }
}

fn misshapen(found: &Value, wanted: &str) -> Decision {
    Decision::Refuse(format!("unexpected state: {found} is not {wanted}"))
}

fn list(found: &Value) -> Option<Vec<Value>> {
    match found {
        Value::Null => Some(Vec::new()),
        Value::Array(elements) => Some(elements.clone()),
        _ => None,
    }
}

fn pushed(found: &Value, element: &Value) -> Decision {
    let Some(mut elements) = list(found) else { return misshapen(found, "a list") };
    elements.push(element.clone());
    Decision::Replace { new: elements.into(), answer: element.clone() }
}

fn popped(found: &Value) -> Decision {
    let Some(mut elements) = list(found) else { return misshapen(found, "a list") };
    if elements.is_empty() {
        return Decision::Answer(Value::Null);
    }
    let first = elements.remove(0);
    Decision::Replace { new: elements.into(), answer: first }
}

fn number(found: &Value) -> Option<i64> {
    if found.is_null() { Some(0) } else { found.as_i64() }
}

fn added(found: &Value, amount: &Value) -> Decision {
    let sum = number(found).zip(amount.as_i64()).and_then(|(held, add)| held.checked_add(add));
    match sum {
        Some(sum) => Decision::Replace { new: sum.into(), answer: amount.clone() },
        None => misshapen(found, "a number to add to"),
    }
}

fn incremented(found: &Value) -> Decision {
    match number(found).and_then(|held| Some((held, held.checked_add(1)?))) {
        Some((held, next)) => Decision::Replace { new: next.into(), answer: held.into() },
        None => misshapen(found, "a number to add to"),
    }
}

fn presence(found: &Value) -> Option<bool> {
    if found.is_null() { Some(false) } else { found.as_bool() }
}

/// Makes an element present or absent; answers whether that changed anything.
fn element(found: &Value, wanted: bool) -> Decision {
    match presence(found) {
        Some(present) if present == wanted => Decision::Answer(false.into()),
        Some(_) => Decision::Replace { new: wanted.into(), answer: true.into() },
        None => misshapen(found, "true or false"),
    }
}

/// The owner of a lock, null if it is free, and its last token.
fn lock(found: &Value) -> Option<(Value, u64)> {
    match found {
        Value::Null => Some((Value::Null, 0)),
        Value::Object(state) => Some((state.get("owner")?.clone(), state.get("token")?.as_u64()?)),
        _ => None,
    }
}

fn acquired(found: &Value, owner: &Value) -> Decision {
    match lock(found) {
        Some((Value::Null, token)) => match token.checked_add(1) {
            Some(token) => Decision::Replace {
                new: json!({ "owner": owner, "token": token }),
                answer: token.into(),
            },
            None => misshapen(found, "a lock whose token can rise"),
        },
        Some((holder, _)) => Decision::Refuse(format!("held by {holder}")),
        None => misshapen(found, "a lock"),
    }
}

fn released(found: &Value, owner: &Value) -> Decision {
    match lock(found) {
        Some((holder, token)) if holder == *owner => Decision::Replace {
            new: json!({ "owner": null, "token": token }),
            answer: owner.clone(),
        },
        Some((Value::Null, _)) => Decision::Refuse("not held".to_owned()),
        Some((holder, _)) => Decision::Refuse(format!("held by {holder}")),
        None => misshapen(found, "a lock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(function: Function, argument: &Value, found: &Value) -> (Value, Value) {
        match decide(function, argument, found) {
            Decision::Replace { new, answer } => (new, answer),
            other => panic!("{function} of {argument} on {found}: {other:?}"),
        }
    }

    #[test]
    fn a_queue_gives_back_what_came_first_and_null_when_it_is_empty() {
        let (state, _) = replaced(Function::Enqueue, &json!(1), &Value::Null);
        let (state, _) = replaced(Function::Enqueue, &json!(2), &state);
        let (state, first) = replaced(Function::Dequeue, &Value::Null, &state);
        let (state, second) = replaced(Function::Dequeue, &Value::Null, &state);
        assert_eq!((first, second), (json!(1), json!(2)));
        let empty = decide(Function::Dequeue, &Value::Null, &state);
        assert_eq!(empty, Decision::Answer(Value::Null));
    }

    #[test]
    fn a_lock_is_held_by_one_and_its_tokens_rise() {
        let (state, token) = replaced(Function::Acquire, &json!("a"), &Value::Null);
        assert_eq!(token, json!(1));
        let refused = |function, owner: &str, state: &Value| {
            matches!(decide(function, &json!(owner), state), Decision::Refuse(_))
        };
        assert!(refused(Function::Acquire, "b", &state) && refused(Function::Release, "b", &state));
        let (state, _) = replaced(Function::Release, &json!("a"), &state);
        assert!(refused(Function::Release, "a", &state));
        let (_, token) = replaced(Function::Acquire, &json!("b"), &state);
        assert_eq!(token, json!(2));
    }

    #[test]
    fn elements_tell_whether_they_were_there_and_have_keys_of_their_own() {
        let (there, changed) = replaced(Function::ElementAdd, &json!(3), &Value::Null);
        assert_eq!(changed, json!(true));
        let again = decide(Function::ElementAdd, &json!(3), &there);
        assert_eq!(again, Decision::Answer(json!(false)));
        let (gone, _) = replaced(Function::ElementRemove, &json!(3), &there);
        let contains = decide(Function::ElementContains, &json!(3), &gone);
        assert_eq!(contains, Decision::Answer(json!(false)));
        let of = |value: u64| state_key(&Invocation::new(Function::ElementAdd, "s", value));
        assert_ne!(of(1), of(11));
    }

    #[test]
    fn whatever_a_system_returns_is_no_reason_to_panic() {
        for function in Function::ALL {
            for found in [
                json!({}),
                json!("x"),
                json!(i64::MAX),
                json!([[]]),
                json!(true),
                json!({ "owner": null, "token": u64::MAX }),
            ] {
                for argument in [json!(1), json!(i64::MAX), json!("o"), Value::Null] {
                    drop(decide(*function, &argument, &found));
                }
            }
        }
        assert!(Function::ALL.iter().filter(|function| exists(**function)).count() > 10);
    }
}
