//! What the node knows about itself.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{Api, reply};
use crate::raft::{LogIndex, NodeId, Term};

#[derive(Serialize)]
struct StatusReply {
    id: NodeId,
    role: &'static str,
    term: Term,
    leader: Option<NodeId>,
    commit: LogIndex,
    applied: LogIndex,
    last_index: LogIndex,
    bug: Option<&'static str>,
}

/// `GET /status`: answered without asking anyone, so also without a quorum.
pub(super) async fn status(State(api): State<Arc<Api>>) -> Response {
    let status = *api.status.borrow();
    let reply = StatusReply {
        id: status.id,
        role: status.role.as_str(),
        term: status.term,
        leader: status.leader,
        commit: status.commit,
        applied: status.applied,
        last_index: status.last_index,
        bug: api.bug.map(|bug| bug.describe().name),
    };
    reply::serialized(StatusCode::OK, &reply)
}
