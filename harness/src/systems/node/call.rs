//! Operations on single keys in the words of the node's API, and what its replies prove.

use hyper::{Method, StatusCode, body::Bytes};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use squall_workloads::{Function, Invocation};

use crate::system::Completion;

/// A whole reply.
pub(super) type Replied = (StatusCode, Bytes);

/// An operation in the words of the node's API.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// A body that says `"value": null` is told apart from one that says nothing.
pub(super) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Every body the node answers with to an operation on one key.
#[derive(Default, Deserialize)]
struct Reply {
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    /// What a compare-and-set found instead of what it expected.
    #[serde(default, deserialize_with = "present")]
    actual: Option<Value>,
    #[serde(default)]
    revision: Option<u64>,
    #[serde(flatten)]
    failure: Failure,
}

/// What every failure says.
#[derive(Default, Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    definite: bool,
    #[serde(default)]
    error: Option<String>,
}

impl Failure {
    /// Whether the reply says that the operation has no effect and never will.
    pub(super) fn is_definite(&self, status: StatusCode) -> bool {
        !status.is_success() && self.definite
    }

    /// The outcome of an operation that did not succeed in a way that is understood.
    pub(super) fn completion(self, status: StatusCode) -> Completion {
        let definite = self.is_definite(status);
        let Some(why) = self.error else {
            return Completion::Info(format!("unexpected reply {}", status.as_u16()));
        };
        let error = format!("{}: {why}", status.as_u16());
        if definite { Completion::Fail(error) } else { Completion::Info(error) }
    }
}

/// How the node is asked for an operation on one key, if it offers it.
pub(super) fn call(invocation: &Invocation) -> Option<Call> {
    let value = &invocation.value;
    let post = |action, body| (Method::POST, action, Some(body));
    let (method, action, body) = match invocation.function {
        Function::Read => (Method::GET, "", None),
        Function::Write => (Method::PUT, "", Some(json!({ "value": value }))),
        Function::Delete => (Method::DELETE, "", None),
        Function::Cas => {
            let [expected, new] = value.as_array()?.as_slice() else { return None };
            post("/cas", json!({ "expect": expected, "value": new }))
        }
        Function::Append | Function::AppendOnce | Function::SetAdd => {
            post("/append", json!({ "value": value }))
        }
        Function::Add => post("/add", json!({ "delta": value })),
        Function::FetchIncrement => post("/add", json!({ "delta": 1 })),
        _ => return None,
    };
    let key = utf8_percent_encode(invocation.key.as_deref()?, NON_ALPHANUMERIC);
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    Some(Call { method, path: format!("/kv/{key}{action}"), body })
}

