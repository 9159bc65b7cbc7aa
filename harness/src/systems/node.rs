//! The built-in Raft node, driven over HTTP like any other system.

mod call;
mod client;
mod once;
mod orders;
mod transaction;

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use squall_nemesis::fault::FaultSet;
use squall_workloads::Function;

use self::client::NodeClient;
use crate::system::{BoxFuture, Client, NodeSetup, Order, Status, System};

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

    fn offers(&self, function: Function) -> bool {
        match function {
            Function::Read
            | Function::Write
            | Function::Delete
            | Function::Cas
            | Function::Append
            | Function::AppendOnce
            | Function::Add
            | Function::SetAdd
            | Function::FetchIncrement
            | Function::Txn
            | Function::AppendTxn
            | Function::GuardedTxn => true,
            // Made of reads and compare-and-sets.
            _ => false,
        }
    }

    fn revisions_are_of_values(&self) -> bool {
        true
    }

    fn faults(&self) -> FaultSet {
        FaultSet::all()
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
        Box::new(NodeClient::of(nodes))
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
