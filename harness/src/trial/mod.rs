//! An adapter put on trial: does it say what the system did?
//!
//! Runs the system on a healthy cluster, a stopped one and none at all, and compares what its
//! clients are told with what must be so. What it finds are faults of the *adapter*, in words;
//! a system that is wrong only under faults passes. Nothing here is recorded or checked as a
//! history.

mod changes;
mod dead;
mod healthy;
mod once;

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use squall_workloads::{Function, Invocation};

use crate::{
    cluster::{Cluster, ClusterError},
    plan::Net,
    probes::View,
    run::{chain, connect},
    system::{Client, Completion, System},
};

/// How long a client waits for a reply.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a healthy cluster may take to do what it is asked.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same once something took all of that.
const IMPATIENCE: Duration = Duration::from_secs(2);
/// How often the same refusal is heard before it counts: long enough for an election.
const REFUSALS_MAX: u32 = 100;
/// Pause between two attempts.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(50);

/// How a question to the adapter was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As it must be.
    Good,
    /// As it may be, but worth a thought.
    Doubtful,
    /// As it must not be: verdicts would be wrong or no run would come to one.
    Wrong,
}

/// One thing seen, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How good it is.
    pub grade: Grade,
    /// What was seen, and where that is no good, the way out.
    pub words: String,
}

/// The trial of one adapter.
pub struct Trial<'a> {
    system: Arc<dyn System>,
    tell: &'a dyn Fn(&Remark),
    remarks: Vec<Remark>,
    /// Numbers of keys and values, so that none is used twice.
    used: u64,
}

/// The clients of one adapter, one on each node.
struct Callers {
    clients: Vec<Box<dyn Client>>,
    /// The nodes that serve, each to be asked for those of the same numbers.
    serving: Vec<usize>,
    /// How long anything may take; less once something took all of it.
    patience: Duration,
}

impl Callers {
    fn of(system: &dyn System, cluster: &Cluster) -> Self {
        let addresses: Vec<_> =
            cluster.addresses().into_iter().map(|(_, address)| address).collect();
        let clients = addresses.iter().map(|_| system.client(&addresses)).collect();
        let serving = (0..addresses.len()).collect();
        Self { clients, serving, patience: PATIENCE }
    }

    /// One attempt on one node, given up after a while.
    async fn call(&mut self, node: usize, invocation: &Invocation) -> Completion {
        let node = self.serving[node % self.serving.len()];
        let call = self.clients[node].invoke(node, invocation);
        match tokio::time::timeout(OPERATION_TIMEOUT, call).await {
            Ok(completion) => completion,
            Err(_) => Completion::Info(format!("no reply within {OPERATION_TIMEOUT:?}")),
        }
    }

    /// Attempts until one is neither `Fail` nor `Info`, or the patience is over; the last one.
    /// For what may well be done twice.
    async fn insist(&mut self, node: usize, invocation: &Invocation) -> Completion {
        self.insist_on(node, std::slice::from_ref(invocation), Vec::new).await
    }

    /// The same for several in a row, of which the last one counts. After a vain attempt they are
    /// made anew, since what was lost may have been done: each row has keys of its own.
    async fn insist_anew(&mut self, make: impl FnMut() -> Vec<Invocation>) -> Completion {
        self.insist_on(0, &[], make).await
    }

