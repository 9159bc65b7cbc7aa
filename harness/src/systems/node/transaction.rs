//! Transactions in the words of the node's API.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use squall_workloads::{Access, Function, Invocation};

use super::call::{self, Call, Failure};
use crate::system::Completion;

/// How the node is asked for a transaction.
///
/// One that reads a single key is a read of that key, which is the same and is served without
/// going through the log.
pub(super) fn call(invocation: &Invocation) -> Option<Call> {
    let accesses = invocation.accesses();
    if let Some(read) = single_read(invocation, &accesses) {
        return call::call(&read);
    }
    let guarded = invocation.function == Function::GuardedTxn;
    let mut compare = Vec::new();
    let mut steps = Vec::new();
    for access in &accesses {
        match access {
            // A missing key compares as null.
            Access::Read(key, value) if guarded => {
                let comparison =
                    json!({ "key": key, "target": "value", "op": "==", "value": value });
                compare.push(comparison);
            }
            Access::Read(key, _) => steps.push(json!({ "op": "get", "key": key })),
            Access::Write(key, value) => {
                steps.push(json!({ "op": "put", "key": key, "value": value }));
            }
            Access::Append(key, value) => {
                steps.push(json!({ "op": "append", "key": key, "value": value }));
            }
        }
    }
    let body = json!({ "compare": compare, "success": steps }).to_string().into_bytes();
    Some(Call { method: Method::POST, path: "/txn".to_owned(), body })
}

fn single_read(invocation: &Invocation, accesses: &[Access]) -> Option<Invocation> {
    match (invocation.function, accesses) {
        (Function::Txn | Function::AppendTxn, [Access::Read(key, _)]) => {
            Some(Invocation::read(key.clone()))
        }
        _ => None,
    }
}

#[derive(Default, Deserialize)]
struct Reply {
    #[serde(default)]
    succeeded: Option<bool>,
    #[serde(default)]
    revision: Option<u64>,
    #[serde(default)]
    results: Vec<StepReply>,
    #[serde(flatten)]
    failure: Failure,
}

#[derive(Deserialize)]
struct StepReply {
    /// Null for a missing key; absent for a change.
    #[serde(default, deserialize_with = "call::present")]
    value: Option<Value>,
}

