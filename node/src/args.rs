//! The command line of one node.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::bugs::Bug;
use crate::raft::{Elections, NodeId, ReadMode};

/// Runs one node of a replicated key-value store.
///
/// The node keeps its log in the data directory, talks Raft to its peers and
/// serves clients over HTTP, both on the same address. Any node takes any
/// operation: a node that is not the leader forwards it to the leader. It stops
/// cleanly on SIGTERM or SIGINT.
#[derive(Clone, Debug, clap::Args)]
pub struct NodeArgs {
    /// Name of this node, unique in the cluster: 1 to 16 letters, digits, '-', '_' or '.'
    #[arg(long, value_name = "NAME")]
    pub id: NodeId,

    /// Directory that holds this node's log; created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Address to listen on, for clients and peers alike
    #[arg(long, value_name = "IP:PORT")]
    pub listen: SocketAddr,

    /// Another node of the cluster and the address at which this node reaches it
    ///
    /// Give one for each other node. The address may be a proxy's: it is not
    /// compared with what the peer listens on. Without any, the node is a
    /// cluster of its own.
    #[arg(long = "peer", value_name = "NAME=IP:PORT")]
    pub peers: Vec<Peer>,

    /// Interval between a leader's heartbeats, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50,
          value_parser = clap::value_parser!(u64).range(10..=10_000))]
    pub heartbeat_ms: u64,

    /// Shortest silence of the leader after which a node stands for election, in milliseconds
    ///
    /// Each wait is drawn anew from once to twice this time, so that rarely two
    /// nodes stand at once. At least twice the heartbeat interval.
    #[arg(long, value_name = "MS", default_value_t = 250,
          value_parser = clap::value_parser!(u64).range(20..=60_000))]
    pub election_ms: u64,

    /// Time after which an operation is answered with a failure, in milliseconds
    ///
    /// Until then it is tried at one leader after the other. A write that fails so
    /// may still take effect later, and the answer says that it is not definite.
    /// Shorter than clients wait, so that they get the answer, and longer than an
    /// election takes.
    #[arg(long, value_name = "MS", default_value_t = 750,
          value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub operation_timeout_ms: u64,

    /// How the leader makes sure that a read is not answered from the past
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Reads::Index)]
    pub reads: Reads,

    /// Entries after which the state is saved and the log cut short
    ///
    /// Fewer make restarts faster and the log smaller, and cost more writing.
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_entries: u64,

    /// Bytes of commands after which the state is saved, if they come before the entries
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes: u64,

    /// Wait to be added to a cluster instead of beginning one
    ///
    /// The node votes for nobody and serves nothing until a member adds it. It
    /// needs a `--peer` for each member there is, to answer whoever leads.
    #[arg(long)]
    pub join: bool,

    /// Whether elections are guarded by pre-vote and check-quorum
    #[arg(long, value_name = "HOW", default_value = "guarded", hide = true)]
    pub elections: Elections,

    /// Break the protocol on purpose, to test what tests it
    #[arg(long, value_name = "NAME", hide = true)]
    pub bug: Option<Bug>,
}

/// How a leader makes sure that a read is not answered from the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Reads {
    /// It asks a majority for each batch of reads; needs no assumption on clocks
    Index,
    /// It relies on a lease; assumes that no two nodes' clocks differ in rate by more than a tenth
    Lease,
}

impl From<Reads> for ReadMode {
    fn from(reads: Reads) -> Self {
        match reads {
            Reads::Index => Self::ReadIndex,
            Reads::Lease => Self::Lease,
        }
    }
}

/// Another node of the cluster, written `NAME=IP:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name of the peer.
    pub id: NodeId,
    /// The address at which this node reaches the peer.
    pub address: SocketAddr,
}

impl FromStr for Peer {
    type Err = BadPeer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, address) = text.split_once('=').ok_or_else(|| BadPeer::Form(text.to_owned()))?;
        Ok(Self {
            id: id.parse()?,
            address: address
                .parse()
                .map_err(|source| BadPeer::Address { text: address.to_owned(), source })?,
        })
    }
}

/// The error for an argument that does not name a peer.
#[derive(Debug, thiserror::Error)]
pub enum BadPeer {
    /// There is no `=`.
    #[error("read {0:?} as a peer: it is not of the form NAME=IP:PORT")]
    Form(String),
    /// The part before the `=` cannot be a name.
    #[error(transparent)]
    Name(#[from] crate::raft::BadNodeId),
    /// The part after the `=` is not an address.
    #[error("read {text:?} as an address: it is not of the form IP:PORT")]
    Address {
        /// What was given.
        text: String,
        /// Why it is not an address.
        source: std::net::AddrParseError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_name_and_an_address() {
        let peer: Peer = "n2=127.0.0.1:7002".parse().unwrap();
        assert_eq!(peer.id.as_str(), "n2");
        assert_eq!(peer.address.port(), 7002);
    }

    #[test]
    fn what_is_wrong_with_a_peer_is_said() {
        let message = |text: &str| text.parse::<Peer>().unwrap_err().to_string();
        assert!(message("n2").starts_with("read \"n2\" as a peer: "));
        assert!(message("n 2=127.0.0.1:1").starts_with("name a node \"n 2\": "));
        assert!(message("n2=localhost").starts_with("read \"localhost\" as an address: "));
    }
}
