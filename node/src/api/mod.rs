//! The HTTP surface: one listener for clients and for peers.
//!
//! Handlers hold no state of the store. They read the status the driver
//! publishes, hand operations to the driver and turn its answers into replies;
//! a node that does not lead passes operations on to the one that does
//! (`forward`). Every failure says whether it is definite: `"definite":true`
//! means that the operation has not been applied and never will be.

mod forward;
mod kv;
mod raft;
mod reply;
mod status;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::routing::{get, post};
use tokio::sync::{mpsc, watch};

use self::forward::Forwarder;
use self::reply::Rejection;
use crate::args::Peer;
use crate::bugs::Bug;
use crate::driver::{Input, PeerClientError};
use crate::raft::{NodeId, Status};

/// The longest body of a client's operation.
const CLIENT_BODY_BYTES_MAX: usize = 1 << 20;

/// The longest batch of a peer's messages.
const PEER_BODY_BYTES_MAX: usize = 128 << 20;

/// What the handlers share.
pub(crate) struct Api {
    id: NodeId,
    bug: Option<Bug>,
    inputs: mpsc::Sender<Input>,
    status: watch::Receiver<Status>,
    leader: watch::Receiver<Option<NodeId>>,
    addresses: HashMap<NodeId, SocketAddr>,
    forwarder: Forwarder,
}

impl Api {
    pub(crate) fn new(
        id: NodeId,
        bug: Option<Bug>,
        peers: &[Peer],
        inputs: mpsc::Sender<Input>,
        status: watch::Receiver<Status>,
        leader: watch::Receiver<Option<NodeId>>,
        operation_timeout: Duration,
    ) -> Result<Self, PeerClientError> {
        let addresses = peers.iter().map(|peer| (peer.id, peer.address)).collect();
        let forwarder = Forwarder::new(id, operation_timeout)?;
        Ok(Self { id, bug, inputs, status, leader, addresses, forwarder })
    }

    /// Returns the routes of a node.
    pub(crate) fn into_router(self) -> Router {
        let clients = Router::new()
            .route("/kv/{key}", get(kv::get).put(kv::put).delete(kv::delete))
            .route("/kv/{key}/cas", post(kv::cas))
            .route("/status", get(status::status))
            .layer(DefaultBodyLimit::max(CLIENT_BODY_BYTES_MAX));
        let peers = Router::new()
            .route("/raft", post(raft::messages))
            .layer(DefaultBodyLimit::max(PEER_BODY_BYTES_MAX));
        clients
            .merge(peers)
            .fallback(unknown_path)
            .method_not_allowed_fallback(unknown_method)
            .with_state(Arc::new(self))
    }
}

async fn unknown_path(uri: Uri) -> Rejection {
    if uri.path().starts_with("/kv/") {
        return kv::bad_key();
    }
    Rejection { status: StatusCode::NOT_FOUND, why: "there is nothing at this path".into() }
}

async fn unknown_method() -> Rejection {
    let why = "this path does not take this method".into();
    Rejection { status: StatusCode::METHOD_NOT_ALLOWED, why }
}
