//! The HTTP surface: one listener for clients and for peers.
//!
//! Handlers hold no state of the store. They read the status the driver
//! publishes, hand operations to the driver and turn its answers into replies;
//! a node that does not lead passes operations on to the one that does
//! (`forward`). Every failure says whether it is definite: `"definite":true`
//! means that the operation has not been applied and never will be.

mod admin;
mod execute;
mod extract;
mod forward;
mod kv;
mod metrics;
mod openapi;
mod raft;
mod reply;
mod routes;
mod session;
mod status;
mod transaction;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use self::forward::Forwarder;
use crate::args::Peer;
use crate::bugs::Bug;
use crate::driver::{Input, PeerClientError};
use crate::metrics::Metrics;
use crate::raft::{NodeId, ReadMode, Status};

/// The longest body of a client's operation: two values of the greatest length, or
/// a transaction of some.
const CLIENT_BODY_BYTES_MAX: usize = 4 << 20;

/// The longest batch of a peer's messages.
const PEER_BODY_BYTES_MAX: usize = 128 << 20;

/// What the handlers share.
pub(crate) struct Api {
    id: NodeId,
    bug: Option<Bug>,
    reads: ReadMode,
    began: Instant,
    inputs: mpsc::Sender<Input>,
    status: watch::Receiver<Status>,
    leader: watch::Receiver<Option<NodeId>>,
    metrics: Arc<Metrics>,
    addresses: HashMap<NodeId, SocketAddr>,
    forwarder: Forwarder,
}

/// The ways between the handlers and the driver.
pub(crate) struct Lines {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) leader: watch::Receiver<Option<NodeId>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Api {
    pub(crate) fn new(
        id: NodeId,
        bug: Option<Bug>,
        reads: ReadMode,
        peers: &[Peer],
        operation_timeout: Duration,
        lines: Lines,
    ) -> Result<Self, PeerClientError> {
        let addresses = peers.iter().map(|peer| (peer.id, peer.address)).collect();
        let forwarder = Forwarder::new(id, operation_timeout)?;
        let Lines { inputs, status, leader, metrics } = lines;
        let began = Instant::now();
        Ok(Self { id, bug, reads, began, inputs, status, leader, metrics, addresses, forwarder })
    }
}
