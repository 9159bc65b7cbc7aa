//! Orders of administrators.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::Api;
use super::extract::{Nothing, Parsed};
use super::forward::Incoming;
use crate::driver::Order;
use crate::raft::NodeId;

/// The body of a change of members: exactly one of these.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum MembersBody {
    /// A node that receives the log from now on and does not vote.
    Add(AddBody),
    /// A learner that votes from now on.
    Promote(NodeId),
    /// A member that is none from now on.
    Remove(NodeId),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddBody {
    id: NodeId,
    address: SocketAddr,
}

/// The body of a transfer of the lead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferBody {
    to: NodeId,
}

/// `POST /admin/members`
pub(super) async fn members(
    State(api): State<Arc<Api>>,
    incoming: Incoming,
    Parsed(body, bytes): Parsed<MembersBody>,
) -> Response {
    let order = match body {
        MembersBody::Add(AddBody { id, address }) => Order::AddLearner { id, address },
        MembersBody::Promote(id) => Order::Promote { id },
        MembersBody::Remove(id) => Order::Remove { id },
    };
    api.order(order, incoming, bytes).await
}

/// `POST /admin/transfer` with `{"to":..}`
pub(super) async fn transfer(
    State(api): State<Arc<Api>>,
    incoming: Incoming,
    Parsed(TransferBody { to }, bytes): Parsed<TransferBody>,
) -> Response {
    api.order(Order::Transfer { to }, incoming, bytes).await
}

/// `POST /admin/snapshot`: of the state of this very node, whoever leads.
pub(super) async fn snapshot(State(api): State<Arc<Api>>, Nothing: Nothing) -> Response {
    api.order_here(Order::Snapshot).await
}
