//! What gives the protocol time, disk, network and a state machine.
//!
//! One task owns the Raft core and the map; nothing else touches them. It takes
//! in whatever has come since it last looked (messages, operations, finished
//! writes, ticks), then does what the core wants done, once for all of it.
//! Around it, each waiting for one thing so that the task never does:
//!
//! - a thread that writes and syncs (`disk`),
//! - a task for each peer that sends (`peers`),
//! - the HTTP handlers, which hand in [`Input`]s and wait for an [`Answer`].

mod addresses;
mod administer;
mod answer;
mod disk;
mod gateway;
mod line;
mod orders;
mod peers;
mod pending;
mod snapshots;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

pub(crate) use self::addresses::{AddressBook, Addresses};
use self::administer::Administration;
pub use self::answer::{Answer, Operation, Passed, WhyRefused, WhyUnknown};
use self::disk::{Disk, DiskEvent};
pub(crate) use self::gateway::{Gateway, Known};
pub(crate) use self::orders::{Order, OrderAnswer, Report};
pub(crate) use self::peers::Peers;
use self::pending::{Pending, Waiting};
pub(crate) use self::snapshots::SnapshotPolicy;
use self::snapshots::Snapshots;
use crate::bugs::Bug;
use crate::machine::{Command, Key, Machine, Prepared, RestoreError};
use crate::metrics::Metrics;
use crate::raft::{
    Apply, Change, CommittedConflict, Entry, LogIndex, Membership, Message, NodeId, Payload,
    ProposeRefused, Raft, Ready, Role, Status, Write,
};
use crate::storage::{Piece, Saved, Storage, StorageError};

/// The unit of the protocol's time.
pub(crate) const TICK_MS: u64 = 10;

/// How often operations past their deadline are looked for.
const EXPIRE_TICKS: u64 = 5;

/// How long a leader that is told to stop waits for another to take over.
const HANDOVER_TIMEOUT: Duration = Duration::from_millis(300);

/// Inputs taken in before the core is asked what to do.
const INPUTS_MAX: usize = 256;

/// The longest piece of a snapshot sent to a follower in one message, in bytes.
pub(crate) const PIECE_BYTES_MAX: usize = 1 << 20;

/// Something for the driver to take in.
#[derive(Debug)]
pub(crate) enum Input {
    /// Messages from one peer.
    Messages(Vec<Message>),
    /// An operation of a client; the answer always comes, unless the node dies.
    Operation { operation: Operation, deadline: Instant, reply: oneshot::Sender<Answer> },
    /// An administrator's order; the answer always comes, unless the node dies.
    Order { order: Order, reply: oneshot::Sender<OrderAnswer> },
    /// A question for everything the node knows about itself.
    Report { reply: oneshot::Sender<Report> },
}

