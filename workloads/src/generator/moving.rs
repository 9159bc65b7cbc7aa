//! Where a client sends its operations.

use std::time::Duration;

use super::{Generator, Step};
use crate::{
    operation::{Address, Ending, Invocation},
    workload::Client,
};

/// A session that moves on to the next node after so many operations.
///
/// Shows what a client sees that loses its node and goes on at another: values that go back.
pub struct Moving<G> {
    stream: G,
    node: usize,
    nodes: usize,
    every: u64,
    left: u64,
}

impl<G: Generator> Moving<G> {
    /// `stream` with its operations for the client's own node sent to a node that changes
    /// after every `every` operations, at least 1. Others go where they were addressed.
    pub fn new(stream: G, client: Client, every: u64) -> Self {
        let every = every.max(1);
        Self { stream, node: client.node(), nodes: client.nodes.max(1), every, left: every }
    }
}

impl<G: Generator> Generator for Moving<G> {
    fn next(&mut self, now: Duration) -> Step {
        let node = self.node;
        self.stream.next(now).map(|invocation| match invocation.to {
            Address::Own => invocation.sent_to(Address::Node(node)),
            _ => invocation,
        })
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.every;
            self.node = (self.node + 1) % self.nodes;
        }
        self.stream.observe(invocation, ending, now);
    }
}

/// A stream whose operations for the client's own node go somewhere else.
pub struct SentTo<G> {
    stream: G,
    to: Address,
}

impl<G: Generator> SentTo<G> {
    /// `stream`, sent `to` there. What it addressed itself goes where it was addressed.
    pub fn new(stream: G, to: Address) -> Self {
        Self { stream, to }
    }
}

impl<G: Generator> Generator for SentTo<G> {
    fn next(&mut self, now: Duration) -> Step {
        let to = self.to;
        self.stream.next(now).map(|invocation| match invocation.to {
            Address::Own => invocation.sent_to(to),
            _ => invocation,
        })
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        self.stream.observe(invocation, ending, now);
    }
}
