//! How a node serves whoever asks it, leader or not.
//!
//! The node a client spoke to is responsible for the operation until its time is
//! up. It asks the leader, which may be itself, and when that attempt is refused
//! or lost it asks the next leader. A write that may have been applied by the
//! first can be tried again because it is stamped with a session of this node
//! (Ongaro 2014, 6.3): the machine applies it once and repeats the outcome. For
//! the client it is one operation, with one answer:
//!
//! - what a leader said of it, if one said what became of it;
//! - refused, and so without effect for ever, only if every attempt was;
//! - unknown otherwise.
//!
//! The session is registered when the first write comes. Until it is, and while
//! too many writes are numbered (`stamps`), a write is tried once more only if it
//! was refused for good. Nodes pass operations on in batches (`lane`), one hop at
//! most: what was passed on is refused by a node that does not lead either.

mod lane;
mod stamps;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use self::lane::{Handed, Lane};
use self::stamps::{Stamped, Stamps};
use super::Input;
use super::addresses::Addresses;
use super::answer::{Answer, Operation, Passed, WhyRefused, WhyUnknown};
use crate::bugs::Bug;
use crate::machine::{Command, Outcome, Refusal};
use crate::raft::{NodeId, Role, Status};

/// Operations of clients that a node is responsible for at a time; beyond that,
/// they are refused.
const OPERATIONS_MAX: usize = 4_096;

/// Inputs for which there is always room beside operations: messages of peers,
/// without which no operation ends.
const INPUTS_RESERVED: usize = 1_024;

/// Time before the same leader is asked again, if there is no news of another.
const PAUSE: Duration = Duration::from_millis(20);

/// What the gateway knows through the driver.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) leader: watch::Receiver<Option<NodeId>>,
    pub(crate) addresses: watch::Receiver<Addresses>,
}

/// The part of a node that answers operations.
pub(crate) struct Gateway {
    known: Known,
    bug: Option<Bug>,
    timeout: Duration,
    stamps: Stamps,
    under_way: AtomicUsize,
    lanes: Mutex<BTreeMap<NodeId, Lanes>>,
}

/// The lanes to one peer.
#[derive(Clone)]
struct Lanes {
    address: SocketAddr,
    reads: Lane,
    writes: Lane,
}

/// What one attempt came to.
enum Attempt {
    /// This is what the client is told.
    Final(Answer),
    /// It had no effect and never will.
    Refused(WhyRefused),
    /// It may have had or may still have an effect.
    Unknown(WhyUnknown),
}

/// Counts an operation as under way until dropped.
struct UnderWay<'g>(&'g AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gateway {
    pub(crate) fn new(known: Known, bug: Option<Bug>, timeout: Duration) -> Self {
        Self {
            known,
            bug,
            timeout,
            stamps: Stamps::default(),
            under_way: AtomicUsize::new(0),
            lanes: Mutex::default(),
        }
    }

    /// Carries out a client's operation.
    pub(crate) async fn execute(self: &Arc<Self>, operation: Operation) -> Answer {
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= OPERATIONS_MAX {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return Answer::Refused(WhyRefused::Overloaded);
        }
        let _under_way = UnderWay(&self.under_way);
        if matches!(operation, Operation::Write { .. }) && self.stamps.wants_session() {
            let gateway = Arc::clone(self);
            tokio::spawn(async move { gateway.register().await });
        }
        self.try_until_answered(operation).await
    }

    /// Carries out operations that other nodes have passed on; answers them in the
    /// same order.
    pub(crate) async fn execute_passed_on(&self, passed: Vec<Passed>) -> Vec<Answer> {
        let now = Instant::now();
        // All are handed in before the first is waited for, so that they share syncs.
        let waiting: Vec<_> = passed
            .into_iter()
            .map(|Passed { operation, budget }| {
                let is_read = matches!(operation, Operation::Read { .. });
                (self.hand_in(operation, now + budget.min(self.timeout)), is_read)
            })
            .collect();
        let mut answers = Vec::with_capacity(waiting.len());
        for (answer, is_read) in waiting {
            answers.push(match answer {
                Ok(answer) => answer.await.unwrap_or_else(|_| driver_failed(is_read)),
                Err(why) => Answer::Refused(why),
            });
        }
        answers
    }

