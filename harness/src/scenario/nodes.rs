//! The nodes of a scenario: how they are started and what they say of themselves.

use std::{fmt, net::SocketAddr, process::Command};

use serde::{Deserialize, Serialize};

use squall_workloads::Function;

use crate::{
    system::{BoxFuture, Client, NodeSetup, Status, System},
    systems::Node,
};

/// Who takes part, and with which flags.
#[derive(Clone, Copy)]
pub struct Cast {
    /// How many nodes the cluster has, `n1` first.
    pub nodes: usize,
    /// Nodes, counted from 0, that the script plays itself; they are never started.
    pub played: &'static [usize],
    /// Flags of a node, by its number counted from 0.
    pub flags: fn(usize) -> &'static [&'static str],
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its name.
    pub id: String,
    /// `leader`, `candidate` or `follower`.
    pub role: String,
    /// Its current term.
    pub term: u64,
    /// Whom it believes to lead.
    pub leader: Option<String>,
    /// How far its log is known to be committed.
    pub commit: u64,
    /// How far it is applied.
    pub applied: u64,
    /// How far it goes.
    pub last_index: u64,
}

impl Seen {
    /// Whether it leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.role == "leader"
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, role, term, commit, last_index, .. } = self;
        write!(f, "{id} {role} in term {term}, log to {last_index}, committed to {commit}")?;
        match &self.leader {
            Some(leader) if !self.leads() => write!(f, ", follows {leader}"),
            _ => Ok(()),
        }
    }
}

/// The built-in node, each with flags of its own.
pub(super) struct Staged {
    node: Node,
    flags: fn(usize) -> &'static [&'static str],
}

impl Staged {
    pub(super) fn new(node: Node, flags: fn(usize) -> &'static [&'static str]) -> Self {
        Self { node, flags }
    }
}

impl System for Staged {
    fn name(&self) -> &str {
        self.node.name()
    }

    fn version(&self) -> String {
        self.node.version()
    }

    fn offers(&self, function: Function) -> bool {
        self.node.offers(function)
    }

    fn command(&self, setup: &NodeSetup) -> Command {
        let mut command = self.node.command(setup);
        let number = setup.name.trim_start_matches('n').parse::<usize>();
        let number = number.expect("the nodes of a stage are called n1, n2, ...");
        command.args((self.flags)(number - 1));
        command
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        self.node.client(nodes)
    }

    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        self.node.probe(node)
    }
}