/// Why a node had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The cluster has lost something it had committed.
    #[error(transparent)]
    Protocol(#[from] CommittedConflict),
    /// A command cannot be read, which means that a peer runs another version.
    #[error("apply the entry at index {index}: its command is of an unknown form")]
    Command {
        /// Where the command stands.
        index: LogIndex,
        /// Why it cannot be read.
        source: postcard::Error,
    },
    /// A snapshot that came from the leader cannot be read, which means that it
    /// runs another version.
    #[error("install the leader's snapshot")]
    Restore(#[from] RestoreError),
}

/// What the driver lets others see.
pub(crate) struct Published {
    pub(crate) status: watch::Sender<Status>,
    /// The leader alone, for those who only care when it changes.
    pub(crate) leader: watch::Sender<Option<NodeId>>,
    pub(crate) addresses: watch::Sender<Addresses>,
    pub(crate) metrics: Arc<Metrics>,
}

/// What a driver is made of.
pub(crate) struct Parts {
    pub(crate) raft: Raft,
    /// As of the snapshot the core starts from.
    pub(crate) machine: Machine,
    pub(crate) storage: Storage,
    pub(crate) peers: Peers,
    pub(crate) book: AddressBook,
    pub(crate) policy: SnapshotPolicy,
    pub(crate) inputs: mpsc::Receiver<Input>,
}

/// The owner of the core and the map.
pub(crate) struct Driver {
    raft: Raft,
    machine: Machine,
    disk: Disk,
    peers: Peers,
    book: AddressBook,
    /// The membership as it was when addresses were last published.
    membership: Membership,
    pending: Pending,
    snapshots: Snapshots,
    administration: Administration,
    /// Messages that wait for a write, oldest first.
    held_back: VecDeque<(u64, Vec<Message>)>,
    inputs: mpsc::Receiver<Input>,
    published: Published,
    started: Instant,
}

impl Driver {
    /// Starts the threads of the disk and the tasks that reach peers.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn new(parts: Parts, published: Published) -> Result<Self, StorageError> {
        let Parts { raft, machine, storage, peers, book, policy, inputs } = parts;
        let mut driver = Self {
            machine,
            membership: raft.membership().clone(),
            raft,
            disk: Disk::start(storage, &published.metrics)?,
            peers,
            book,
            pending: Pending::new(Arc::clone(&published.metrics)),
            snapshots: Snapshots::new(policy),
            administration: Administration::default(),
            held_back: VecDeque::new(),
            inputs,
            published,
            started: Instant::now(),
        };
        driver.publish_addresses();
        Ok(driver)
    }

    /// Runs until `shutdown` completes, then syncs what is under way and answers
    /// whoever waits.
    ///
    /// # Errors
    /// The node cannot go on safely; whoever waits gets no answer.
    pub(crate) async fn run(
        mut self,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), DriverError> {
        tokio::pin!(shutdown);
        let mut ticker = tokio::time::interval(Duration::from_millis(TICK_MS));
        // After a pause, time missed is not made up for in one burst: the node
        // should first hear what happened meanwhile.
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0_u64;
        let mut stop_at = None;
        let mut batch = Vec::with_capacity(INPUTS_MAX);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown, if stop_at.is_none() => {
                    if !self.hand_over() {
                        break;
                    }
                    stop_at = Some(tokio::time::Instant::now() + HANDOVER_TIMEOUT);
                }
                () = reached(stop_at) => break,
                event = self.disk.next() => self.take_in_event(event?),
                _ = ticker.tick() => {
                    ticks += 1;
                    self.tell_time();
                    self.raft.tick();
                    if ticks.is_multiple_of(EXPIRE_TICKS) {
                        self.pending.expire(Instant::now());
                    }
                }
                count = self.inputs.recv_many(&mut batch, INPUTS_MAX) => {
                    if count == 0 {
                        break;
                    }
                    self.tell_time();
                    for input in batch.drain(..) {
                        self.take_in(input)?;
                    }
                }
            }
            self.act()?;
            if stop_at.is_some() && self.raft.role() != Role::Leader {
                break;
            }
        }
        self.inputs.close();
        self.pending.abandon();
        self.snapshots.abandon();
        self.administration.abandon();
        while let Some(input) = self.inputs.recv().await {
            refuse_for_good(input);
        }
        Ok(self.disk.finish().await?)
    }

    /// Tells the core the time, after what it is about to take in has come.
    fn tell_time(&mut self) {
        let since = match self.raft.bug() {
            // The bug goes by a clock that all nodes of a machine share.
            Some(Bug::FixedElectionTimeout) => UNIX_EPOCH.elapsed().unwrap_or_default(),
            _ => self.started.elapsed(),
        };
        self.raft.set_time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    }

    fn take_in(&mut self, input: Input) -> Result<(), DriverError> {
        match input {
            Input::Messages(messages) => {
                self.published.metrics.messages_received.count(&messages);
                for message in messages {
                    self.raft.step(message)?;
                }
            }
            Input::Operation { operation, deadline, reply } => {
                let waiting = Waiting { reply, since: Instant::now(), deadline };
                match operation {
                    Operation::Read { key } => self.read(key, waiting),
                    Operation::Write { command } => self.propose(command, waiting),
                }
            }
            Input::Order { order, reply } => self.carry_out(order, reply),
            Input::Report { reply } => {
                // Whoever asked may have gone; then nobody needs the answer.
                let _ = reply.send(self.report());
            }
        }
        Ok(())
    }

    fn read(&mut self, key: Key, waiting: Waiting) {
        let id = self.pending.next_read();
        match self.raft.read(id) {
            Ok(()) => self.pending.await_read(id, key, waiting),
            Err(_) => waiting.answer(Answer::Refused(WhyRefused::NotLeader)),
        }
    }

    fn propose(&mut self, command: Command, waiting: Waiting) {
        match self.machine.prepare(command) {
            Prepared::Propose(command) => match self.raft.propose(command.encode()) {
                Ok(position) => self.pending.await_commit(position, waiting),
                Err(ProposeRefused::Full { .. }) => {
                    waiting.answer(Answer::Refused(WhyRefused::Overloaded));
                }
                Err(ProposeRefused::HandingOver(_)) => {
                    waiting.answer(Answer::Refused(WhyRefused::Transferring));
                }
                Err(_) => waiting.answer(Answer::Refused(WhyRefused::NotLeader)),
            },
            Prepared::Known(outcome) => waiting.answer(Answer::Applied(outcome)),
        }
    }

    fn carry_out(&mut self, order: Order, reply: oneshot::Sender<OrderAnswer>) {
        match order {
            Order::Snapshot => self.snapshots.order(reply),
            Order::AddLearner { id, address } => {
                self.change(Change::AddLearner { id, address: address.to_string() }, reply);
            }
            Order::Promote { id } => self.change(Change::Promote(id), reply),
            Order::Remove { id } => self.change(Change::Remove(id), reply),
            Order::Transfer { to } => match self.raft.transfer(to) {
                Ok(()) => self.administration.await_transfer(reply),
                Err(why) => administer::answer(reply, OrderAnswer::Refused(why.to_string())),
            },
        }
    }

    fn change(&mut self, change: Change, reply: oneshot::Sender<OrderAnswer>) {
        match self.raft.propose_membership(change) {
            Ok(position) => self.administration.await_change(position, reply),
            Err(why) => administer::answer(reply, OrderAnswer::Refused(why.to_string())),
        }
    }

    /// Begins to hand the lead to the voter that has most of the log; returns
    /// whether there is a lead to hand over and somebody to take it.
    fn hand_over(&mut self) -> bool {
        let voters = self.raft.followers().into_iter();
        let voters = voters.filter(|&(id, _)| self.raft.membership().is_voter(id));
        let Some((successor, _)) = voters.max_by_key(|&(_, matched)| matched) else {
            return false;
        };
        let begun = self.raft.transfer(successor);
        if begun.is_ok() {
            tracing::info!(%successor, "hands over the lead");
        }
        begun.is_ok()
    }

    fn take_in_event(&mut self, event: DiskEvent) {
        match event {
            DiskEvent::Written(number) => self.written(number),
            DiskEvent::PieceRead { order, piece: Some(Piece { meta, total, data }) } => {
                self.raft.send_chunk(order, &meta, data, total);
            }
            // The core orders again, of the snapshot there is then.
            DiskEvent::PieceRead { piece: None, .. } => {}
            DiskEvent::SnapshotSaved { meta, saved } => {
                if saved == Saved::Newest {
                    tracing::info!(last = %meta.last, "took a snapshot");
                    self.disk.compact(meta.last.index);
                    self.raft.compact(meta);
                }
                self.snapshots.saved(self.raft.newest_snapshot().last.index);
            }
        }
    }

    fn written(&mut self, number: u64) {
        self.raft.written(number);
        while let Some((_, messages)) = self.held_back.pop_front_if(|(held, _)| *held <= number) {
            self.send(messages);
        }
    }

    fn send(&self, messages: Vec<Message>) {
        self.published.metrics.messages_sent.count(&messages);
        self.peers.send(messages);
    }

    /// Reaches those who may have to be talked to, and lets others know where.
    fn publish_addresses(&mut self) {
        let addresses = self.book.of(&self.membership);
        self.peers.update(&addresses);
        self.published.addresses.send_replace(addresses);
    }

    fn report(&self) -> Report {
        Report {
            status: self.raft.status(),
            membership: self.raft.membership().clone(),
            first_index: self.raft.first_index(),
            snapshot_index: self.raft.newest_snapshot().last.index,
            digest: self.machine.digest(),
            keys: self.machine.keys(),
            sessions: self.machine.sessions(),
            followers: self.raft.followers(),
        }
    }

    /// Does what the core wants done.
    fn act(&mut self) -> Result<(), DriverError> {
        while let Some(ready) = self.raft.ready() {
            let Ready { messages, write, apply, reads, refused_reads, chunks } = ready;
            // Followers get the entries while the disk still writes them.
            self.send(messages);
            if let Some(Write { number, hard_state, snapshot, entries, messages }) = write {
                self.disk.write(number, hard_state, snapshot, entries);
                self.held_back.push_back((number, messages));
            }
            let entries = match apply {
                Apply::Onwards(entries) => entries,
                Apply::Restore(snapshot, entries) => {
                    let last = snapshot.meta.last;
                    tracing::info!(%last, bytes = snapshot.data.len(), "installs a snapshot");
                    self.machine = Machine::restore(&snapshot.data, self.raft.bug())?;
                    self.pending.restored(last.index);
                    self.administration.restored(last.index);
                    self.snapshots.restored();
                    entries
                }
            };
            for entry in entries {
                self.apply(entry)?;
            }
            for order in chunks {
                self.disk.read_piece(order, PIECE_BYTES_MAX);
            }
            for read in reads {
                self.pending.answer_read(read.id, &self.machine);
            }
            for id in refused_reads {
                self.pending.refuse_read(id);
            }
        }
        if self.snapshots.is_due(self.raft.sends_snapshot()) {
            self.take_snapshot();
        }
        self.pending.publish();
        if *self.raft.membership() != self.membership {
            self.membership = self.raft.membership().clone();
            self.publish_addresses();
        }
        let before = self.publish_status();
        let term = self.raft.status().term;
        let lost = if before.term != term {
            // After applying: what came with the news of the term may decide a write.
            Some(term)
        } else if before.role == Role::Leader && self.raft.role() != Role::Leader {
            // It stepped down within its term: nobody listened any more.
            Some(term.next())
        } else {
            None
        };
        if let Some(term) = lost {
            self.pending.term_began(term);
            self.administration.term_began(term);
        }
        self.administration.see_to_transfer(&self.raft);
        Ok(())
    }

    /// Begins a snapshot of everything applied; the rest is done on another thread.
    fn take_snapshot(&mut self) {
        let meta = self.raft.snapshot_meta();
        let frozen = self.machine.freeze();
        self.disk.save_snapshot(meta, move |file| frozen.write_to(file));
        self.snapshots.begun();
    }

    fn apply(&mut self, entry: Entry) -> Result<(), DriverError> {
        let index = entry.position.index;
        self.snapshots.applied(entry.payload.len_bytes());
        let outcome = match entry.payload {
            Payload::Noop | Payload::Membership(_) => None,
            Payload::Command(bytes) => {
                let command = Command::decode(&bytes)
                    .map_err(|source| DriverError::Command { index, source })?;
                Some(self.machine.apply(index, command))
            }
        };
        self.pending.applied(entry.position, outcome);
        self.administration.applied(entry.position);
        Ok(())
    }

    /// Tells whoever watches; returns the status before.
    fn publish_status(&self) -> Status {
        let now = self.raft.status();
        let before = self.published.status.send_replace(now);
        if before.leader != now.leader {
            self.published.leader.send_replace(now.leader);
        }
        if (before.role, before.term) != (now.role, now.term) {
            self.published.metrics.role_changed(before, now);
            match now.role {
                Role::Leader => tracing::info!(term = now.term.0, "leads"),
                Role::PreCandidate => {
                    tracing::info!(term = now.term.0, "asks who would vote for it");
                }
                Role::Candidate => tracing::info!(term = now.term.0, "stands for election"),
                Role::Follower => tracing::info!(term = now.term.0, "follows"),
            }
        }
        if let Some(leader) = now.leader
            && before.leader != now.leader
            && now.role == Role::Follower
        {
            tracing::info!(term = now.term.0, %leader, "has a leader");
        }
        if now.last_index < before.last_index {
            tracing::info!(
                from = before.last_index.0,
                to = now.last_index.0,
                "dropped entries that the leader does not have"
            );
        }
        before
    }
}

/// Waits until a time, or for ever if there is none.
async fn reached(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Answers what came when the node had stopped.
fn refuse_for_good(input: Input) {
    // Whoever asked may have gone; then nobody needs the answer.
    match input {
        Input::Operation { reply, .. } => {
            let _ = reply.send(Answer::Refused(WhyRefused::ShuttingDown));
        }
        Input::Order { reply, .. } => {
            let _ = reply.send(OrderAnswer::Refused(WhyRefused::ShuttingDown.to_string()));
        }
        Input::Messages(_) | Input::Report { .. } => {}
    }
}
