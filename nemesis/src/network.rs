//! The network between the nodes: built, cut, healed, and probed.
//!
//! Two worlds offer the same interface. In the **sandbox** every node has a network namespace
//! with an address of its own on a bridge (`switch`), and a firewall on that bridge drops exactly
//! the packets a [`Grudge`] names (`firewall`). Where namespaces are refused, a **proxy** stands
//! between each ordered pair of nodes on loopback (`proxy`) and holds back their bytes.
//!
//! A [`Network`] owns everything it builds and takes it down when dropped. Clients reach nodes
//! at [`Network::listen`] and are never subject to cuts. Deliberately absent: delay, loss and
//! reordering, and any knowledge of the protocol the nodes speak.

mod enter;
mod firewall;
mod proxy;
mod reachability;
mod sounding;
mod switch;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::grudge::Grudge;
use crate::sandbox;
use firewall::Firewall;
use proxy::Proxies;
pub use reachability::Reachability;
use sounding::Sounding;
use switch::Switch;

/// How cuts are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// nf_tables on the bridge, by netlink; atomic for all nodes.
    SandboxNft,
    /// nf_tables on the bridge, by the `nft` program; atomic for all nodes.
    SandboxNftProgram,
    /// The `iptables-restore` program in each node's namespace; atomic for each node only.
    SandboxIptables,
    /// One TCP proxy for each ordered pair of nodes.
    Proxy,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SandboxNft => "sandbox: own network per node, cuts by nft (netlink)",
            Self::SandboxNftProgram => "sandbox: own network per node, cuts by nft (program)",
            Self::SandboxIptables => "sandbox: own network per node, cuts by iptables",
            Self::Proxy => "proxy: loopback, one TCP proxy per directed pair of nodes",
        })
    }
}

