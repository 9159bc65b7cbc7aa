//! The built-in Raft node, driven over HTTP like any other system.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_workloads::Invocation;

use super::http::{Connection, Lost};
use crate::system::{BoxFuture, Client, Completion, NodeSetup, Status, System};

/// How long a probe may take before the node counts as not answering.
const PROBE_TIMEOUT: Duration = Duration::from_millis(150);

/// The built-in node: this very executable, run as `squall node`.
#[derive(Debug)]
pub struct Node {
    executable: PathBuf,
    bug: Option<String>,
    probes: reqwest::Client,
}

impl Node {
    /// Nodes run by `executable`, with a planted bug or without.
    pub fn new(executable: PathBuf, bug: Option<String>) -> Self {
        Self { executable, bug, probes: probe_client() }
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

/// What a write sends.
#[derive(Serialize)]
struct Body<'a> {
    value: &'a Value,
}

/// Every body the node answers with, whatever the operation.
#[derive(Default, Deserialize)]
struct Reply {
    #[serde(default)]
    value: Option<Value>,
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
            let key = utf8_percent_encode(&invocation.key, NON_ALPHANUMERIC);
            let path = format!("/kv/{key}");
            let (method, body) = match invocation.f {
                "read" => (Method::GET, Vec::new()),
                "write" => {
                    let body = serde_json::to_vec(&Body { value: &invocation.value });
                    (Method::PUT, body.expect("a JSON value can be written"))
                }
                f => {
                    return Completion::Fail(format!("the node offers no `{f}`; nothing was sent"));
                }
            };
            match self.nodes[node].exchange(method, &path, body.into()).await {
                Ok((status, body)) => complete(invocation, status, &body),
                Err(Lost::NotSent(why)) => Completion::Fail(why),
                Err(Lost::Unknown(why)) => Completion::Info(why),
            }
        })
    }
}

/// Maps a whole reply to an outcome. Anything not understood is indeterminate.
fn complete(invocation: &Invocation, status: StatusCode, body: &[u8]) -> Completion {
    let Ok(reply) = serde_json::from_slice::<Option<Reply>>(body) else {
        return Completion::Info(format!("{status} with a body that is not JSON"));
    };
    let reply = reply.unwrap_or_default();
    match (invocation.f, status) {
        ("read", StatusCode::OK) if reply.value.is_some() => {
            Completion::Ok { value: reply.value.unwrap_or_default(), revision: reply.revision }
        }
        // A missing route would also be 404; only the node's own answer has a null value.
        ("read", StatusCode::NOT_FOUND) if reply.error.is_none() && says_null(body) => {
            Completion::Ok { value: Value::Null, revision: reply.revision }
        }
        ("write", StatusCode::OK) if reply.revision.is_some() => {
            Completion::Ok { value: invocation.value.clone(), revision: reply.revision }
        }
        _ => {
            let why = reply.error.unwrap_or_else(|| "unexpected reply".to_owned());
            let error = format!("{}: {why}", status.as_u16());
            let refused = !status.is_success() && reply.definite;
            if refused { Completion::Fail(error) } else { Completion::Info(error) }
        }
    }
}

/// Whether the body is an object that says `"value": null` itself.
fn says_null(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|body| body.get("value").is_some_and(Value::is_null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn whatever_is_not_understood_is_indeterminate() {
        let read = Invocation::read("1");
        let write = Invocation::write("1", 5);
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
            (&write, 500, r#"{"error":"boom"}"#),
            (&write, 503, r#"{"error":"timed out","definite":false}"#),
        ] {
            let completion = judge(invocation, status, body);
            assert!(matches!(completion, Completion::Info(_)), "{status} {body}: {completion:?}");
        }
    }
}
