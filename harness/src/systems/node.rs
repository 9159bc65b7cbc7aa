//! The built-in Raft node, driven over HTTP like any other system.

mod orders;

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use squall_workloads::Invocation;

use super::http::{Connection, Lost};
use crate::system::{BoxFuture, Client, Completion, NodeSetup, Order, Status, System};

/// How long a probe may take before the node counts as not answering.
const PROBE_TIMEOUT: Duration = Duration::from_millis(150);

/// The built-in node: this very executable, run as `squall node`.
#[derive(Debug)]
pub struct Node {
    executable: PathBuf,
    bug: Option<String>,
    flags: Vec<String>,
    probes: reqwest::Client,
}

impl Node {
    /// Nodes run by `executable`, with a planted bug or without.
    pub fn new(executable: PathBuf, bug: Option<String>) -> Self {
        Self { executable, bug, flags: Vec::new(), probes: probe_client() }
    }

    /// The same, with `flags` at the end of each node's command line.
    #[must_use]
    pub fn with_flags(self, flags: Vec<String>) -> Self {
        Self { flags, ..self }
    }
}

fn probe_client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(PROBE_TIMEOUT)
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .expect("a client without TLS or proxies has nothing to fail on")
}

impl System for Node {
    fn name(&self) -> &str {
        "node"
    }

    fn version(&self) -> String {
        let bug = self.bug.as_ref().map(|bug| format!(" with planted bug {bug}"));
        format!("squall node {}{}", env!("CARGO_PKG_VERSION"), bug.unwrap_or_default())
    }

    fn command(&self, node: &NodeSetup) -> Command {
        let mut command = Command::new(&self.executable);
        command.arg("node").arg("--id").arg(&node.name);
        command.arg("--listen").arg(node.listen.to_string());
        command.arg("--data").arg(&node.data);
        for (name, address) in &node.peers {
            command.arg("--peer").arg(format!("{name}={address}"));
        }
        if let Some(bug) = &self.bug {
            command.arg("--bug").arg(bug);
        }
        command.args(&self.flags);
        command
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(NodeClient { nodes: nodes.iter().copied().map(Connection::to).collect() })
    }

    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async move {
            let reply = self.probes.get(format!("http://{node}/status")).send().await.ok()?;
            let status: StatusReply = reply.json().await.ok()?;
            Some(Status {
                role: Some(status.role),
                term: Some(status.term),
                leader: status.leader,
                commit: Some(status.commit),
                applied: Some(status.applied),
            })
        })
    }

    fn order<'a>(
        &'a self,
        via: SocketAddr,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(orders::give(&self.probes, via, order))
    }

    fn voters<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Vec<String>>> {
        Box::pin(orders::voters(&self.probes, node))
    }
}

#[derive(Deserialize)]
struct StatusReply {
    role: String,
    term: u64,
    leader: Option<String>,
    commit: u64,
    applied: u64,
}

struct NodeClient {
    /// By node.
    nodes: Vec<Connection>,
}

/// A body that says `"value": null` is told apart from one that says nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Every body the node answers with, whatever the operation.
#[derive(Default, Deserialize)]
struct Reply {
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    /// What a compare-and-set found instead of what it expected.
    #[serde(default, deserialize_with = "present")]
    actual: Option<Value>,
    #[serde(default)]
    revision: Option<u64>,
    #[serde(default)]
    definite: bool,
    #[serde(default)]
    error: Option<String>,
}

impl Client for NodeClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let Some(Call { method, path, body }) = call(invocation) else {
                let f = invocation.f;
                return Completion::Fail(format!("the node offers no `{f}`; nothing was sent"));
            };
            match self.nodes[node].exchange(method, &path, body.into()).await {
                Ok((status, body)) => complete(invocation, status, &body),
                Err(Lost::NotSent(why)) => Completion::Fail(why),
                Err(Lost::Unknown(why)) => Completion::Info(why),
            }
        })
    }
}

/// An operation in the words of the node's API.
struct Call {
    method: Method,
    path: String,
    body: Vec<u8>,
}

/// How the node is asked for an operation, if it offers it.
fn call(invocation: &Invocation) -> Option<Call> {
    let value = &invocation.value;
    let (method, action, body) = match invocation.f {
        "read" => (Method::GET, "", None),
        "write" => (Method::PUT, "", Some(json!({ "value": value }))),
        "cas" => {
            let [expected, new] = value.as_array()?.as_slice() else { return None };
            (Method::POST, "/cas", Some(json!({ "expect": expected, "value": new })))
        }
        "append" => (Method::POST, "/append", Some(json!({ "value": value }))),
        "add" => (Method::POST, "/add", Some(json!({ "delta": value }))),
        _ => return None,
    };
    let key = utf8_percent_encode(&invocation.key, NON_ALPHANUMERIC);
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    Some(Call { method, path: format!("/kv/{key}{action}"), body })
}

/// Maps a whole reply to an outcome. Anything not understood is indeterminate.
fn complete(invocation: &Invocation, status: StatusCode, body: &[u8]) -> Completion {
    let Ok(reply) = serde_json::from_slice::<Option<Reply>>(body) else {
        return Completion::Info(format!("{status} with a body that is not JSON"));
    };
    let reply = reply.unwrap_or_default();
    match (invocation.f, status, reply.value, reply.actual) {
        ("read", StatusCode::OK, Some(value), _) if !value.is_null() => {
            Completion::Ok { value, revision: reply.revision }
        }
        // A missing route would also be 404; only the node's own answer has a null value.
        ("read", StatusCode::NOT_FOUND, Some(Value::Null), _) if reply.error.is_none() => {
            Completion::Ok { value: Value::Null, revision: reply.revision }
        }
        // What the node tells of a list or a number after a change is no part of it.
        ("write" | "cas" | "append" | "add", StatusCode::OK, ..) if reply.revision.is_some() => {
            Completion::Ok { value: invocation.value.clone(), revision: reply.revision }
        }
        ("cas", StatusCode::CONFLICT, _, Some(found)) => {
            Completion::Mismatch { found: Some(found) }
        }
        _ => {
            let why = reply.error.unwrap_or_else(|| "unexpected reply".to_owned());
            let error = format!("{}: {why}", status.as_u16());
            let refused = !status.is_success() && reply.definite;
            if refused { Completion::Fail(error) } else { Completion::Info(error) }
        }
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
        let enqueue = Invocation { f: "enqueue", ..Invocation::write("k", 5) };
        assert!(call(&enqueue).is_none());
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
        let sum = judge(&Invocation::add("1", 5), 200, r#"{"revision":9,"value":12}"#);
        assert_eq!(sum, Completion::Ok { value: json!(5), revision: Some(9) });
    }

    #[test]
    fn whatever_is_not_understood_is_indeterminate() {
        let read = Invocation::read("1");
        let write = Invocation::write("1", 5);
        let cas = Invocation::cas("1", json!(4), json!(5));
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