/// Why a network could not be built, cut or probed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// There are more nodes than one bridge and one firewall transaction are made for.
    #[error("connect {nodes} nodes: at most {max} are possible")]
    TooManyNodes {
        /// How many were asked for.
        nodes: usize,
        /// The limit.
        max: usize,
    },
    /// Links and rules are only ever made in a network namespace of our own.
    #[error("build a sandboxed network: this process is not inside a sandbox")]
    NotInSandbox,
    /// The kernel refused a namespace or a socket.
    #[error("{what}")]
    Kernel {
        /// What was being done.
        what: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The kernel refused a link, an address or a neighbour.
    #[error("{what}")]
    Link {
        /// What was being done.
        what: &'static str,
        /// The kernel's reason.
        source: rtnetlink::Error,
    },
    /// A firewall program could not be run; often it is not installed.
    #[error("run `{program}`")]
    NotRun {
        /// Its name.
        program: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A firewall program refused.
    #[error("cut by `{program}` ({status}): {said}")]
    Program {
        /// Its name.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it printed.
        said: String,
    },
    /// No way of cutting the network had the effect it should have.
    #[error("cut the sandboxed network in any way: {}", tried.join("; "))]
    NoFirewall {
        /// What was tried, and what came of it.
        tried: Vec<String>,
    },
}

/// More would not fit one firewall transaction into a default socket buffer.
const NODES_MAX: usize = 64;

/// The network of one cluster, its nodes numbered from 0.
pub struct Network {
    nodes: usize,
    world: World,
}

enum World {
    Sandbox(Sandboxed),
    Proxy(Proxies),
}

struct Sandboxed {
    switch: Switch,
    firewall: Arc<Firewall>,
    sounding: Sounding,
}

impl Network {
    /// Builds a network namespace with an address for each node, joined by a bridge.
    ///
    /// Cuts are made by the first of netlink, `nft` and `iptables` that was seen to cut one way
    /// and not the other. Takes about 0.1 s for five nodes.
    ///
    /// # Errors
    /// This process is not inside a sandbox, the kernel refused, or no way of cutting works.
    pub async fn sandbox(nodes: usize) -> Result<Self, NetworkError> {
        let by_preference =
            [Backend::SandboxNft, Backend::SandboxNftProgram, Backend::SandboxIptables];
        Self::sandbox_cut_by(&by_preference, nodes).await
    }

    /// [`Network::sandbox`] with the ways of cutting to try, in order.
    ///
    /// # Errors
    /// As for [`Network::sandbox`]; [`Backend::Proxy`] is none of the ways there.
    pub async fn sandbox_cut_by(backends: &[Backend], nodes: usize) -> Result<Self, NetworkError> {
        if !sandbox::inside() {
            return Err(NetworkError::NotInSandbox);
        }
        within_limit(nodes)?;
        let (switch, sockets) = Switch::build(nodes).await?;
        let sounding = Sounding::new(sockets).map_err(kernel("open the probes' sockets"))?;
        let firewall = Arc::new(firewall::choose(backends, &switch, &sounding).await?);
        let world = World::Sandbox(Sandboxed { switch, firewall, sounding });
        Ok(Self { nodes, world })
    }

    /// Puts a TCP proxy on loopback between each ordered pair of nodes.
    ///
    /// # Errors
    /// Sockets on loopback could not be had.
    pub async fn proxy(nodes: usize) -> Result<Self, NetworkError> {
        within_limit(nodes)?;
        let proxies =
            Proxies::start(nodes).await.map_err(kernel("start the proxies between nodes"))?;
        Ok(Self { nodes, world: World::Proxy(proxies) })
    }

    /// How cuts are made.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match &self.world {
            World::Sandbox(world) => world.firewall.backend(),
            World::Proxy(_) => Backend::Proxy,
        }
    }

    /// Says in words what kind of network this is.
    #[must_use]
    pub fn describe(&self) -> String {
        self.backend().to_string()
    }

    /// Where this network differs from a real one, in whole sentences for the report.
    #[must_use]
    pub fn caveats(&self) -> Vec<String> {
        let caveats: &[&str] = match self.backend() {
            Backend::SandboxNft | Backend::SandboxNftProgram => &[],
            Backend::SandboxIptables => {
                &["Cuts take hold node by node, within milliseconds of each other."]
            }
            Backend::Proxy => &[
                "Nodes share the loopback interface; only TCP sent to the advertised peer \
                 addresses is subject to cuts.",
                "A connect() through a cut succeeds, since the proxy accepts it.",
                "Bytes held back by a cut arrive after the heal, even on connections given up \
                 since.",
            ],
        };
        caveats.iter().map(|caveat| (*caveat).to_owned()).collect()
    }

    /// Where `node` must listen, and where clients reach it.
    ///
    /// In the proxy world the port stays reserved while the node is down, by a socket that is
    /// bound but does not listen; the node must set `SO_REUSEADDR`, as servers do.
    ///
    /// # Panics
    /// `node` is not below the number of nodes.
    #[must_use]
    pub fn listen(&self, node: usize) -> SocketAddr {
        assert!(node < self.nodes, "node {node} of {}", self.nodes);
        match &self.world {
            World::Sandbox(_) => switch::listen(node),
            World::Proxy(proxies) => proxies.listen(node),
        }
    }

    /// The address at which `from` must reach `to`, so that cuts between them apply.
    ///
    /// # Panics
    /// `from` or `to` is not below the number of nodes.
    #[must_use]
    pub fn peer(&self, from: usize, to: usize) -> SocketAddr {
        assert!(from < self.nodes, "node {from} of {}", self.nodes);
        match &self.world {
            World::Proxy(proxies) if from != to => proxies.peer(from, to),
            _ => self.listen(to),
        }
    }

    /// Makes `command` run in the node's world and in a process group of its own.
    ///
    /// Inside a sandbox the process ends with the sandbox. Elsewhere it ends with the *thread*
    /// that spawns it, which must therefore live as long as the run.
    ///
    /// # Panics
    /// `node` is not below the number of nodes.
    pub fn prepare(&self, node: usize, command: &mut Command) {
        assert!(node < self.nodes, "node {node} of {}", self.nodes);
        enter::lead_process_group(command);
        if let World::Sandbox(world) = &self.world {
            enter::namespace(command, &world.switch.namespaces()[node]);
        }
        if !sandbox::inside() {
            enter::die_with_spawner(command);
        }
    }

    /// Makes the network drop exactly what `grudge` says, whatever was cut before.
    ///
    /// All at once where [`Network::caveats`] do not say otherwise. Established connections fall
    /// silent at once.
    ///
    /// # Errors
    /// The firewall refused; what was cut before may then still be.
    pub async fn apply(&self, grudge: &Grudge) -> Result<(), NetworkError> {
        match &self.world {
            World::Sandbox(world) => {
                let (firewall, grudge) = (Arc::clone(&world.firewall), grudge.clone());
                // Netlink may wait for the kernel, the programs for their end.
                tokio::task::spawn_blocking(move || firewall.replace(&grudge))
                    .await
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            }
            World::Proxy(proxies) => {
                proxies.apply(grudge);
                Ok(())
            }
        }
    }

    /// Lets everything through again.
    ///
    /// # Errors
    /// As for [`Network::apply`].
    pub async fn heal(&self) -> Result<(), NetworkError> {
        self.apply(&Grudge::none(self.nodes)).await
    }

    /// [`Network::heal`] for where nothing can be awaited; blocks for as long as that takes.
    pub(crate) fn heal_now(&self) -> Result<(), NetworkError> {
        let nothing = Grudge::none(self.nodes);
        match &self.world {
            World::Sandbox(world) => world.firewall.replace(&nothing),
            World::Proxy(proxies) => {
                proxies.apply(&nothing);
                Ok(())
            }
        }
    }

    /// Sends one probe over every ordered pair of nodes, and says which arrived.
    ///
    /// Returns once all have arrived, or after `within`. The probes cross the same bridge or the
    /// same proxies as the nodes' own packets, but need no node to run.
    ///
    /// # Errors
    /// The probes could not be sent or received at all.
    pub async fn probe(&self, within: Duration) -> Result<Reachability, NetworkError> {
        let outcome = match &self.world {
            World::Sandbox(world) => world.sounding.probe(within).await,
            World::Proxy(proxies) => proxies.probe(within).await,
        };
        outcome.map_err(kernel("probe the network"))
    }
}

fn within_limit(nodes: usize) -> Result<(), NetworkError> {
    if nodes > NODES_MAX {
        return Err(NetworkError::TooManyNodes { nodes, max: NODES_MAX });
    }
    Ok(())
}

fn kernel(what: &'static str) -> impl Fn(io::Error) -> NetworkError {
    move |source| NetworkError::Kernel { what, source }
}

fn link(what: &'static str) -> impl Fn(rtnetlink::Error) -> NetworkError {
    move |source| NetworkError::Link { what, source }
}
