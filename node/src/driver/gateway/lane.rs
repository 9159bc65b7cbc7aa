//! Passing operations on to one peer while it leads.
//!
//! Operations that gather while others are under way go out together in one POST,
//! and come back together. Reads and writes take lanes of their own, for writes
//! wait for disks and reads do not.
//!
//! A lane carries operations only while its peer is the leader this node knows.
//! With other news everything under way is given up at once: a leader that was cut
//! off or stopped would only be waited for until the operations timed out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::super::answer::{Answer, Operation, Passed, WhyRefused};
use super::super::line::{Line, NotDelivered};
use crate::raft::NodeId;

/// Operations that may wait for a lane; beyond that, they are refused.
const QUEUE_MAX: usize = 4_096;

/// Batches under way at a time.
const BATCHES_MAX: usize = 2;

/// Operations in one batch.
const BATCH_MAX: usize = 256;

/// A batch is closed once it has this many bytes; the last operation may exceed it.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// How much longer to wait for the leader than the leader waits itself, so that
/// its own answer, which knows more, comes first.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// What became of handing an operation to the leader.
#[derive(Debug)]
pub(super) enum Handed {
    /// The leader answered.
    Answered(Answer),
    /// Nothing reached it.
    NotSent,
    /// It may have been reached, and did not answer.
    Lost,
}

struct Call {
    operation: Operation,
    deadline: Instant,
    reply: oneshot::Sender<Handed>,
}

/// The sender's end of a lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    calls: mpsc::Sender<Call>,
}

impl Lane {
    /// Starts a lane to the peer; it ends when all its senders are gone.
    pub(super) fn start(
        peer: NodeId,
        address: SocketAddr,
        leader: watch::Receiver<Option<NodeId>>,
    ) -> Self {
        let (calls, queue) = mpsc::channel(QUEUE_MAX);
        let (idle, under_way) = (Vec::new(), JoinSet::new());
        tokio::spawn(Carrier { peer, address, leader, idle, under_way }.run(queue));
        Self { calls }
    }

    /// Hands an operation to the peer.
    pub(super) async fn hand(&self, operation: Operation, deadline: Instant) -> Handed {
        let (reply, handed) = oneshot::channel();
        match self.calls.try_send(Call { operation, deadline, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Handed::Answered(Answer::Refused(WhyRefused::Overloaded));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Handed::NotSent,
        }
        // Whoever drops the other end has given up what is under way.
        match tokio::time::timeout_at((deadline + GRACE).into(), handed).await {
            Ok(Ok(handed)) => handed,
            Ok(Err(_)) | Err(_) => Handed::Lost,
        }
    }
}

/// The task behind a lane.
struct Carrier {
    peer: NodeId,
    address: SocketAddr,
    leader: watch::Receiver<Option<NodeId>>,
    /// Lines that carry nothing now.
    idle: Vec<Line>,
    /// Batches, each with the line that carries it.
    under_way: JoinSet<Line>,
}

impl Carrier {
    async fn run(mut self, mut queue: mpsc::Receiver<Call>) {
        let mut calls = Vec::with_capacity(BATCH_MAX);
        loop {
            let peer = self.peer;
            tokio::select! {
                biased;
                driver_gone = async {
                    self.leader.wait_for(|now| *now != Some(peer)).await.is_err()
                } => {
                    if driver_gone {
                        return;
                    }
                    self.under_way.abort_all();
                    while self.under_way.join_next().await.is_some() {}
                    // They may lead through the cut that cost the peer its lead.
                    self.idle.clear();
                    // Whoever comes now has older news than this lane, or newer.
                    let Some(call) = queue.recv().await else { return };
                    let leads = *self.leader.borrow() == Some(peer);
                    if leads {
                        calls.push(call);
                    } else {
                        // The operation may have timed out; then nobody needs the answer.
                        let _ = call.reply.send(Handed::NotSent);
                        continue;
                    }
                }
                Some(carried) = self.under_way.join_next() => {
                    if let Ok(line) = carried && self.idle.len() < BATCHES_MAX {
                        self.idle.push(line);
                    }
                    continue;
                }
                count = queue.recv_many(&mut calls, BATCH_MAX),
                    if self.under_way.len() < BATCHES_MAX =>
                {
                    if count == 0 {
                        return;
                    }
                }
            }
            for batch in Batch::all_of(&mut calls) {
                let line = self.idle.pop().unwrap_or_else(|| Line::to(self.address));
                self.under_way.spawn(batch.carry(line));
            }
        }
    }
}

/// Operations that travel together.
#[derive(Default)]
struct Batch {
    body: Vec<u8>,
    replies: Vec<oneshot::Sender<Handed>>,
    patience: Duration,
}

impl Batch {
    /// Makes as few batches of the calls as their length allows.
    fn all_of(calls: &mut Vec<Call>) -> Vec<Self> {
        let now = Instant::now();
        let mut batches = vec![Self::default()];
        for Call { operation, deadline, reply } in calls.drain(..) {
            let left = deadline.saturating_duration_since(now);
            let passed = Passed { operation, budget: left };
            if batches.last().is_none_or(|batch| batch.body.len() >= BATCH_BYTES_MAX) {
                batches.push(Self::default());
            }
            if let Some(batch) = batches.last_mut() {
                batch.body = postcard::to_extend(&passed, std::mem::take(&mut batch.body))
                    .expect("writing plain data to memory does not fail");
                batch.replies.push(reply);
                batch.patience = batch.patience.max(left + GRACE);
            }
        }
        batches
    }

    /// Delivers the batch, brings the answers back and gives the line back.
    async fn carry(self, mut line: Line) -> Line {
        let Self { body, replies, patience } = self;
        let count = replies.len();
        let answers = line.post("/forward", body, patience).await;
        let handed: Box<dyn Iterator<Item = Handed> + Send> = match answers {
            Ok(bytes) => match postcard::from_bytes::<Vec<Answer>>(&bytes) {
                Ok(answers) if answers.len() == count => {
                    Box::new(answers.into_iter().map(Handed::Answered))
                }
                Ok(_) | Err(_) => Box::new(std::iter::repeat_with(|| Handed::Lost)),
            },
            Err(NotDelivered::NotSent(_)) => Box::new(std::iter::repeat_with(|| Handed::NotSent)),
            Err(why) => {
                tracing::debug!(%why, "lost what was passed on");
                Box::new(std::iter::repeat_with(|| Handed::Lost))
            }
        };
        for (reply, handed) in replies.into_iter().zip(handed) {
            // The operation may have timed out; then nobody needs the answer.
            let _ = reply.send(handed);
        }
        line
    }
}
