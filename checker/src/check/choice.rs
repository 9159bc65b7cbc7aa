//! Which model judges a history that does not say.

use super::error::CheckError;
use crate::history::{History, Outcome, Recorded, View};
use crate::model::ModelName;
use crate::verdict::OperationId;

/// The model asked for, else the header's, else the first that knows all functions seen;
/// models that share their functions are told apart by the values.
pub(super) fn choose_model(
    history: &History,
    asked: Option<ModelName>,
) -> Result<ModelName, CheckError> {
    if let Some(model) = asked {
        return Ok(model);
    }
    if let Some(header) = &history.header
        && !header.model.is_empty()
    {
        return Ok(header.model.parse()?);
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut last = None;
    let mut model = ModelName::ALL[0];
    for (id, operation) in history.iter() {
        // Runs of one function, which are most of a history, cost one comparison.
        if last.replace(operation.f) == Some(operation.f) || seen.contains(&operation.f()) {
            continue;
        }
        seen.push(operation.f());
        model = ModelName::knowing(&seen).ok_or_else(|| CheckError::NoModel {
            operation: id,
            process: operation.process,
            f: operation.f().to_owned(),
        })?;
    }
    Ok(match model {
        ModelName::Set if counter_knows(&seen) && counts(history)? => ModelName::Counter,
        ModelName::KvAppend if seen == ["append"] && !appends_text(history) => {
            ModelName::ListAppend
        }
        // With a key and without one: only a map has operations on several keys at once.
        ModelName::Register | ModelName::CasRegister if keys_are_mixed(history) => ModelName::Kv,
        ModelName::TxnAppend if writes_registers(history) => ModelName::TxnRegister,
        model => model,
    })
}

/// Whether some operations name a key and others do not.
fn keys_are_mixed(history: &History) -> bool {
    let keyless = history.operations.iter().filter(|operation| operation.key.is_none()).count();
    keyless > 0 && keyless < history.operations.len()
}

/// Whether the functions are those of a counter too.
fn counter_knows(seen: &[&str]) -> bool {
    seen.iter().all(|f| ModelName::Counter.functions().contains(f))
}

/// Whether successful reads return numbers, not lists.
///
/// # Errors
/// Reads of both kinds: one of them is a fault of the system, which must not decide by what
/// model it is judged.
fn counts(history: &History) -> Result<bool, CheckError> {
    let Some(read) = history.names.find("read") else { return Ok(false) };
    let reads = |wanted: fn(View<'_>) -> bool| {
        let is_one = |(_, operation): &(OperationId, Recorded<'_>)| {
            operation.f == read && operation.outcome == Outcome::Ok && wanted(operation.result())
        };
        history.iter().find(is_one).map(|(id, _)| id)
    };
    let number = reads(|result| matches!(result, View::Integer(_)));
    match (reads(|result| matches!(result, View::List(_))), number) {
        (Some(list), Some(number)) => Err(CheckError::SetOrCounter { list, number }),
        (_, number) => Ok(number.is_some()),
    }
}

/// Whether the first operation appends text.
fn appends_text(history: &History) -> bool {
    let first = history.iter().next();
    first.is_some_and(|(_, append)| matches!(append.argument(), View::Text(_)))
}

/// Whether a transaction writes a register.
fn writes_registers(history: &History) -> bool {
    let is_write = |micro| match history.values.view(micro) {
        View::List(&[f, ..]) => matches!(history.values.view(f), View::Text("w")),
        _ => false,
    };
    history.iter().any(|(_, operation)| match operation.argument() {
        View::List(micros) => micros.iter().copied().any(is_write),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::read_jsonl;

    /// The model chosen for the lines `[type, f, value]`, all of process 0.
    fn chosen(lines: &[(&str, &str, &str)]) -> ModelName {
        let event = |(time, (kind, f, value)): (usize, &(&str, &str, &str))| {
            format!(r#"{{"time":{time},"process":0,"type":"{kind}","f":"{f}","value":{value}}}"#)
                + "\n"
        };
        let text: String = lines.iter().enumerate().map(event).collect();
        let history = read_jsonl(text.as_bytes()).expect("a good history");
        choose_model(&history, None).expect("a model")
    }

    #[test]
    fn values_tell_apart_what_functions_do_not() {
        let read = |value| {
            [
                ("invoke", "add", "1"),
                ("ok", "add", "1"),
                ("invoke", "read", "null"),
                ("ok", "read", value),
            ]
        };
        assert_eq!(chosen(&read("1")), ModelName::Counter);
        assert_eq!(chosen(&read("[1]")), ModelName::Set);
        assert_eq!(chosen(&[("invoke", "append", "1")]), ModelName::ListAppend);
        assert_eq!(chosen(&[("invoke", "append", "\"x\"")]), ModelName::KvAppend);
        assert_eq!(chosen(&[("invoke", "txn", r#"[["w",1,2]]"#)]), ModelName::TxnRegister);
        assert_eq!(chosen(&[("invoke", "txn", r#"[["append",1,2]]"#)]), ModelName::TxnAppend);
    }
}
