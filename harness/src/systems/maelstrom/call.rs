//! Operations as bodies of Maelstrom's `lin-kv` messages, and what the replies prove.
//!
//! Source: Maelstrom, `doc/workloads.md`, "Workload: Lin-kv".

use serde_json::{Map, Value, json};
use squall_workloads::{Function, Invocation};

use super::error_code::ErrorCode;
use crate::system::Completion;

/// The body that asks for an operation.
///
/// # Errors
/// Why there is none, in words; nothing may be sent then.
pub(super) fn body(invocation: &Invocation) -> Result<Value, String> {
    let (key, value) = (&invocation.key, &invocation.value);
    match invocation.function {
        Function::Read => Ok(json!({ "type": "read", "key": key })),
        Function::Write => Ok(json!({ "type": "write", "key": key, "value": value })),
        Function::Cas => match value.as_array().map(Vec::as_slice) {
            // The protocol has a `cas` refused where there is no such key.
            Some([Value::Null, _]) => {
                Err("lin-kv has no cas that creates a key; nothing was sent".to_owned())
            }
            Some([from, to]) => Ok(json!({ "type": "cas", "key": key, "from": from, "to": to })),
            _ => Err(format!("a cas of {value} is none; nothing was sent")),
        },
        other => Err(format!("lin-kv has no `{other}`; nothing was sent")),
    }
}

/// Maps the body of a node's reply to an outcome. Anything not understood is indeterminate.
pub(super) fn complete(invocation: &Invocation, reply: &Map<String, Value>) -> Completion {
    let ok = |value| Completion::Ok { value, revision: None };
    let kind = reply.get("type").and_then(Value::as_str).unwrap_or_default();
    match (invocation.function, kind, reply.get("value")) {
        (Function::Read, "read_ok", Some(value)) => ok(value.clone()),
        (Function::Write, "write_ok", _) | (Function::Cas, "cas_ok", _) => {
            ok(invocation.value.clone())
        }
        (_, "error", _) => refused(invocation.function, reply),
        (Function::Read, "read_ok", None) => {
            Completion::Info("unexpected reply: a read_ok without a value".to_owned())
        }
        _ => Completion::Info(format!("unexpected reply of type `{kind}`")),
    }
}

fn refused(function: Function, reply: &Map<String, Value>) -> Completion {
    let Some(code) = reply.get("code").and_then(Value::as_i64).map(ErrorCode) else {
        return Completion::Info("unexpected reply: an error without a code".to_owned());
    };
    match (function, code) {
        (Function::Read, ErrorCode::KEY_DOES_NOT_EXIST) => {
            return Completion::Ok { value: Value::Null, revision: None };
        }
        // No cas is sent that expects no value.
        (Function::Cas, ErrorCode::KEY_DOES_NOT_EXIST) => {
            return Completion::Mismatch { found: Some(Value::Null) };
        }
        (Function::Cas, ErrorCode::PRECONDITION_FAILED) => {
            return Completion::Mismatch { found: None };
        }
        _ => {}
    }
    let mut why = format!("error {}", code.0);
    for words in [code.name(), reply.get("text").and_then(Value::as_str)].into_iter().flatten() {
        why = format!("{why}: {words}");
    }
    if code.is_definite() { Completion::Fail(why) } else { Completion::Info(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(invocation: &Invocation, reply: Value) -> Completion {
        let Value::Object(reply) = reply else { panic!("{reply} is no body") };
        complete(invocation, &reply)
    }

    fn error(code: i64) -> Value {
        json!({ "type": "error", "code": code, "text": "why", "in_reply_to": 1 })
    }

    fn each() -> [Invocation; 3] {
        [Invocation::read("k"), Invocation::write("k", 5), Invocation::cas("k", json!(4), json!(5))]
    }

    #[test]
    fn operations_are_asked_for_in_the_words_of_lin_kv() {
        let [read, write, cas] = each().map(|invocation| body(&invocation).expect("offered"));
        assert_eq!(read, json!({ "type": "read", "key": "k" }));
        assert_eq!(write, json!({ "type": "write", "key": "k", "value": 5 }));
        assert_eq!(cas, json!({ "type": "cas", "key": "k", "from": 4, "to": 5 }));
        let created = body(&Invocation::cas("k", Value::Null, json!(5)));
        assert!(created.expect_err("not offered").contains("nothing was sent"));
        assert!(body(&Invocation::append("k", 5)).is_err());
    }

    #[test]
    fn replies_are_mapped_by_what_they_prove() {
        let [read, write, cas] = each();
        let ok = |value: Value| Completion::Ok { value, revision: None };
        let found = json!({ "type": "read_ok", "value": 7, "msg_id": 9, "in_reply_to": 1 });
        assert_eq!(judge(&read, found), ok(json!(7)));
        assert_eq!(judge(&read, error(20)), ok(Value::Null));
        assert_eq!(judge(&write, json!({ "type": "write_ok", "more": 1 })), ok(json!(5)));
        assert_eq!(judge(&cas, json!({ "type": "cas_ok" })), ok(json!([4, 5])));
        assert_eq!(judge(&cas, error(22)), Completion::Mismatch { found: None });
        assert_eq!(judge(&cas, error(20)), Completion::Mismatch { found: Some(Value::Null) });
        let refused = Completion::Fail("error 11: temporarily-unavailable: why".to_owned());
        assert_eq!(judge(&write, error(11)), refused);
    }

    #[test]
    fn errors_are_definite_only_where_the_protocol_says_so() {
        for invocation in each() {
            for code in [1, 10, 11, 12, 14, 21, 30] {
                let completion = judge(&invocation, error(code));
                assert!(matches!(completion, Completion::Fail(_)), "{code}: {completion:?}");
            }
            for code in [0, 13, -1, 2, 15, 23, 31, 999, 1000, i64::MAX] {
                let completion = judge(&invocation, error(code));
                assert!(matches!(completion, Completion::Info(_)), "{code}: {completion:?}");
            }
        }
    }

    #[test]
    fn whatever_is_not_understood_is_indeterminate() {
        for invocation in each() {
            for reply in [
                json!({}),
                json!({ "type": 5 }),
                json!({ "type": "init_ok" }),
                json!({ "type": "error" }),
                json!({ "type": "error", "code": "11" }),
                json!({ "type": "error", "code": 11.5 }),
                json!({ "type": "read_ok" }),
                json!({ "type": "add_ok", "value": 7 }),
            ] {
                let completion = judge(&invocation, reply.clone());
                assert!(matches!(completion, Completion::Info(_)), "{reply}: {completion:?}");
            }
        }
        let [read, write, cas] = each();
        for (invocation, reply) in [(read, "write_ok"), (write, "cas_ok"), (cas, "read_ok")] {
            let completion = judge(&invocation, json!({ "type": reply, "value": 7 }));
            assert!(matches!(completion, Completion::Info(_)), "{reply}: {completion:?}");
        }
    }
}
