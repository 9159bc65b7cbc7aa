//! One client of the built-in node: which part of the API an operation goes to.

use std::net::SocketAddr;

use squall_workloads::{Function, Invocation};

use super::super::http::{Connection, Lost};
use super::{
    call::{self, Call},
    once::ClientSession,
    transaction,
};
use crate::system::{BoxFuture, Client, Completion};

/// Connections to all nodes, and the client's session with the cluster.
pub(super) struct NodeClient {
    /// By node.
    pub(super) nodes: Vec<Connection>,
    pub(super) session: ClientSession,
}

impl NodeClient {
    /// A client that has not spoken to any of `nodes` yet.
    pub(super) fn of(nodes: &[SocketAddr]) -> Self {
        let nodes = nodes.iter().copied().map(Connection::to).collect();
        Self { nodes, session: ClientSession::default() }
    }

    async fn exchange(&mut self, node: usize, call: Call) -> Result<call::Replied, Lost> {
        let Call { method, path, body } = call;
        let (status, body) = self.nodes[node].exchange(method, &path, body.into()).await?;
        Ok((status, body))
    }
}

impl Client for NodeClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let function = invocation.function;
            if function == Function::AppendOnce {
                return self.append_once(node, invocation).await;
            }
            let transaction =
                matches!(function, Function::Txn | Function::AppendTxn | Function::GuardedTxn);
            let asked =
                if transaction { transaction::call(invocation) } else { call::call(invocation) };
            let Some(call) = asked else {
                return Completion::Fail(format!(
                    "the node offers no `{function}` of {}; nothing was sent",
                    invocation.value
                ));
            };
            match self.exchange(node, call).await {
                Ok((status, body)) if transaction => {
                    transaction::complete(invocation, status, &body)
                }
                Ok((status, body)) => call::complete(invocation, status, &body),
                Err(Lost::NotSent(why)) => Completion::Fail(why),
                Err(Lost::Unknown(why)) => Completion::Info(why),
            }
        })
    }
}
