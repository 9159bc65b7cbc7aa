//! One client slot: carries out operations one after another, each recorded.
//!
//! A slot owns the logical process working in it. After an indeterminate operation that
//! process retires, because its operation may still be under way, and a new one takes its
//! place (rule 3 of the soundness rules).

use std::{sync::Arc, time::Duration};

use squall_workloads::Invocation;

use crate::{
    recorder::Recorder,
    system::{Client, Completion, System},
};

/// Makes sessions whose process ids never collide.
#[derive(Clone)]
pub struct Sessions {
    system: Arc<dyn System>,
    addresses: Arc<[std::net::SocketAddr]>,
    names: Arc<[String]>,
    recorder: Recorder,
    timeout: Duration,
    slots: u64,
}

impl Sessions {
    /// Sessions on the nodes called `names` at `addresses`, for slots `0..slots`.
    pub fn new(
        system: Arc<dyn System>,
        nodes: &[(String, std::net::SocketAddr)],
        recorder: Recorder,
        timeout: Duration,
        slots: usize,
    ) -> Self {
        let (names, addresses): (Vec<_>, Vec<_>) = nodes.iter().cloned().unzip();
        Self {
            system,
            addresses: addresses.into(),
            names: names.into(),
            recorder,
            timeout,
            slots: slots as u64,
        }
    }

    /// The session of `slot`, bound to `node`. One per slot.
    pub fn open(&self, slot: usize, node: usize) -> Session {
        Session {
            client: self.system.client(&self.addresses),
            shared: self.clone(),
            process: slot as u64,
            node,
        }
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.addresses.len()
    }
}

/// One client slot, bound to one node.
pub struct Session {
    shared: Sessions,
    client: Box<dyn Client>,
    process: u64,
    node: usize,
}

impl Session {
    /// Carries out one operation: recorded before its first byte is sent and after its
    /// last byte is read, one attempt, given up after the timeout.
    pub async fn run(&mut self, invocation: &Invocation) -> Completion {
        let Sessions { recorder, timeout, names, .. } = &self.shared;
        let name = &names[self.node];
        recorder.invoke(self.process, name, invocation);
        let attempt = self.client.invoke(self.node, invocation);
        let completion = match tokio::time::timeout(*timeout, attempt).await {
            Ok(completion) => completion,
            Err(_) => {
                let limit = humantime::format_duration(*timeout);
                Completion::Info(format!("no reply within {limit}"))
            }
        };
        recorder.complete(self.process, name, invocation, &completion);
        if matches!(completion, Completion::Info(_)) {
            self.process += self.shared.slots;
        }
        completion
    }
}
