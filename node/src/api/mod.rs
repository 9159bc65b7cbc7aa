//! The HTTP surface: one listener for clients and for peers.
//!
//! Handlers hold no state of the store. They read the status the driver
//! publishes, hand operations to the gateway, which finds the leader, and turn its answers into
//! replies. Every failure says whether it is definite: `"definite":true`
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

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use self::forward::Forwarder;
pub use self::forward::PeerClientError;
use crate::bugs::Bug;
use crate::driver::{Addresses, Gateway, Input, Known};
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
    addresses: watch::Receiver<Addresses>,
    gateway: Arc<Gateway>,
    forwarder: Forwarder,
}

impl Api {
    pub(crate) fn new(
        id: NodeId,
        bug: Option<Bug>,
        reads: ReadMode,
        operation_timeout: Duration,
        known: Known,
        metrics: Arc<Metrics>,
    ) -> Result<Self, PeerClientError> {
        let forwarder = Forwarder::new(id, operation_timeout)?;
        let Known { inputs, status, leader, addresses } = known.clone();
        let gateway = Arc::new(Gateway::new(known, bug, operation_timeout));
        let began = Instant::now();
        Ok(Self {
            id,
            bug,
            reads,
            began,
            inputs,
            status,
            leader,
            metrics,
            addresses,
            gateway,
            forwarder,
        })
    }
}
