//! What an adapter implements: how to start a system's nodes, talk to them and see them.
//!
//! Adapters know nothing of faults, histories or time. An operation's outcome is data:
//! no adapter returns an error for an operation the system refused.

use std::{
    future::Future, net::SocketAddr, path::PathBuf, pin::Pin, process::Command, time::Duration,
};

use serde_json::Value;
use squall_nemesis::fault::{FaultKind, FaultSet};
use squall_workloads::{Ending, Function, Invocation, Workload, recipe};

/// A boxed future, so that systems can be chosen by name at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A node about to be started.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    /// Its name, `n1`, `n2`, ...
    pub name: String,
    /// Its number, counted from 1.
    pub number: usize,
    /// Where it listens for clients, and for peers where it has one port for both. In the
    /// sandbox the IP address is the node's alone, so that it may use any other port too.
    pub listen: SocketAddr,
    /// Every other node, by name, at the address under which this one reaches it.
    pub peers: Vec<(String, SocketAddr)>,
    /// A directory of its own that survives restarts.
    pub data: PathBuf,
}

/// A distributed store under test.
pub trait System: Send + Sync {
    /// The name on the command line.
    fn name(&self) -> &str;

    /// What ran, for the report: version and variant.
    fn version(&self) -> String;

    /// Whether its clients can ask for `function`.
    ///
    /// What a system does not offer is made of reads and compare-and-sets where there is a
    /// [recipe](squall_workloads::recipe).
    fn offers(&self, function: Function) -> bool;

    /// Whether the revisions its clients are told are those of the values they read and write,
    /// rising with each write of a key. Only then are workloads believed that promise so.
    fn revisions_are_of_values(&self) -> bool {
        false
    }

    /// Whether every node serves clients. Where only some do, such as the leader alone, which
    /// others refuse to answer for, a cluster is well when one does, and the end is read there.
    fn every_node_serves(&self) -> bool {
        true
    }

    /// Whether a compare-and-set that expects nothing makes a key that holds nothing. Where it
    /// does not, nothing can be made of reads and compare-and-sets.
    fn creates_by_cas(&self) -> bool {
        true
    }

    /// The faults that mean something to it: what `all` stands for, and the most a plan may ask.
    fn faults(&self) -> FaultSet {
        [FaultKind::Kill, FaultKind::Pause, FaultKind::Partition].into_iter().collect()
    }

    /// The port its nodes serve clients at, where it is to be a certain one. Heeded in the sandbox,
    /// where every node has an address of its own.
    fn port(&self) -> Option<u16> {
        None
    }

    /// Why it runs in the sandbox only, in words that complete "it needs the sandbox: ". None
    /// where all its nodes know of each other is one address each.
    fn sandboxed(&self) -> Option<String> {
        None
    }

    /// How long a node may take from its start to its first answer.
    fn ready_within(&self) -> Duration {
        Duration::from_secs(20)
    }

    /// How long a fresh cluster, all nodes of which answer, may take until one of them serves a
    /// change.
    fn serves_within(&self) -> Duration {
        Duration::from_secs(20)
    }

    /// How long a cluster without faults may take until every node serves again. TCP that was
    /// cut off stays silent for up to 2 s after the heal, and an election follows.
    fn recovers_within(&self) -> Duration {
        Duration::from_secs(15)
    }

    /// Makes ready what a node finds in its directory, before each of its starts.
    ///
    /// The error says in words what could not be made.
    fn prepare(&self, _node: &NodeSetup) -> Result<(), String> {
        Ok(())
    }

    /// The command that runs one node in the foreground until it is killed.
    fn command(&self, node: &NodeSetup) -> Command;

    /// Does once what a fresh cluster needs before it can be used, when all nodes answer.
    ///
    /// The error says in words what the cluster did not do. Tries as long as it takes; whoever
    /// calls this bounds it in time by dropping the future.
    fn set_up<'a>(&'a self, _nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// A client with connections of its own; `nodes` are the addresses in plan order.
    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client>;

