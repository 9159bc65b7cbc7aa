//! The built-in Raft node, driven over HTTP like any other system.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_workloads::Invocation;

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
        Self { executable, bug, probes: http_client() }
    }
}

/// A client that makes exactly one attempt: rule 4 of the soundness rules.
///
/// The connection pool below may still put an operation on a fresh connection when the
/// pooled one turned out closed *before any byte of it was taken*, so no operation can
/// reach a node twice; `tests/one_attempt.rs` holds it to that.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
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
        let base = |node| Url::parse(&format!("http://{node}/kv")).expect("an address makes a URL");
        let bases = nodes.iter().map(base).collect();
        Box::new(HttpClient { http: http_client(), bases })
    }

    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async move {
            let request = self.probes.get(format!("http://{node}/status")).timeout(PROBE_TIMEOUT);
            let status: StatusReply = request.send().await.ok()?.json().await.ok()?;
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

struct HttpClient {
    http: reqwest::Client,
    /// `http://IP:PORT/kv`, by node.
    bases: Vec<Url>,
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

impl Client for HttpClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let mut url = self.bases[node].clone();
            url.path_segments_mut().expect("http URLs have paths").push(&invocation.key);
            let request = match invocation.f {
                "read" => self.http.request(Method::GET, url),
                "write" => {
                    self.http.request(Method::PUT, url).json(&Body { value: &invocation.value })
                }
                f => {
                    return Completion::Fail(format!("the node offers no `{f}`; nothing was sent"));
                }
            };
            let response = match request.send().await {
                Ok(response) => response,
                // No connection, so no byte of the operation left this host.
                Err(error) if error.is_connect() => return Completion::Fail(root_cause(&error)),
                Err(error) => return Completion::Info(root_cause(&error)),
            };
            let status = response.status();
            match response.bytes().await {
                Ok(body) => complete(invocation, status, &body),
                Err(error) => Completion::Info(root_cause(&error)),
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

/// The innermost error: the outer ones only repeat the address.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
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
