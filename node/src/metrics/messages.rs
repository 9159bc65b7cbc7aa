//! Messages, counted by what they say.

use super::Counter;
use crate::raft::{Body, Message};

/// In the order of [`kind`].
const KINDS: [&str; 12] = [
    "pre_vote_request",
    "pre_vote_reply",
    "vote_request",
    "vote_reply",
    "append",
    "append_reply",
    "heartbeat",
    "heartbeat_reply",
    "deposed",
    "timeout_now",
    "snapshot_chunk",
    "snapshot_reply",
];

fn kind(body: &Body) -> usize {
    match body {
        Body::PreVoteRequest { .. } => 0,
        Body::PreVoteReply { .. } => 1,
        Body::VoteRequest { .. } => 2,
        Body::VoteReply(_) => 3,
        Body::Append { .. } => 4,
        Body::AppendReply(_) => 5,
        Body::Heartbeat { .. } => 6,
        Body::HeartbeatReply { .. } => 7,
        Body::Deposed => 8,
        Body::TimeoutNow => 9,
        Body::SnapshotChunk { .. } => 10,
        Body::SnapshotReply { .. } => 11,
    }
}

/// How many messages there were of each kind.
#[derive(Debug, Default)]
pub(crate) struct MessageCounters([Counter; KINDS.len()]);

impl MessageCounters {
    /// Counts messages.
    pub(crate) fn count(&self, messages: &[Message]) {
        for message in messages {
            self.0[kind(&message.body)].increment();
        }
    }

    /// Returns the counts with the names of the kinds.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.0.iter().map(Counter::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::Term;

    #[test]
    fn messages_count_for_what_they_say() {
        let id = "n1".parse().unwrap();
        let message = |body| Message { from: id, to: id, term: Term(1), body };
        let counters = MessageCounters::default();
        counters.count(&[message(Body::Deposed), message(Body::TimeoutNow)]);
        counters.count(&[message(Body::Deposed)]);
        let counts: Vec<_> = counters.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [("deposed", 2), ("timeout_now", 1)]);
    }
}