    /// Registers a session for this node's writes.
    async fn register(&self) {
        let operation = Operation::Write { command: Command::RegisterSession };
        let session = match self.try_until_answered(operation).await {
            Answer::Applied(Outcome::Registered(session)) => Some(session),
            _ => None,
        };
        self.stamps.registered(session);
    }

    /// Asks one leader after the other until one answers or the time is up.
    async fn try_until_answered(&self, operation: Operation) -> Answer {
        let deadline = Instant::now() + self.timeout;
        let mut tries = Tries::new(operation);
        let mut news = self.known.leader.clone();
        loop {
            news.mark_unchanged();
            let attempt = match self.ask(tries.next(&self.stamps), deadline).await {
                Some(attempt) => attempt,
                None => Attempt::Refused(WhyRefused::NoLeader),
            };
            let nobody_leads = matches!(attempt, Attempt::Refused(WhyRefused::NoLeader));
            if let Some(answer) = tries.learn(attempt, &self.stamps) {
                return answer;
            }
            if self.known.inputs.is_closed() {
                return tries.time_is_up();
            }
            let wait = async {
                if nobody_leads {
                    // Without news there is nobody to ask; if the driver is gone,
                    // there never will be.
                    news.wait_for(Option::is_some).await.map(|_| ())
                } else {
                    let _ = tokio::time::timeout(PAUSE, news.changed()).await;
                    Ok(())
                }
            };
            match tokio::time::timeout_at(deadline.into(), wait).await {
                Ok(Ok(())) if Instant::now() < deadline => {}
                Ok(_) | Err(_) => return tries.time_is_up(),
            }
        }
    }

    /// Makes one attempt, if there is somebody to ask.
    async fn ask(&self, operation: Operation, deadline: Instant) -> Option<Attempt> {
        let (role, leader) = {
            let status = self.known.status.borrow();
            (status.role, status.leader)
        };
        let is_read = matches!(operation, Operation::Read { .. });
        let anyone_reads = is_read && self.bug == Some(Bug::FollowerRead);
        if role == Role::Leader || anyone_reads {
            return Some(match self.hand_in(operation, deadline) {
                Ok(answer) => {
                    Attempt::from(answer.await.unwrap_or_else(|_| driver_failed(is_read)))
                }
                Err(why) => Attempt::Refused(why),
            });
        }
        let leader = leader?;
        let Some(lanes) = self.lanes_to(leader) else {
            return Some(Attempt::Refused(WhyRefused::NoAddress));
        };
        let lane = if is_read { lanes.reads } else { lanes.writes };
        Some(match lane.hand(operation, deadline).await {
            Handed::Answered(answer) => Attempt::from(answer),
            Handed::NotSent => Attempt::Refused(WhyRefused::Unreachable),
            Handed::Lost if is_read => Attempt::Refused(WhyRefused::ReadLost),
            Handed::Lost => Attempt::Unknown(WhyUnknown::LeaderLost),
        })
    }

    /// Gives the driver an operation that this node has to answer itself.
    fn hand_in(
        &self,
        operation: Operation,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Answer>, WhyRefused> {
        if self.known.inputs.capacity() < INPUTS_RESERVED && !self.known.inputs.is_closed() {
            return Err(WhyRefused::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        self.known
            .inputs
            .try_send(Input::Operation { operation, deadline, reply })
            .map(|()| answer)
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => WhyRefused::Overloaded,
                mpsc::error::TrySendError::Closed(_) => WhyRefused::ShuttingDown,
            })
    }

    /// Returns the lanes to a peer, if its address is known.
    fn lanes_to(&self, peer: NodeId) -> Option<Lanes> {
        let address = *self.known.addresses.borrow().get(&peer)?;
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lanes) = lanes.get(&peer).filter(|lanes| lanes.address == address) {
            return Some(lanes.clone());
        }
        let start = || Lane::start(peer, address, self.known.leader.clone());
        let started = Lanes { address, reads: start(), writes: start() };
        lanes.insert(peer, started.clone());
        Some(started)
    }
}

