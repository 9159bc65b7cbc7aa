//! What the nemesis must know of the cluster it torments.

use std::fmt;
use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use serde_json::Value;

/// How a node's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The signal of this number ended it.
    Signal(i32),
    /// It ended by itself, with this code.
    Code(i32),
    /// Its owner cannot tell.
    Unknown,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Signal(signal) => match Signal::try_from(signal) {
                Ok(name) => write!(f, "killed by signal {signal} ({name})"),
                Err(_) => write!(f, "killed by signal {signal}"),
            },
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Unknown => f.write_str("for an unknown reason"),
        }
    }
}

/// What an administrator may ask of a cluster; nodes by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Let a node that is no member receive the log, without a vote.
    AddLearner(usize),
    /// Let a learner vote.
    Promote(usize),
    /// Take a member out.
    Remove(usize),
    /// Hand the lead to a node.
    Transfer(usize),
    /// Have a node take a snapshot of its state.
    Snapshot(usize),
}

/// The nodes of one cluster, as their owner sees them.
///
/// The owner spawns and reaps the processes; the nemesis only signals them. Nodes are numbered
/// from 0 in the order of [`Nodes::names`].
pub trait Nodes: Send + Sync + 'static {
    /// The names of all nodes.
    fn names(&self) -> &[String];

    /// The node that leads, as last observed; `None` when nobody is known to.
    fn leader(&self) -> Option<usize>;

    /// The process id of the node's group leader; `None` when the node does not run.
    fn pid(&self, node: usize) -> Option<u32>;

    /// Resolves once the owner has reaped the node's process, and says how it ended.
    ///
    /// Resolves at once when the process has been reaped already. It is evidence: only
    /// [`Exit::Signal`] with the number of SIGKILL shows that a kill was a kill.
    fn exited(&self, node: usize) -> impl Future<Output = Exit> + Send;

    /// Whether the node answers, running or not. One that was killed must not: then part of it
    /// runs where nobody saw it.
    fn answers(&self, _node: usize) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }

    /// Starts the node again on its old data; resolves when it answers, with its process id.
    ///
    /// # Errors
    /// What kept it from starting or answering, in words.
    fn start(&self, node: usize) -> impl Future<Output = Result<u32, String>> + Send;

    /// Gives an order; resolves when the system has answered that it is carried out, with
    /// whatever it says beside.
    ///
    /// # Errors
    /// Why it was not carried out, or may not have been, in words. A system that takes no orders
    /// says so.
    fn order(&self, _order: Order) -> impl Future<Output = Result<Value, String>> + Send {
        std::future::ready(Err("this system takes no orders".to_owned()))
    }

    /// Whether the system ever tells who votes. Where it does not, nobody asks, which could take
    /// long.
    fn tells_voters(&self) -> bool {
        false
    }

    /// The members that vote, as the leader has it; `None` when nobody can tell.
    fn voters(&self) -> impl Future<Output = Option<Vec<usize>>> + Send {
        std::future::ready(None)
    }
}