    /// Whether a node that was started can be used. Must not wait for others; after a second
    /// whoever calls this gives it up and asks again.
    ///
    /// The error says in words why not yet.
    fn ready<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let answered = self.probe(node).await;
            answered.map(drop).ok_or_else(|| "it did not answer its probe".to_owned())
        })
    }

    /// The file that defines it, where there is one, to be kept with the run.
    fn definition(&self) -> Option<&str> {
        None
    }

    /// Asks one node how it is; `None` when it does not answer. Must not wait for others; after a
    /// second without an answer the node counts as silent.
    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>>;

    /// Gives the node at `via` an order, once; it may have to pass it on. Resolves when the order
    /// is carried out, with whatever the system says beside.
    ///
    /// The error says in words why it was not, or may not have been. Systems that take no orders
    /// need not implement it: the faults that give some are then seen not to take hold.
    fn order<'a>(
        &'a self,
        _via: SocketAddr,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(std::future::ready(Err("this system takes no orders".to_owned())))
    }

    /// The names of the members that vote, as the node at `node` has it; `None` when it does not
    /// tell.
    fn voters<'a>(&'a self, _node: SocketAddr) -> BoxFuture<'a, Option<Vec<String>>> {
        Box::pin(std::future::ready(None))
    }
}

/// What an administrator may ask of a system; nodes by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Let a node that is no member receive the log, without a vote.
    AddLearner {
        /// The node.
        name: String,
        /// Where the others reach it.
        address: SocketAddr,
    },
    /// Let a learner vote.
    Promote {
        /// The learner.
        name: String,
    },
    /// Take a member out.
    Remove {
        /// The member.
        name: String,
    },
    /// Hand the lead to a node.
    Transfer {
        /// The node.
        name: String,
    },
    /// Take a snapshot of the state of the very node that is asked.
    Snapshot,
}

/// A workload that asks for more than a system offers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "run the workload `{workload}` on `{system}`: the system does not offer {}, and it cannot be \
     made of what it offers",
    lacking.iter().map(|function| format!("`{function}`")).collect::<Vec<_>>().join(", ")
)]
pub struct NotOffered {
    workload: String,
    system: String,
    lacking: Vec<Function>,
}

/// Whether `function` has to be made of reads and compare-and-sets, and can be.
pub fn by_recipe(system: &dyn System, function: Function) -> bool {
    !system.offers(function)
        && recipe::exists(function)
        && system.offers(Function::Read)
        && system.offers(Function::Cas)
        && system.creates_by_cas()
}

/// Whether `system` offers what `workload` asks for.
///
/// # Errors
/// Names every function that it neither offers nor has a recipe for.
pub fn suits(system: &dyn System, workload: &dyn Workload) -> Result<(), NotOffered> {
    let mut lacking = workload.functions();
    lacking.retain(|function| !system.offers(*function) && !by_recipe(system, *function));
    if lacking.is_empty() {
        return Ok(());
    }
    let (workload, system) = (workload.name().to_owned(), system.name().to_owned());
    Err(NotOffered { workload, system, lacking })
}

/// A connection of one logical client to the whole cluster.
pub trait Client: Send {
    /// Carries out one operation on one node: one attempt, no retries, no redirects. Only
    /// [`Function::AppendOnce`] is tried again, at whichever node, which is what it is for.
    ///
    /// Whoever calls this bounds it in time by dropping the future, so an adapter needs
    /// no timeout of its own.
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion>;
}

/// How one operation ended, as its client saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Completion {
    /// It took effect.
    Ok {
        /// What it returned; for a write, what was written.
        value: Value,
        /// The revision the system attached, where it has them: of the value, where
        /// [`System::revisions_are_of_values`].
        revision: Option<u64>,
    },
    /// A compare-and-set or a guarded transaction was refused because the system looked and found
    /// another value.
    ///
    /// A fact about the store, which the checker judges; any other refusal is a `Fail`.
    Mismatch {
        /// What was found, where the system tells.
        found: Option<Value>,
    },
    /// The object is in no state for it, such as a lock that is held: it did not take effect
    /// and never will.
    Declined(String),
    /// It did not take effect and never will: nothing was sent, or the system said so.
    Fail(String),
    /// Nobody knows.
    Info(String),
}

impl Completion {
    /// The same, as far as a generator cares.
    pub fn ending(&self) -> Ending<'_> {
        match self {
            Self::Ok { value, .. } => Ending::Ok(value),
            Self::Mismatch { found } => Ending::Mismatch(found.as_ref()),
            Self::Fail(_) | Self::Declined(_) => Ending::Fail,
            Self::Info(_) => Ending::Info,
        }
    }
}

/// What a node says about itself; what a system cannot tell is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// `leader`, `candidate` or `follower`.
    pub role: Option<String>,
    /// Its current term.
    pub term: Option<u64>,
    /// Whom it believes to lead.
    pub leader: Option<String>,
    /// Highest log index known to be committed.
    pub commit: Option<u64>,
    /// Highest log index applied.
    pub applied: Option<u64>,
}
