//! Operations on single keys, for stores that hold bytes and know nothing of JSON.
//!
//! A value is kept as its compact JSON text. Maps of JSON are sorted by key here, so equal
//! values have equal texts and a store may compare them byte by byte. The text `null` means
//! the same as no text: nothing is there.

use serde_json::Value;
use squall_workloads::{Function, Invocation};

use crate::system::Completion;

/// What is asked of one key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked<'a> {
    /// What it holds.
    Read,
    /// To hold this.
    Write(&'a Value),
    /// To hold `new` where it holds `expected`.
    Cas {
        /// What it must hold; null for nothing.
        expected: &'a Value,
        /// What it is to hold then.
        new: &'a Value,
    },
    /// To hold nothing.
    Delete,
}

/// Whether [`asked`] knows `function`.
pub(super) fn offers(function: Function) -> bool {
    matches!(function, Function::Read | Function::Write | Function::Cas | Function::Delete)
}

/// The key of `invocation`, and what is asked of it.
///
/// # Errors
/// With the completion of what cannot be asked, of which nothing is sent.
pub(super) fn asked(invocation: &Invocation) -> Result<(&str, Asked<'_>), Completion> {
    let value = &invocation.value;
    let asked = match (invocation.function, value.as_array().map(Vec::as_slice)) {
        (Function::Read, _) => Some(Asked::Read),
        (Function::Write, _) => Some(Asked::Write(value)),
        (Function::Delete, _) => Some(Asked::Delete),
        (Function::Cas, Some([expected, new])) => Some(Asked::Cas { expected, new }),
        _ => None,
    };
    invocation.key.as_deref().zip(asked).ok_or_else(|| {
        let function = invocation.function;
        Completion::Fail(format!("no `{function}` of {value} is offered; nothing was sent"))
    })
}

/// The text under which `value` is stored.
pub(super) fn text(value: &Value) -> String {
    value.to_string()
}

/// The value of a stored text.
///
/// # Errors
/// Says that it is none of ours, and what it begins with.
pub(super) fn value(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|_| {
        let start: String = String::from_utf8_lossy(text).chars().take(40).collect();
        format!("the key holds `{start}`, which is not JSON")
    })
}

/// The completion of a read that found `value`, or text that is none.
pub(super) fn read(value: Result<Value, String>, revision: Option<u64>) -> Completion {
    match value {
        Ok(value) => Completion::Ok { value, revision },
        Err(why) => Completion::Info(why),
    }
}

/// The completion of a change that took effect.
pub(super) fn changed(invocation: &Invocation, revision: Option<u64>) -> Completion {
    Completion::Ok { value: invocation.value.clone(), revision }
}

/// The completion of a compare-and-set that looked first and lost to somebody else's change.
/// What the key held at any one moment it cannot say.
pub(super) fn overtaken() -> Completion {
    Completion::Declined("somebody changed it in between".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invocations_are_taken_apart() {
        let cas = Invocation::cas("a", Value::Null, json!(5));
        let expected = Asked::Cas { expected: &Value::Null, new: &json!(5) };
        assert_eq!(asked(&cas), Ok(("a", expected)));
        assert_eq!(asked(&Invocation::read("a")), Ok(("a", Asked::Read)));
        assert_eq!(asked(&Invocation::write("a", 5)), Ok(("a", Asked::Write(&json!(5)))));
        for function in Function::ALL {
            let pair = Invocation::new(*function, "a", json!([1, 2]));
            assert_eq!(asked(&pair).is_ok(), offers(*function), "{function}");
        }
        let torn = Invocation::new(Function::Cas, "a", json!([1]));
        assert!(matches!(asked(&torn), Err(Completion::Fail(_))));
    }

    #[test]
    fn equal_values_have_equal_texts_that_read_back() {
        let one: Value = serde_json::from_str(r#"{ "b": [1, null], "a": 2 }"#).expect("JSON");
        let other: Value = serde_json::from_str(r#"{"a":2,"b":[1,null]}"#).expect("JSON");
        assert_eq!(text(&one), text(&other));
        assert_eq!(value(text(&one).as_bytes()), Ok(one));
        let why = value(b"<html>").expect_err("no JSON");
        assert!(why.contains("`<html>`"), "{why}");
        assert_eq!(read(Err(why.clone()), None), Completion::Info(why));
    }
}
