//! What a recorded operation does, as far as it is known.

use std::sync::Arc;

use super::spec::{Deed, Told};
use crate::frontiers::Ending;
use crate::history::{Outcome, Recorded, Value, View};
use crate::model::ModelName;

/// Why an operation cannot be judged.
type Foreign = &'static str;

const FOREIGN: Foreign = "an operation on it is none of its model, or returned what none returns";

/// What an operation does, if its invocation tells.
pub(super) fn begun(model: ModelName, operation: Recorded<'_>) -> Result<Option<Deed>, Foreign> {
    if !model.functions().contains(&operation.f()) {
        return Err(FOREIGN);
    }
    let argument = operation.argument;
    Ok(Some(match (model, operation.f()) {
        (ModelName::Register | ModelName::CasRegister | ModelName::Kv, "write") => {
            Deed::Write(argument)
        }
        (_, "delete") => Deed::Write(Value::NULL),
        (ModelName::KvAppend, "put") => Deed::Put(text(operation.argument())?),
        (ModelName::KvAppend, "append") => Deed::Extend(text(operation.argument())?),
        (ModelName::ListAppend, "append") => Deed::Push(argument),
        (ModelName::Counter, "add") => Deed::Sum(integer(operation.argument())?),
        (_, "increment") => Deed::Sum(1),
        (_, "enqueue") if argument.is_null() => return Err(FOREIGN),
        (_, "enqueue") => Deed::Enqueue(argument),
        (_, "acquire") => Deed::Acquire(argument),
        (_, "release") => Deed::Release(argument),
        // Two ways of giving out ids are two objects.
        (_, "generate") => return Err("generated ids are judged only as a whole"),
        // Only what they return tells what these did.
        _ => return Ok(None),
    }))
}

/// How an operation ended, and what it did.
pub(super) fn ended(model: ModelName, operation: Recorded<'_>) -> Result<Ending<Deed>, Foreign> {
    match operation.outcome {
        Outcome::Fail => return Ok(refused(operation).map_or(Ending::Fail, Ending::Ok)),
        Outcome::Info => return indeterminate(model, operation),
        Outcome::Ok => {}
    }
    if let Some(deed) = begun(model, operation)? {
        return Ok(Ending::Ok(deed));
    }
    let (argument, result) = (operation.argument, operation.result);
    Ok(Ending::Ok(match (model, operation.f()) {
        (_, "get") => Deed::Get(text(operation.result())?),
        (_, "cas") => cas(operation)?,
        (_, "add") => match said(operation) {
            None => Deed::Add(argument, Told::Nothing),
            Some(true) => Deed::Add(argument, Told::Changed),
            Some(false) => Deed::Contains(argument, true),
        },
        (_, "remove") => match said(operation) {
            None => Deed::Remove(argument, Told::Nothing),
            Some(true) => Deed::Remove(argument, Told::Changed),
            Some(false) => Deed::Contains(argument, false),
        },
        (_, "contains") => Deed::Contains(argument, said(operation).ok_or(FOREIGN)?),
        (ModelName::ListAppend, "read") => Deed::Whole(elements(operation)?.into()),
        (ModelName::Set, "read") => {
            let mut elements = elements(operation)?.to_vec();
            elements.sort_unstable();
            // However often a system lists it, an element is in a set or is not.
            elements.dedup();
            Deed::Whole(elements.into())
        }
        (ModelName::Counter, "read") if result.is_null() => Deed::Count(0),
        (ModelName::Counter, "read") => Deed::Count(integer(operation.result())?),
        (_, "read") => Deed::Read(result),
        (_, "dequeue") if result.is_null() => Deed::Empty,
        (_, "dequeue") => Deed::Dequeue(result),
        (_, "fetch-increment") => Deed::Next(Some(integer(operation.result())?)),
        _ => return Err(FOREIGN),
    }))
}

fn indeterminate(model: ModelName, operation: Recorded<'_>) -> Result<Ending<Deed>, Foreign> {
    if let Some(deed) = begun(model, operation)? {
        return Ok(Ending::Indeterminate(deed));
    }
    Ok(match operation.f() {
        "cas" => Ending::Indeterminate(cas(operation)?),
        "add" => Ending::Indeterminate(Deed::Add(operation.argument, Told::Nothing)),
        "remove" => Ending::Indeterminate(Deed::Remove(operation.argument, Told::Nothing)),
        "dequeue" => Ending::Indeterminate(Deed::DequeueUnknown),
        "fetch-increment" => Ending::Indeterminate(Deed::Next(None)),
        // A read that nobody heard of changed nothing.
        _ => Ending::Fail,
    })
}

/// What a failed compare-and-set says of the value, if the system looked at it.
fn refused(operation: Recorded<'_>) -> Option<Deed> {
    let looked = operation.f() == "cas" && operation.error().is_none_or(|why| why == "mismatch");
    let expected = operation.history().values.list(operation.argument)?.first()?;
    let found = operation.result;
    let says_found = !found.is_null() && found != operation.argument && found != *expected;
    let deed = if says_found { Deed::Read(found) } else { Deed::Refused(*expected) };
    looked.then_some(deed)
}

fn cas(operation: Recorded<'_>) -> Result<Deed, Foreign> {
    match operation.history().values.list(operation.argument) {
        Some(&[expected, new]) => Ok(Deed::Cas(expected, new)),
        _ => Err(FOREIGN),
    }
}

/// Whether a change of a set or a question about it was answered with true or false. An
/// element that is itself true or false may be echoed.
pub(in crate::online) fn said(operation: Recorded<'_>) -> Option<bool> {
    match operation.result() {
        View::Bool(said) if operation.result != operation.argument => Some(said),
        _ => None,
    }
}

fn elements(operation: Recorded<'_>) -> Result<&[Value], Foreign> {
    match operation.result() {
        View::List(elements) => Ok(elements),
        View::Null => Ok(&[]),
        _ => Err(FOREIGN),
    }
}

fn text(view: View<'_>) -> Result<Arc<str>, Foreign> {
    match view {
        View::Text(text) => Ok(Arc::from(text)),
        View::Null => Ok(Arc::from("")),
        _ => Err(FOREIGN),
    }
}

fn integer(view: View<'_>) -> Result<i128, Foreign> {
    match view {
        View::Integer(number) => Ok(number),
        _ => Err(FOREIGN),
    }
}
