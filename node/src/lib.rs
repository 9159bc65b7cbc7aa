//! The built-in Raft key-value node.
//!
//! One process is one node: it keeps a replicated log of commands on its disk,
//! agrees on that log with its peers by Raft, and serves a map of strings to
//! JSON values to clients over HTTP. It is deliberately small and strict,
//! because its main use is to be tested: [`bugs`] lists the ways in which it can
//! be told to break its own rules.
//!
//! From the inside outwards:
//!
//! - [`raft`] is the protocol, a state machine without sockets, files or clocks.
//! - [`storage`] is the directory the protocol's state survives in.
//! - [`machine`] is what the commands mean: the map, its operations and the
//!   clients' sessions.
//! - `driver` owns all three and gives them time, disk and network.
//! - `api` is the HTTP surface, for clients and for peers.
//!
//! Deliberately absent: joint consensus (members change one at a time), reads at
//! followers, and encryption or authentication of any kind.

pub mod bugs;
pub mod machine;
pub mod raft;

pub mod storage;

mod api;
mod args;
mod driver;
mod metrics;
mod node;

pub use api::PeerClientError;
pub use args::{BadPeer, NodeArgs, Peer, Reads};
pub use driver::{Answer, DriverError, Operation, Passed, WhyRefused, WhyUnknown};
pub use node::{NodeError, run, serve};