    async fn insist_on(
        &mut self,
        node: usize,
        same: &[Invocation],
        mut make: impl FnMut() -> Vec<Invocation>,
    ) -> Completion {
        let deadline = Instant::now() + self.patience;
        let mut refusals = (0, String::new());
        loop {
            let made = if same.is_empty() { make() } else { Vec::new() };
            let mut completion = Completion::Fail("there is nothing to do".to_owned());
            for invocation in same.iter().chain(&made) {
                completion = self.call(node, invocation).await;
                if matches!(completion, Completion::Fail(_) | Completion::Info(_)) {
                    break;
                }
            }
            match &completion {
                Completion::Fail(why) if *why == refusals.1 => refusals.0 += 1,
                Completion::Fail(why) => refusals = (1, why.clone()),
                Completion::Info(_) => {}
                _ => return completion,
            }
            if Instant::now() > deadline {
                self.patience = IMPATIENCE;
                return completion;
            }
            // It is not the weather.
            if refusals.0 == REFUSALS_MAX {
                return completion;
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
        }
    }
}

/// Puts `system` on trial with a cluster of `nodes` nodes, whose data and logs are kept in
/// `folder`. `tell` hears of every remark as it is made.
///
/// Takes from seconds to a minute. Inside a sandbox the cluster has a network of its own.
pub async fn examine(
    system: Arc<dyn System>,
    nodes: usize,
    folder: &Path,
    tell: &dyn Fn(&Remark),
) -> Vec<Remark> {
    let mut trial = Trial { system, tell, remarks: Vec::new(), used: 0 };
    trial.faults_of_its_clients().await;
    trial.with_cluster(nodes, folder).await;
    trial.remarks
}

impl Trial<'_> {
    fn remark(&mut self, grade: Grade, words: impl Into<String>) {
        let remark = Remark { grade, words: words.into() };
        (self.tell)(&remark);
        self.remarks.push(remark);
    }

    fn good(&mut self, words: impl Into<String>) {
        self.remark(Grade::Good, words);
    }

    fn doubtful(&mut self, words: impl Into<String>) {
        self.remark(Grade::Doubtful, words);
    }

    fn wrong(&mut self, words: impl Into<String>) {
        self.remark(Grade::Wrong, words);
    }

    fn offers(&self, function: Function) -> bool {
        self.system.offers(function)
    }

    fn number(&mut self) -> u64 {
        self.used += 1;
        self.used
    }

    /// What a file can say, where there is one.
    fn hint(&self, words: &'static str) -> &'static str {
        if self.system.definition().is_some() { words } else { "" }
    }

    /// A key that was not used yet.
    fn key(&mut self) -> String {
        format!("trial.{}", self.number())
    }

    async fn with_cluster(&mut self, nodes: usize, folder: &Path) {
        let cluster = match self.cluster(nodes, folder).await {
            Ok(cluster) => cluster,
            Err(why) => return self.wrong(format!("failed to {why}")),
        };
        let began = Instant::now();
        let started: Result<(), ClusterError> = cluster.start_all().await;
        match started {
            Ok(()) => {
                let version = self.system.version();
                let seconds = began.elapsed().as_secs_f64();
                self.good(format!("{nodes} nodes of {version} answered after {seconds:.1} s"));
                self.healthy(&cluster).await;
                self.dead(&cluster).await;
            }
            Err(error) => self.wrong(format!("failed to {}", chain(&error))),
        }
        cluster.stop_all().await;
    }

    async fn cluster(&self, nodes: usize, folder: &Path) -> Result<Cluster, String> {
        let sandboxed = self.system.sandboxed().is_some();
        let net = if sandboxed { Net::Sandbox } else { Net::Auto };
        let (network, _) = connect(net, nodes).await.map_err(|error| chain(&error))?;
        let names = (1..=nodes).map(|number| format!("n{number}")).collect();
        let log = |node: &str| -> PathBuf { folder.join("logs").join(format!("{node}.log")) };
        let (system, view) = (Arc::clone(&self.system), Arc::new(View::new(nodes)));
        Cluster::new(system, names, Arc::new(network), view, &folder.join("data"), log)
            .map_err(|error| chain(&error))
    }
}

/// A completion in words.
fn told(completion: &Completion) -> String {
    match completion {
        Completion::Ok { value, .. } => format!("ok with {value}"),
        Completion::Mismatch { found: Some(found) } => format!("mismatch, having found {found}"),
        Completion::Mismatch { found: None } => "mismatch".to_owned(),
        Completion::Declined(why) => format!("declined ({why})"),
        Completion::Fail(why) => format!("fail ({why})"),
        Completion::Info(why) => format!("info ({why})"),
    }
}

/// `work`, or nothing where it takes longer than `limit`.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}