/// Maps a whole reply to an outcome. Anything not understood is indeterminate.
pub(super) fn complete(invocation: &Invocation, status: StatusCode, body: &[u8]) -> Completion {
    let accesses = invocation.accesses();
    if let Some(read) = single_read(invocation, &accesses) {
        return match (call::complete(&read, status, body), accesses.as_slice()) {
            (Completion::Ok { value, .. }, [Access::Read(key, _)]) => {
                let found = Access::Read(key.clone(), value).to_json();
                Completion::Ok { value: Value::Array(vec![found]), revision: None }
            }
            (other, _) => other,
        };
    }
    let Ok(reply) = serde_json::from_slice::<Option<Reply>>(body) else {
        return Completion::Info(format!("unexpected reply {}: not JSON", status.as_u16()));
    };
    let Reply { succeeded, revision, results, failure } = reply.unwrap_or_default();
    match (status, succeeded, invocation.function) {
        (StatusCode::OK, Some(true), Function::GuardedTxn) => {
            Completion::Ok { value: invocation.value.clone(), revision }
        }
        (StatusCode::OK, Some(false), Function::GuardedTxn) => Completion::Mismatch { found: None },
        (StatusCode::OK, Some(true), _) if results.len() == accesses.len() => {
            let done = accesses.into_iter().zip(results).map(|(access, result)| match access {
                Access::Read(key, _) => Some(Access::Read(key, result.value?).to_json()),
                other => Some(other.to_json()),
            });
            match done.collect::<Option<Value>>() {
                Some(value) => Completion::Ok { value, revision },
                None => Completion::Info("unexpected reply 200: a read without a value".to_owned()),
            }
        }
        (StatusCode::OK, ..) => Completion::Info(format!(
            "unexpected reply 200: {} results for {} steps",
            results.len(),
            accesses.len()
        )),
        _ => failure.completion(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer() -> Invocation {
        Invocation::guarded_txn([
            Access::Read("a".to_owned(), json!([5, 1])),
            Access::read("b"),
            Access::Write("a".to_owned(), json!([4, 2])),
        ])
    }

    fn asked(invocation: &Invocation) -> String {
        let Call { method, path, body } = call(invocation).expect("offered");
        format!("{method} {path} {}", String::from_utf8(body).expect("JSON is text"))
    }

    fn judge(invocation: &Invocation, status: u16, body: &str) -> Completion {
        complete(invocation, StatusCode::from_u16(status).expect("a status"), body.as_bytes())
    }

    #[test]
    fn guards_become_comparisons_and_a_single_read_is_a_read() {
        assert_eq!(
            asked(&transfer()),
            concat!(
                r#"POST /txn {"compare":[{"key":"a","op":"==","target":"value","value":[5,1]},"#,
                r#"{"key":"b","op":"==","target":"value","value":null}],"#,
                r#""success":[{"key":"a","op":"put","value":[4,2]}]}"#
            )
        );
        assert_eq!(asked(&Invocation::txn([Access::read("a/b")])), "GET /kv/a%2Fb ");
        let append = Access::Append("l".to_owned(), json!(3));
        assert_eq!(
            asked(&Invocation::append_txn([append, Access::read("l")])),
            r#"POST /txn {"compare":[],"success":[{"key":"l","op":"append","value":3},{"key":"l","op":"get"}]}"#
        );
    }

    #[test]
    fn reads_are_filled_in_and_guards_that_fail_are_mismatches() {
        let txn = Invocation::txn([Access::read("a"), Access::Write("a".to_owned(), json!(2))]);
        let body = r#"{"succeeded":true,"revision":7,"results":[{"value":1},{"revision":7}]}"#;
        let value = json!([["r", "a", 1], ["w", "a", 2]]);
        assert_eq!(judge(&txn, 200, body), Completion::Ok { value, revision: Some(7) });
        let done = judge(&transfer(), 200, r#"{"succeeded":true,"revision":7,"results":[{}]}"#);
        assert_eq!(done, Completion::Ok { value: transfer().value, revision: Some(7) });
        let refused = judge(&transfer(), 200, r#"{"succeeded":false,"revision":7,"results":[]}"#);
        assert_eq!(refused, Completion::Mismatch { found: None });
        let single = judge(&Invocation::txn([Access::read("a")]), 404, r#"{"value":null}"#);
        let value = json!([["r", "a", null]]);
        assert_eq!(single, Completion::Ok { value, revision: None });
        let definite = judge(&txn, 422, r#"{"error":"no list","definite":true}"#);
        assert_eq!(definite, Completion::Fail("422: no list".into()));
    }

    #[test]
    fn whatever_is_not_understood_is_indeterminate() {
        let txn = Invocation::txn([Access::read("a"), Access::read("b")]);
        for (invocation, status, body) in [
            (&txn, 200, "{}"),
            (&txn, 200, "null"),
            (&txn, 200, "<html>"),
            (&txn, 200, r#"{"succeeded":false,"results":[{},{}]}"#),
            (&txn, 200, r#"{"succeeded":true,"results":[{"value":1}]}"#),
            (&txn, 200, r#"{"succeeded":true,"results":[1,2]}"#),
            (&txn, 200, r#"{"succeeded":true,"results":[{"value":1},{"revision":7}]}"#),
            (&txn, 504, r#"{"error":"timed out","definite":false}"#),
            (&txn, 404, ""),
            (&transfer(), 200, "{}"),
            (&transfer(), 409, r#"{"actual":1}"#),
        ] {
            let completion = judge(invocation, status, body);
            assert!(matches!(completion, Completion::Info(_)), "{status} {body}: {completion:?}");
        }
    }
}
