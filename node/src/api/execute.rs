//! The way of an operation: to the driver here, or to the leader.

use axum::body::Bytes;
use axum::response::Response;
use tokio::sync::{mpsc, oneshot};

use super::Api;
use super::forward::{Call, Hop, Incoming};
use super::reply::{self, Effect};
use crate::bugs::Bug;
use crate::driver::{Answer, Input, Operation, Order, OrderAnswer};
use crate::machine::{Action, Command, Key};
use crate::raft::Role;

/// Where something is to be done.
enum Place {
    Here,
    Elsewhere(Response),
}

/// Why the driver has not taken something in.
enum NotTaken {
    Full,
    Stopping,
}

impl NotTaken {
    fn into_response(self) -> Response {
        match self {
            Self::Full => reply::overloaded(),
            Self::Stopping => reply::answered(&Answer::Refused("the node is shutting down")),
        }
    }
}

impl Api {
    /// Reads a key.
    pub(super) async fn read(&self, key: Key, incoming: Incoming) -> Response {
        if self.bug == Some(Bug::FollowerRead) {
            return self.execute_here(Operation::Read { key }, Effect::Never).await;
        }
        match self.place(incoming.with_body(Bytes::new())).await {
            Place::Here => self.execute_here(Operation::Read { key }, Effect::Never).await,
            Place::Elsewhere(response) => response,
        }
    }

    /// Carries out an action, once for each time it is asked for, or once for all
    /// of them if it carries the stamp of a session.
    pub(super) async fn write(&self, action: Action, incoming: Incoming, body: Bytes) -> Response {
        let command = match incoming.stamp {
            Some(stamp) => Command::Stamped(stamp, action),
            None => Command::Plain(action),
        };
        self.command(command, incoming, body).await
    }

    /// Puts a command into the log and waits until it is applied.
    pub(super) async fn command(
        &self,
        command: Command,
        incoming: Incoming,
        body: Bytes,
    ) -> Response {
        match self.place(incoming.with_body(body)).await {
            Place::Here => self.execute_here(Operation::Write { command }, Effect::Unknown).await,
            Place::Elsewhere(response) => response,
        }
    }

    /// Carries out an order that only the leader can.
    pub(super) async fn order(&self, order: Order, incoming: Incoming, body: Bytes) -> Response {
        match self.place(incoming.with_body(body)).await {
            Place::Here => self.order_here(order).await,
            Place::Elsewhere(response) => response,
        }
    }

    /// Carries out an order at this node.
    pub(super) async fn order_here(&self, order: Order) -> Response {
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.hand_in(Input::Order { order, reply }) {
            return refused.into_response();
        }
        match answer.await {
            Ok(answer) => reply::ordered(&answer),
            Err(_) => reply::ordered(&OrderAnswer::Unknown("the node has failed")),
        }
    }

    /// Lets the leader do what only a leader can.
    async fn place(&self, call: Call) -> Place {
        let (role, leader) = {
            let status = self.status.borrow();
            (status.role, status.leader)
        };
        let refusal = match (role, leader, call.hop) {
            (Role::Leader, _, _) => return Place::Here,
            (_, Some(leader), Hop::First) => match self.addresses.get(&leader) {
                Some(&address) => {
                    let news = self.leader.clone();
                    let relayed = self.forwarder.forward(call, leader, address, news).await;
                    return Place::Elsewhere(relayed);
                }
                None => "the leader's address is not known",
            },
            (_, _, Hop::Forwarded) => "this node does not lead",
            (_, None, Hop::First) => "no leader is known",
        };
        Place::Elsewhere(reply::answered(&Answer::Refused(refusal)))
    }

    async fn execute_here(&self, operation: Operation, effect_if_lost: Effect) -> Response {
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.hand_in(Input::Operation { operation, reply }) {
            return refused.into_response();
        }
        match answer.await {
            Ok(answer) => reply::answered(&answer),
            // The driver died, and with it what it knew about the operation.
            Err(_) => reply::node_failed(effect_if_lost),
        }
    }

    fn hand_in(&self, input: Input) -> Result<(), NotTaken> {
        self.inputs.try_send(input).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotTaken::Full,
            mpsc::error::TrySendError::Closed(_) => NotTaken::Stopping,
        })
    }
}
