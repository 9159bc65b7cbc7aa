//! All it takes to test a store of one's own.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use squall::{
    Test,
    http::{Bytes, Connection, Method, StatusCode, segment},
    serde_json::{Value, from_slice, json},
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System},
    test::TestError,
    workloads::{Function, Invocation},
};

pub(crate) struct TinyKv {
    /// In a project of its own: `env!("CARGO_BIN_EXE_tiny_kv").into()`.
    pub(crate) program: PathBuf,
    pub(crate) flags: Vec<&'static str>,
}

impl System for TinyKv {
    fn name(&self) -> &str {
        "tiny-kv"
    }
    fn version(&self) -> String {
        "0.1".to_owned()
    }
    fn offers(&self, function: Function) -> bool {
        matches!(function, Function::Read | Function::Write)
    }
    fn command(&self, node: &NodeSetup) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--name", &node.name, "--listen", &node.listen.to_string()]);
        command.arg("--data").arg(&node.data).args(&self.flags);
        for (name, address) in &node.peers {
            command.arg("--peer").arg(format!("{name}={address}"));
        }
        command
    }
    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(TinyClient { nodes: nodes.iter().copied().map(Connection::to).collect() })
    }
    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async move {
            let asked = Connection::to(node).exchange(Method::GET, "/status", Bytes::new()).await;
            let reply: Value = from_slice(&asked.ok()?.1).ok()?;
            Some(Status { role: reply["role"].as_str().map(str::to_owned), ..Status::default() })
        })
    }
}

struct TinyClient {
    nodes: Vec<Connection>,
}

impl Client for TinyClient {
    fn invoke<'a>(&'a mut self, node: usize, asked: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let path = format!("/kv/{}", segment(asked.key.as_deref().unwrap_or_default()));
            let (method, body) = match asked.function {
                Function::Read => (Method::GET, Bytes::new()),
                _ => (Method::PUT, json!({ "value": asked.value }).to_string().into()),
            };
            match self.nodes[node].exchange(method, &path, body).await {
                Ok((status, body)) => complete(asked, status, &body),
                Err(lost) => lost.into(), // Certainly not sent: `Fail`. Else `Info`.
            }
        })
    }
}

/// What a reply proves. Whatever is not understood is `Info`: it may have taken effect.
fn complete(asked: &Invocation, status: StatusCode, body: &[u8]) -> Completion {
    let reply: Value = from_slice(body).unwrap_or_default();
    match (asked.function, status, reply.get("value")) {
        (Function::Read, StatusCode::OK, Some(value)) => {
            Completion::Ok { value: value.clone(), revision: None }
        }
        (Function::Write, StatusCode::OK, _) if reply["stored"] == true => {
            Completion::Ok { value: asked.value.clone(), revision: None }
        }
        _ if reply["definite"] == true => Completion::Fail(format!("{status}: {reply}")),
        _ => Completion::Info(format!("{status}: {}", String::from_utf8_lossy(body))),
    }
}

#[tokio::test]
async fn it_is_linearizable_under_faults() -> Result<(), TestError> {
    let system = TinyKv { program: crate::program::tiny_kv(), flags: vec![] };
    let test = Test::of(system).nemesis("kill,pause,partition").time(Duration::from_secs(7));
    let run = test.seed(552).run().await?; // That seed draws a fault of each kind.
    run.assert_linearizable();
    Ok(())
}
