//! The way of an operation to the gateway, and of an order to the leader.

use axum::body::Bytes;
use axum::response::Response;
use tokio::sync::{mpsc, oneshot};

use super::Api;
use super::forward::{Call, Hop, Incoming};
use super::reply;
use crate::driver::{Answer, Input, Operation, Order, OrderAnswer, WhyRefused};
use crate::machine::{Action, Command, Key, Stamp};
use crate::raft::Role;

/// Where an order is to be carried out.
enum Place {
    Here,
    Elsewhere(Response),
}

impl Api {
    /// Reads a key.
    pub(super) async fn read(&self, key: Key) -> Response {
        reply::answered(&self.gateway.execute(Operation::Read { key }).await)
    }

    /// Carries out an action, once for each time it is asked for, or once for all
    /// of them if it carries the stamp of a session.
    pub(super) async fn write(&self, action: Action, stamp: Option<Stamp>) -> Response {
        self.command(match stamp {
            Some(stamp) => Command::Stamped(stamp, action),
            None => Command::Plain(action),
        })
        .await
    }

    /// Puts a command into the log and waits until it is applied.
    pub(super) async fn command(&self, command: Command) -> Response {
        reply::answered(&self.gateway.execute(Operation::Write { command }).await)
    }

    /// Carries out an order that only the leader can; it is tried once.
    pub(super) async fn order(&self, order: Order, incoming: Incoming, body: Bytes) -> Response {
        match self.place(incoming.with_body(body)).await {
            Place::Here => self.order_here(order).await,
            Place::Elsewhere(response) => response,
        }
    }

    /// Carries out an order at this node.
    pub(super) async fn order_here(&self, order: Order) -> Response {
        let (reply, answer) = oneshot::channel();
        match self.inputs.try_send(Input::Order { order, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return refused(WhyRefused::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return refused(WhyRefused::ShuttingDown),
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
        let why = match (role, leader, call.hop) {
            (Role::Leader, _, _) => return Place::Here,
            (_, Some(leader), Hop::First) => {
                let address = self.addresses.borrow().get(&leader).copied();
                match address {
                    Some(address) => {
                        let news = self.leader.clone();
                        let relayed = self.forwarder.forward(call, leader, address, news).await;
                        return Place::Elsewhere(relayed);
                    }
                    None => WhyRefused::NoAddress,
                }
            }
            (_, _, Hop::Forwarded) => WhyRefused::NotLeader,
            (_, None, Hop::First) => WhyRefused::NoLeader,
        };
        Place::Elsewhere(refused(why))
    }
}

fn refused(why: WhyRefused) -> Response {
    reply::answered(&Answer::Refused(why))
}
