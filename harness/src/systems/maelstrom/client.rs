//! One client of Maelstrom nodes, through the bridges in front of them.

use std::net::SocketAddr;

use hyper::{Method, StatusCode, body::Bytes};
use serde_json::{Map, Value};
use squall_workloads::Invocation;

use super::{
    super::http::{Connection, Lost},
    bridge::NotDelivered,
    call,
};
use crate::system::{BoxFuture, Client, Completion};

/// Connections to the bridges of all nodes.
pub(super) struct MaelstromClient {
    nodes: Vec<Connection>,
}

impl MaelstromClient {
    /// A client that has not spoken to any of `nodes` yet.
    pub(super) fn of(nodes: &[SocketAddr]) -> Self {
        Self { nodes: nodes.iter().copied().map(Connection::to).collect() }
    }
}

impl Client for MaelstromClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let body = match call::body(invocation) {
                Ok(body) => body.to_string(),
                Err(why) => return Completion::Fail(why),
            };
            match self.nodes[node].exchange(Method::POST, "/rpc", body.into()).await {
                Ok((status, reply)) => complete(invocation, status, &reply),
                Err(Lost::NotSent(why)) => Completion::Fail(why),
                Err(Lost::Unknown(why)) => Completion::Info(why),
            }
        })
    }
}

fn complete(invocation: &Invocation, status: StatusCode, reply: &Bytes) -> Completion {
    if status == StatusCode::OK {
        return match serde_json::from_slice::<Map<String, Value>>(reply) {
            Ok(reply) => call::complete(invocation, &reply),
            Err(_) => Completion::Info("unexpected reply: not a body of a message".to_owned()),
        };
    }
    match serde_json::from_slice(reply) {
        // The bridge says that its node never saw the operation.
        Ok(NotDelivered { not_delivered }) => Completion::Fail(not_delivered),
        Err(_) => Completion::Info(format!("unexpected reply {}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bridges_word_makes_an_undelivered_operation_fail() {
        let judge = |status: u16, reply: &'static str| {
            let status = StatusCode::from_u16(status).expect("a status");
            complete(&Invocation::write("k", 5), status, &Bytes::from(reply))
        };
        let failed = judge(503, r#"{"not_delivered":"it is not ready"}"#);
        assert_eq!(failed, Completion::Fail("it is not ready".to_owned()));
        let written = Completion::Ok { value: 5.into(), revision: None };
        assert_eq!(judge(200, r#"{"type":"write_ok"}"#), written);
        for (status, reply) in
            [(200, ""), (200, "[]"), (200, r#"{"not_delivered":"x"}"#), (503, "{}"), (504, "")]
        {
            let completion = judge(status, reply);
            assert!(matches!(completion, Completion::Info(_)), "{status} {reply}: {completion:?}");
        }
    }
}
