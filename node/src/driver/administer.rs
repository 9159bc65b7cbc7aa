//! Orders that take time: who waits for them, and what they are told.

use tokio::sync::oneshot;

use super::orders::OrderAnswer;
use crate::raft::{LogIndex, Position, Raft, Role, Term};

/// Somebody who waits for what becomes of an order.
pub(super) type Reply = oneshot::Sender<OrderAnswer>;

/// Orders under way.
#[derive(Debug, Default)]
pub(super) struct Administration {
    /// Changes of the members, by the entry that makes them.
    changes: Vec<(Position, Reply)>,
    /// Those who have the lead handed over.
    transfers: Vec<Reply>,
}

impl Administration {
    pub(super) fn await_change(&mut self, position: Position, reply: Reply) {
        self.changes.push((position, reply));
    }

    pub(super) fn await_transfer(&mut self, reply: Reply) {
        self.transfers.push(reply);
    }

    /// Answers those whose change the entry just applied has made, or replaced.
    pub(super) fn applied(&mut self, position: Position) {
        for (own, reply) in self.changes.extract_if(.., |(own, _)| own.index <= position.index) {
            answer(
                reply,
                if own == position {
                    OrderAnswer::Done(own.index)
                } else {
                    OrderAnswer::Refused("another leader's entry took its place".to_owned())
                },
            );
        }
    }

    /// Answers those whose change stands in the log before `term`, which has begun.
    pub(super) fn term_began(&mut self, term: Term) {
        for (_, reply) in self.changes.extract_if(.., |(own, _)| own.term < term) {
            answer(
                reply,
                OrderAnswer::Unknown("the lead was lost before the change was committed"),
            );
        }
    }

    /// Answers those whose change a snapshot of the leader covers up to `last`.
    pub(super) fn restored(&mut self, last: LogIndex) {
        for (_, reply) in self.changes.extract_if(.., |(own, _)| own.index <= last) {
            answer(reply, OrderAnswer::Unknown("a snapshot covers the change"));
        }
    }

    /// Answers those who have the lead handed over, once it is or will not be.
    pub(super) fn see_to_transfer(&mut self, raft: &Raft) {
        if self.transfers.is_empty() || raft.successor().is_some() {
            return;
        }
        let told = if raft.role() == Role::Leader {
            OrderAnswer::Unknown("the node did not take over in time")
        } else {
            OrderAnswer::Done(raft.status().last_index)
        };
        for reply in self.transfers.drain(..) {
            answer(reply, told.clone());
        }
    }

    /// Answers everyone, because the node stops.
    pub(super) fn abandon(&mut self) {
        let changes = self.changes.drain(..).map(|(_, reply)| reply);
        for reply in changes.chain(self.transfers.drain(..)) {
            answer(reply, OrderAnswer::Unknown("the node is shutting down"));
        }
    }
}

/// Tells somebody what became of his order.
pub(super) fn answer(reply: Reply, told: OrderAnswer) {
    // The administrator may have gone; then nobody needs the answer.
    let _ = reply.send(told);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(term: u64, index: u64) -> Position {
        Position { term: Term(term), index: LogIndex(index) }
    }

    #[test]
    fn a_change_is_done_by_its_own_entry_only() {
        let mut orders = Administration::default();
        let mut answers = Vec::new();
        for index in 5..9 {
            let (reply, answer) = oneshot::channel();
            orders.await_change(at(2, index), reply);
            answers.push(answer);
        }
        orders.applied(at(2, 5));
        assert_eq!(answers[0].try_recv().unwrap(), OrderAnswer::Done(LogIndex(5)));
        orders.applied(at(3, 6));
        assert!(matches!(answers[1].try_recv().unwrap(), OrderAnswer::Refused(_)));
        orders.restored(LogIndex(7));
        assert!(matches!(answers[2].try_recv().unwrap(), OrderAnswer::Unknown(_)));
        orders.term_began(Term(3));
        assert!(matches!(answers[3].try_recv().unwrap(), OrderAnswer::Unknown(_)));
    }
}