/// Maps a whole reply to an outcome. Anything not understood is indeterminate.
pub(super) fn complete(invocation: &Invocation, status: StatusCode, body: &[u8]) -> Completion {
    let Ok(reply) = serde_json::from_slice::<Option<Reply>>(body) else {
        return Completion::Info(format!("unexpected reply {}: not JSON", status.as_u16()));
    };
    let reply = reply.unwrap_or_default();
    let revision = reply.revision;
    match (invocation.function, status, reply.value, reply.actual) {
        (Function::Read, StatusCode::OK, Some(value), _) if !value.is_null() => {
            Completion::Ok { value, revision }
        }
        // A missing route would also be 404; only the node's own answer has a null value.
        (Function::Read, StatusCode::NOT_FOUND, Some(Value::Null), _)
            if reply.failure.error.is_none() =>
        {
            Completion::Ok { value: Value::Null, revision }
        }
        (Function::FetchIncrement, StatusCode::OK, Some(sum), _) if revision.is_some() => {
            match sum.as_i64().and_then(|sum| sum.checked_sub(1)) {
                Some(before) => Completion::Ok { value: before.into(), revision },
                None => Completion::Info(format!("unexpected reply 200: a sum of {sum}")),
            }
        }
        (Function::FetchIncrement, StatusCode::OK, None, _) => {
            Completion::Info("unexpected reply 200: no sum".to_owned())
        }
        // What the node tells of a list or a number after a change is no part of it.
        (
            Function::Write
            | Function::Delete
            | Function::Cas
            | Function::Append
            | Function::AppendOnce
            | Function::SetAdd
            | Function::Add,
            StatusCode::OK,
            ..,
        ) if revision.is_some() => Completion::Ok { value: invocation.value.clone(), revision },
        (Function::Cas, StatusCode::CONFLICT, _, Some(found)) => {
            Completion::Mismatch { found: Some(found) }
        }
        _ => reply.failure.completion(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(invocation: &Invocation, status: u16, body: &str) -> Completion {
        complete(invocation, StatusCode::from_u16(status).expect("a status"), body.as_bytes())
    }

    #[test]
    fn replies_are_mapped_by_what_they_prove() {
        let read = Invocation::read("1");
        let write = Invocation::write("1", 5);
        let ok = |value: Value, revision| Completion::Ok { value, revision };
        assert_eq!(judge(&read, 200, r#"{"value":5,"revision":9}"#), ok(json!(5), Some(9)));
        assert_eq!(judge(&read, 404, r#"{"value":null}"#), ok(Value::Null, None));
        assert_eq!(judge(&write, 200, r#"{"revision":9}"#), ok(json!(5), Some(9)));
        let refused = judge(&write, 503, r#"{"error":"no leader","definite":true}"#);
        assert_eq!(refused, Completion::Fail("503: no leader".into()));
    }

    #[test]
    fn changes_are_asked_for_in_the_words_of_the_api() {
        let asked = |invocation: &Invocation| {
            let Call { method, path, body } = call(invocation).expect("offered");
            format!("{method} {path} {}", String::from_utf8(body).expect("JSON is text"))
        };
        let cas = Invocation::cas("a/b", Value::Null, json!(5));
        assert_eq!(asked(&cas), r#"POST /kv/a%2Fb/cas {"expect":null,"value":5}"#);
        assert_eq!(asked(&Invocation::append("k", 5)), r#"POST /kv/k/append {"value":5}"#);
        assert_eq!(asked(&Invocation::add("k", 5)), r#"POST /kv/k/add {"delta":5}"#);
        assert_eq!(asked(&Invocation::read("k")), "GET /kv/k ");
        let of = |function| Invocation::new(function, "k", Value::Null);
        assert_eq!(asked(&of(Function::Delete)), "DELETE /kv/k ");
        assert_eq!(asked(&of(Function::FetchIncrement)), r#"POST /kv/k/add {"delta":1}"#);
        assert!(call(&of(Function::Enqueue)).is_none());
    }

    #[test]
    fn a_mismatch_is_told_from_other_refusals() {
        let cas = Invocation::cas("1", json!(4), json!(5));
        let found = |value| Completion::Mismatch { found: Some(value) };
        assert_eq!(judge(&cas, 409, r#"{"actual":7,"revision":2}"#), found(json!(7)));
        assert_eq!(judge(&cas, 409, r#"{"actual":null}"#), found(Value::Null));
        assert_eq!(
            judge(&cas, 200, r#"{"revision":9}"#),
            Completion::Ok { value: json!([4, 5]), revision: Some(9) }
        );
        let refused = judge(&cas, 503, r#"{"error":"no leader","definite":true}"#);
        assert_eq!(refused, Completion::Fail("503: no leader".into()));
        let append = Invocation::append("1", 5);
        let no_list = judge(&append, 409, r#"{"error":"no list","definite":true}"#);
        assert_eq!(no_list, Completion::Fail("409: no list".into()));
        let length = judge(&append, 200, r#"{"revision":9,"length":3}"#);
        assert_eq!(length, Completion::Ok { value: json!(5), revision: Some(9) });
        let ids = Invocation::new(Function::FetchIncrement, "1", Value::Null);
        let given = judge(&ids, 200, r#"{"revision":9,"value":12}"#);
        assert_eq!(given, Completion::Ok { value: json!(11), revision: Some(9) });
        let sum = judge(&Invocation::add("1", 5), 200, r#"{"revision":9,"value":12}"#);
        assert_eq!(sum, Completion::Ok { value: json!(5), revision: Some(9) });
    }

    #[test]
    fn whatever_is_not_understood_is_indeterminate() {
        let read = Invocation::read("1");
        let write = Invocation::write("1", 5);
        let cas = Invocation::cas("1", json!(4), json!(5));
        let ids = Invocation::new(Function::FetchIncrement, "1", Value::Null);
        for (invocation, status, body) in [
            (&read, 404, ""),
            (&read, 404, "null"),
            (&read, 404, r#"{"error":"no such route"}"#),
            (&read, 200, "{}"),
            (&read, 200, "<html>"),
            (&write, 200, "{}"),
            (&write, 200, r#"{"definite":true}"#),
            (&write, 200, r#"{"revision":"#),
            (&write, 302, ""),
            (&write, 409, r#"{"actual":7}"#),
            (&ids, 200, r#"{"revision":9}"#),
            (&ids, 200, r#"{"value":"12","revision":9}"#),
            (&cas, 409, "{}"),
            (&cas, 500, r#"{"actual":7}"#),
            (&write, 500, r#"{"error":"boom"}"#),
            (&write, 503, r#"{"error":"timed out","definite":false}"#),
        ] {
            let completion = judge(invocation, status, body);
            assert!(matches!(completion, Completion::Info(_)), "{status} {body}: {completion:?}");
        }
    }
}
