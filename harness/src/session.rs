//! One client slot: carries out operations one after another, each recorded.
//!
//! A slot owns the logical process working in it. After an indeterminate operation that
//! process retires, because its operation may still be under way, and a new one takes its
//! place (rule 3 of the soundness rules).

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use squall_workloads::{Address, Function, Invocation};

use crate::{
    composed,
    probes::View,
    recorder::Recorder,
    system::{Client, Completion, System, by_recipe},
};

/// How much longer than others an operation may take that is tried again and again.
const TRIED_LONGER: u32 = 5;

/// Makes sessions whose process ids never collide.
#[derive(Clone)]
pub struct Sessions {
    system: Arc<dyn System>,
    addresses: Arc<[SocketAddr]>,
    names: Arc<[&'static str]>,
    view: Option<Arc<View>>,
    recorder: Recorder,
    timeout: Duration,
    slots: u64,
}

impl Sessions {
    /// Sessions on the nodes called `names` at `addresses`, for slots `0..slots`.
    pub fn new(
        system: Arc<dyn System>,
        nodes: &[(String, SocketAddr)],
        recorder: Recorder,
        timeout: Duration,
        slots: usize,
    ) -> Self {
        let names: Vec<_> = nodes.iter().map(|(name, _)| interned(name)).collect();
        let addresses: Vec<_> = nodes.iter().map(|(_, address)| *address).collect();
        Self {
            system,
            addresses: addresses.into(),
            names: names.into(),
            view: None,
            recorder,
            timeout,
            slots: slots as u64,
        }
    }

    /// The same, who look up in `view` who leads.
    #[must_use]
    pub fn seeing(self, view: Arc<View>) -> Self {
        Self { view: Some(view), ..self }
    }

    /// The session of `slot`, bound to `node`. One per slot.
    pub fn open(&self, slot: usize, node: usize) -> Session {
        Session {
            client: self.system.client(&self.addresses),
            shared: self.clone(),
            process: slot as u64,
            node,
            any: node,
        }
    }

    /// Whether every node serves.
    pub fn every_node_serves(&self) -> bool {
        self.system.every_node_serves()
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
    /// The node that last answered what any node may.
    any: usize,
}

impl Session {
    /// Carries out one operation: recorded before its first byte is sent and after its
    /// last byte is read, one attempt, given up after the timeout. Its latency does not count.
    pub async fn run(&mut self, invocation: &Invocation) -> Completion {
        self.run_counted(invocation, None).await
    }

    /// The same for an operation whose latency counts, from when it was due.
    pub async fn run_due(&mut self, invocation: &Invocation, due: Instant) -> Completion {
        self.run_counted(invocation, Some(due)).await
    }

    async fn run_counted(&mut self, invocation: &Invocation, due: Option<Instant>) -> Completion {
        let node = self.node_for(invocation.to);
        let Sessions { recorder, names, .. } = &self.shared;
        let invoked = recorder.invoke(self.process, names[node], invocation);
        let completion = self.attempt(node, invocation).await;
        let Sessions { recorder, names, slots, .. } = &self.shared;
        let (process, name) = (self.process, names[node]);
        match due.map(|due| recorder.clock_at(due).min(invoked)) {
            Some(since) => recorder.complete_since(process, name, invocation, &completion, since),
            None => recorder.complete(process, name, invocation, &completion),
        }
        if matches!(completion, Completion::Info(_)) {
            self.process += slots;
        }
        if matches!(completion, Completion::Info(_) | Completion::Fail(_)) && node == self.any {
            self.any = (node + 1) % self.shared.nodes();
        }
        completion
    }

    async fn attempt(&mut self, node: usize, invocation: &Invocation) -> Completion {
        let Sessions { system, timeout, .. } = &self.shared;
        let limit = match invocation.function {
            Function::AppendOnce => *timeout * TRIED_LONGER,
            _ => *timeout,
        };
        // What is made of several requests changes nothing before the last of them.
        let may_change = AtomicBool::new(true);
        let ended = if by_recipe(&**system, invocation.function) {
            may_change.store(false, Ordering::Relaxed);
            let composed = composed::invoke(&mut *self.client, node, invocation, &may_change);
            tokio::time::timeout(limit, composed).await
        } else {
            tokio::time::timeout(limit, self.client.invoke(node, invocation)).await
        };
        ended.unwrap_or_else(|_| {
            let why = format!("no reply within {}", humantime::format_duration(limit));
            if may_change.load(Ordering::Relaxed) {
                Completion::Info(why)
            } else {
                Completion::Fail(why)
            }
        })
    }

    fn node_for(&self, to: Address) -> usize {
        match to {
            Address::Own => self.node,
            Address::Node(node) => node % self.shared.nodes(),
            Address::Leader => {
                self.shared.view.as_ref().and_then(|view| view.leader()).unwrap_or(self.node)
            }
            Address::Any => self.any,
        }
    }
}

/// `name` for the rest of the process, so that no event needs a copy of it. Each name is kept
/// once, and clusters give their nodes the same few names.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().expect("no thread panics while it holds the names");
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}