/// The driver died, and with it what it knew about the operation.
fn driver_failed(is_read: bool) -> Answer {
    if is_read { Answer::Refused(WhyRefused::Failed) } else { Answer::Unknown(WhyUnknown::Failed) }
}

impl From<Answer> for Attempt {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Refused(why) => Self::Refused(why),
            Answer::Unknown(why) => Self::Unknown(why),
            Answer::Found(_) | Answer::Missing | Answer::Applied(_) => Self::Final(answer),
        }
    }
}

/// One operation and what its attempts have come to so far.
struct Tries {
    operation: Operation,
    stamped: Option<Stamped>,
    /// Whether this node may stamp it, as nobody else has.
    may_stamp: bool,
    refused: WhyRefused,
    /// Why an attempt may have had an effect, if one may.
    doubt: Option<WhyUnknown>,
}

impl Tries {
    fn new(operation: Operation) -> Self {
        let may_stamp = matches!(operation, Operation::Write { command: Command::Plain(_) });
        let refused = WhyRefused::NoLeader;
        Self { operation, stamped: None, may_stamp, refused, doubt: None }
    }

    /// Returns the operation as it is to be tried next.
    fn next(&mut self, stamps: &Stamps) -> Operation {
        if self.may_stamp && self.stamped.is_none() {
            self.stamped = stamps.stamp();
        }
        match (&self.operation, &self.stamped) {
            (Operation::Write { command: Command::Plain(action) }, Some(stamped)) => {
                let command = Command::Stamped(stamped.stamp(), action.clone());
                Operation::Write { command }
            }
            (operation, _) => operation.clone(),
        }
    }

    /// Takes in what an attempt came to; returns what the client is told, unless
    /// the operation is to be tried again.
    fn learn(&mut self, attempt: Attempt, stamps: &Stamps) -> Option<Answer> {
        match attempt {
            Attempt::Final(Answer::Applied(outcome)) => self.learn_outcome(outcome, stamps),
            Attempt::Final(answer) => Some(answer),
            Attempt::Refused(why) => {
                self.refused = why;
                (!why.may_pass()).then(|| self.time_is_up())
            }
            Attempt::Unknown(why) => {
                self.doubt = Some(why);
                (!self.is_repeatable()).then_some(Answer::Unknown(why))
            }
        }
    }

    fn learn_outcome(&mut self, outcome: Outcome, stamps: &Stamps) -> Option<Answer> {
        // What a client's own session is told is for the client to know.
        let own = self.stamped.as_ref().map(|stamped| stamped.stamp().session);
        match (&outcome, own) {
            // This attempt was not applied, but one before it may have been.
            (Outcome::SessionUnknown | Outcome::Refused(Refusal::SessionFull), _)
                if self.doubt.is_some() =>
            {
                Some(Answer::Unknown(WhyUnknown::OutcomeLost))
            }
            (Outcome::SessionUnknown, Some(session)) => {
                stamps.lost(session);
                self.stamped = None;
                None
            }
            (Outcome::OutcomeForgotten, Some(_)) => Some(Answer::Unknown(WhyUnknown::OutcomeLost)),
            (Outcome::Refused(Refusal::SessionFull), Some(_)) => {
                self.stamped = None;
                self.may_stamp = false;
                None
            }
            _ => Some(Answer::Applied(outcome)),
        }
    }

    /// Returns whether the operation may be tried again although it may have had
    /// an effect.
    fn is_repeatable(&self) -> bool {
        match &self.operation {
            Operation::Read { .. } => true,
            // A session more than needed makes room for others when it is old.
            Operation::Write { command: Command::RegisterSession | Command::Stamped(..) } => true,
            Operation::Write { command: Command::Plain(_) } => self.stamped.is_some(),
        }
    }

    /// Returns what the client is told if there is no attempt any more.
    fn time_is_up(&self) -> Answer {
        match self.doubt {
            Some(why) => Answer::Unknown(why),
            None => Answer::Refused(self.refused),
        }
    }
}
