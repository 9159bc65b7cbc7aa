//! What nodes do: the simulated counterpart of the driver.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use squall_node::bugs::Bug;
use squall_node::machine::{Command, Json, Machine, Prepared};
use squall_node::raft::{
    Apply, ChunkOrder, Config, LogIndex, Message, NodeId, Payload, ProposeRefused, Raft, ReadId,
    Ready, Role, Snapshot, Write,
};

use super::client::Attempt;
use super::course::{Event, Life, Simulation};
use super::disk::{Crash, Left};
use super::plan::{ELECTION_TICKS, HEARTBEAT_TICKS, TICK_US};
use super::promises::{Broken, Shadow};
use super::server::{Answer, Caller, Process, Waiting};

/// Returns the state machine that a snapshot holds; an empty one for none.
fn restored(snapshot: &Snapshot, bug: Option<Bug>) -> Machine {
    if snapshot.meta.last.index == LogIndex::ZERO {
        return Machine::new(bug);
    }
    Machine::restore(&snapshot.data, bug).expect("a snapshot is what some machine wrote")
}

impl Process {
    /// Takes in what a client asks for; returns the answer if it is known at once.
    fn take_in(&mut self, attempt: &Attempt) -> Option<Answer> {
        let caller = attempt.caller;
        let proposed = match attempt.errand.command() {
            None => {
                let id = ReadId(caller.attempt.0);
                let object = attempt.errand.object()?;
                let queued = self.raft.read(id).map_err(|refused| refused.leader);
                queued.map(|()| self.waiting.for_read(id, caller, object))
            }
            Some(command) => match self.machine.prepare(command) {
                Prepared::Known(outcome) if self.leads().is_some() => {
                    return Some(Answer::Applied(outcome));
                }
                Prepared::Known(_) => return Some(Answer::Refused(None)),
                Prepared::Propose(command) => {
                    let proposed = self.raft.propose(command.encode());
                    let proposed = proposed.map_err(|refused| match refused {
                        ProposeRefused::NotLeader(refused) => refused.leader,
                        _ => None,
                    });
                    proposed.map(|position| self.waiting.for_commit(position, caller))
                }
            },
        };
        proposed.err().map(Answer::Refused)
    }
}

impl Simulation {
    /// Starts a node from its disk, unless it is up.
    pub(crate) fn start(&mut self, id: NodeId) -> Result<(), Broken> {
        if self.server(id).process.is_some() {
            return Ok(());
        }
        let config = Config {
            id,
            members: self.first_members(id),
            heartbeat_ticks: HEARTBEAT_TICKS,
            election_ticks: ELECTION_TICKS,
            tick_ms: TICK_US / 1_000,
            elections: self.plan.elections,
            append_bytes_max: 1_000,
            append_entries_max: self.plan.append_entries_max,
            uncommitted_bytes_max: 1 << 20,
            kept_entries: self.plan.kept_entries,
            chunk_bytes_max: self.plan.chunk_bytes_max,
            snapshot_bytes_max: 1 << 20,
            reads: self.plan.reads,
            bug: self.plan.bug,
        };
        let bug = self.plan.bug;
        let rng = ChaCha8Rng::seed_from_u64(self.rng.random());
        let phase = self.rng.random_range(0..TICK_US);
        let server = self.server(id);
        server.lives += 1;
        let life = Life { node: id, number: server.lives };
        let (persisted, snapshot) = server.disk.read();
        let base = persisted.snapshot.last;
        let positions = persisted.entries.iter().map(|entry| entry.position).collect();
        let entries = persisted.entries.clone();
        let raft = Raft::new(config, persisted, rng);
        server.process = Some(Process {
            seen: (raft.status().term, Role::Follower),
            raft,
            machine: restored(&snapshot, bug),
            saving: None,
            waiting: Waiting::default(),
            log: Shadow::new(base, positions),
            stopped: None,
        });
        self.trace.note(self.schedule.now(), ("start", life), || format!("{id} starts"));
        self.schedule.plan(phase, Event::Tick(life));
        self.promises.stored(id, base, &entries)?;
        self.judge_restored(id, base.index)?;
        self.act(id)
    }

    /// Lets a node go down, if it is up.
    pub(crate) fn crash(&mut self, id: NodeId, crash: Crash) {
        let server = self.servers.get_mut(&id).expect("a node that was made");
        let Some(mut process) = server.process.take() else { return };
        if let Some(snapshot) = process.saving.take()
            && self.rng.random_bool(0.5)
        {
            // It got there, and nobody was told.
            server.disk.keep_snapshot(snapshot);
        }
        let left = server.disk.crash(crash, &mut self.rng);
        self.totals.crashes += 1;
        self.totals.torn += u64::from(left == Left::Torn);
        self.trace.note(self.schedule.now(), ("crash", id), || {
            format!("{id} goes down: {crash:?}, writes {left:?}")
        });
        self.answer(process.waiting.abandon());
    }

    /// Stops a node's process for a while.
    pub(crate) fn pause(&mut self, id: NodeId) {
        let now = self.schedule.now();
        let Some(process) = &mut self.server(id).process else { return };
        process.stopped.get_or_insert_default();
        self.totals.pauses += 1;
        self.trace.note(now, ("pause", id), || format!("{id} is stopped"));
    }

    /// Lets a stopped node go on with what has come meanwhile.
    pub(crate) fn resume(&mut self, id: NodeId) -> Result<(), Broken> {
        let now = self.schedule.now();
        let Some(process) = &mut self.server(id).process else { return Ok(()) };
        let Some(backlog) = process.stopped.take() else { return Ok(()) };
        self.trace.note(now, ("resume", id), || format!("{id} goes on"));
        backlog.into_iter().try_for_each(|event| self.handle(event))
    }

    /// Returns the running process of this life, told the time. An event for one
    /// that is stopped waits in its queue.
    fn awake(&mut self, life: Life, event: impl FnOnce() -> Event) -> Option<&mut Process> {
        let now = self.schedule.now();
        let server = self.server(life.node);
        if server.lives != life.number {
            return None;
        }
        let now_ms = server.clock.local_ms(now);
        let process = server.process.as_mut()?;
        if let Some(queue) = &mut process.stopped {
            queue.push(event());
            return None;
        }
        process.raft.set_time(now_ms);
        Some(process)
    }

    fn life(&mut self, node: NodeId) -> Life {
        Life { node, number: self.server(node).lives }
    }

    pub(crate) fn tick(&mut self, life: Life) -> Result<(), Broken> {
        let Some(process) = self.awake(life, || Event::Tick(life)) else { return Ok(()) };
        process.raft.tick();
        let next = self.server(life.node).clock.real_us(TICK_US);
        self.schedule.plan(next, Event::Tick(life));
        self.act(life.node)
    }

    pub(crate) fn deliver(&mut self, message: Message) -> Result<(), Broken> {
        let (from, to) = (message.from, message.to);
        if self.network.is_cut(from, to) {
            if self.rng.random_range(0..100) < self.network.quality.retained_percent {
                let later = self.rng.random_range(20_000..200_000);
                self.schedule.plan(later, Event::Deliver(message));
            } else {
                self.totals.lost += 1;
            }
            return Ok(());
        }
        let life = self.life(to);
        let now = self.schedule.now();
        if self.awake(life, || Event::Deliver(message.clone())).is_none() {
            return Ok(());
        }
        self.trace.note(now, (from, to, message.term), || {
            format!("{from} -> {to} term {}: {:?}", message.term, message.body)
        });
        let Some(process) = &mut self.server(to).process else { return Ok(()) };
        if process.raft.step(message).is_err() {
            self.crash(to, Crash::Kill);
            self.promises.broken(Broken::CommittedConflict(to))?;
        }
        self.act(to)
    }

    pub(crate) fn written(&mut self, life: Life) -> Result<(), Broken> {
        let id = life.node;
        if self.awake(life, || Event::Written(life)).is_none() {
            return Ok(());
        }
        let server = self.server(id);
        let finished = server.disk.finish();
        let begins = server.disk.begin();
        if let Some(process) = &mut server.process {
            process.raft.written(finished.number);
        }
        self.trace.note(self.schedule.now(), ("written", id, finished.number), || {
            format!("{id} has written {}", finished.number)
        });
        for (prev, entries) in finished.stored {
            if let Some(prev) = prev {
                self.promises.stored(id, prev, &entries)?;
            }
        }
        if begins {
            self.plan_write(life);
        }
        self.send(finished.messages);
        self.act(id)
    }

    fn plan_write(&mut self, life: Life) {
        let slowness = self.server(life.node).disk_slowness;
        let takes = self.rng.random_range(self.plan.write_us.clone()) * slowness;
        self.schedule.plan(takes, Event::Written(life));
    }

    /// Takes in what a client asks for.
    pub(crate) fn arrive(&mut self, attempt: Attempt) -> Result<(), Broken> {
        let (caller, to) = (attempt.caller, attempt.to);
        let life = self.life(to);
        if self.server(to).process.is_none() {
            self.answer(vec![(caller, Answer::Refused(None))]);
            return Ok(());
        }
        let Some(process) = self.awake(life, || Event::Arrive(attempt)) else {
            return Ok(());
        };
        let answer = process.take_in(&attempt);
        self.trace.note(self.schedule.now(), ("arrive", to, caller.attempt.0), || {
            let Attempt { caller, to, errand } = attempt;
            let answer = answer.as_ref().map_or_else(|| "waits".to_owned(), |a| format!("{a:?}"));
            format!("{:?} at {to}: {errand:?}: {answer}", caller.client)
        });
        self.answer(answer.map(|answer| (caller, answer)).into_iter().collect());
        self.act(to)
    }

    /// Does what a core wants done, and judges it.
    pub(crate) fn act(&mut self, id: NodeId) -> Result<(), Broken> {
        while let Some(process) = &mut self.server(id).process
            && let Some(ready) = process.raft.ready()
        {
            let Ready { messages, write, apply, reads, refused_reads, chunks } = ready;
            self.send(messages);
            if let Some(write) = write {
                self.write(id, write);
            }
            self.judge_lead(id)?;
            self.apply(id, apply)?;
            let Some(process) = &mut self.server(id).process else { return Ok(()) };
            let mut answers = Vec::new();
            for read in reads {
                if let Some((caller, object)) = process.waiting.take_read(read.id) {
                    let held = process.machine.get(&object.key());
                    let found = held.map_or_else(Json::null, |held| held.value.clone());
                    answers.push((caller, Answer::Found(found)));
                }
            }
            for read in refused_reads {
                let caller = process.waiting.take_read(read);
                answers.extend(caller.map(|(caller, _)| (caller, Answer::Refused(None))));
            }
            self.answer(answers);
            self.send_chunks(id, chunks);
        }
        self.consider_snapshot(id);
        self.judge_lead(id)?;
        let Some(process) = &mut self.server(id).process else { return Ok(()) };
        let leads = process.leads();
        let answers = process.waiting.lead_lost(leads);
        self.answer(answers);
        Ok(())
    }

    fn write(&mut self, id: NodeId, write: Write) {
        let server = self.server(id);
        let life = Life { node: id, number: server.lives };
        if let Some(process) = &mut server.process {
            if let Some(install) = &write.snapshot {
                process.log.install(install.snapshot.meta.last);
            }
            process.log.put(&write.entries);
        }
        if server.disk.write(write) {
            self.plan_write(life);
        }
    }

    fn apply(&mut self, id: NodeId, apply: Apply) -> Result<(), Broken> {
        let entries = match apply {
            Apply::Onwards(entries) => entries,
            Apply::Restore(snapshot, entries) => {
                self.restore(id, &snapshot)?;
                entries
            }
        };
        let Some(process) = self.servers.get_mut(&id).and_then(|server| server.process.as_mut())
        else {
            return Ok(());
        };
        let term = process.raft.status().term;
        let mut answers = Vec::new();
        for entry in entries {
            let index = entry.position.index;
            let outcome = match &entry.payload {
                Payload::Noop | Payload::Membership(_) => None,
                Payload::Command(bytes) => {
                    let command = Command::decode(bytes).expect("the log holds what was encoded");
                    Some(process.machine.apply(index, command))
                }
            };
            self.promises.applied(id, &entry, term, process.machine.digest())?;
            answers.extend(process.waiting.applied(entry.position, outcome));
        }
        self.answer(answers);
        Ok(())
    }

    /// Puts a snapshot from the leader in the place of the state machine.
    fn restore(&mut self, id: NodeId, snapshot: &Snapshot) -> Result<(), Broken> {
        let last = snapshot.meta.last;
        let bug = self.plan.bug;
        self.totals.installed += 1;
        self.trace.note(self.schedule.now(), ("restore", id, last.index), || {
            format!("{id} restores the snapshot of {last}")
        });
        let Some(process) = &mut self.server(id).process else { return Ok(()) };
        process.machine = restored(snapshot, bug);
        // Which entries it covers, nobody can tell.
        let answers = process.waiting.lead_lost(None);
        self.answer(answers);
        self.judge_restored(id, last.index)
    }

    fn judge_restored(&mut self, id: NodeId, last: LogIndex) -> Result<(), Broken> {
        let Some(process) = &self.server(id).process else { return Ok(()) };
        let state = process.machine.digest();
        self.promises.restored(id, last, state)
    }

    /// Lets a node send pieces of its newest snapshot.
    fn send_chunks(&mut self, id: NodeId, chunks: Vec<ChunkOrder>) {
        let most = self.plan.chunk_bytes_max;
        let server = self.server(id);
        let Some(process) = &mut server.process else { return };
        for order in chunks {
            // One that is gone, or not yet there, cannot be sent.
            let Snapshot { meta, data } = server.disk.newest_snapshot();
            if meta.last == order.last {
                let begin = data.len().min(order.offset as usize);
                let piece = data[begin..data.len().min(begin + most)].to_vec();
                process.raft.send_chunk(order, meta, piece, data.len() as u64);
            }
        }
    }

    /// Lets a node take a snapshot, once enough was applied since the last.
    fn consider_snapshot(&mut self, id: NodeId) {
        let every = self.plan.snapshot_entries;
        let server = self.server(id);
        let life = Life { node: id, number: server.lives };
        let slowness = server.disk_slowness;
        let Some(process) = &mut server.process else { return };
        let newest = process.raft.newest_snapshot().last.index;
        let applied = process.raft.status().applied;
        if applied.0 < newest.0 + every || process.saving.is_some() || process.raft.sends_snapshot()
        {
            return;
        }
        let mut data = Vec::new();
        let frozen = process.machine.freeze();
        frozen.write_to(&mut data).expect("memory takes all that is written");
        process.saving = Some(Snapshot { meta: process.raft.snapshot_meta(), data: data.into() });
        let takes = self.rng.random_range(100..30_000) * slowness;
        self.schedule.plan(takes, Event::Saved(life));
    }

    /// Lets a node learn that its snapshot is durable.
    pub(crate) fn saved(&mut self, life: Life) -> Result<(), Broken> {
        let id = life.node;
        let Some(process) = self.awake(life, || Event::Saved(life)) else { return Ok(()) };
        let Some(snapshot) = process.saving.take() else { return Ok(()) };
        let meta = snapshot.meta.clone();
        self.server(id).disk.keep_snapshot(snapshot);
        self.totals.snapshots += 1;
        self.trace.note(self.schedule.now(), ("saved", id, meta.last.index), || {
            format!("{id} has a snapshot of {}", meta.last)
        });
        if let Some(process) = &mut self.server(id).process {
            process.raft.compact(meta);
        }
        self.act(id)
    }

    /// Judges a node that has become leader.
    fn judge_lead(&mut self, id: NodeId) -> Result<(), Broken> {
        let Some(process) = self.servers.get_mut(&id).and_then(|server| server.process.as_mut())
        else {
            return Ok(());
        };
        let status = process.raft.status();
        let now = (status.term, status.role);
        if std::mem::replace(&mut process.seen, now) == now {
            return Ok(());
        }
        self.trace.note(self.schedule.now(), ("role", id, status.term), || {
            format!("{id} is {} in term {}", status.role.as_str(), status.term)
        });
        if status.role == Role::Leader {
            self.promises.leads(id, status.term, &process.log)?;
        }
        Ok(())
    }

    fn send(&mut self, messages: Vec<Message>) {
        for message in messages {
            let delays = self.network.delays(&mut self.rng);
            self.totals.lost += u64::from(delays.is_empty());
            for delay in delays {
                self.schedule.plan(delay, Event::Deliver(message.clone()));
            }
        }
    }

    fn answer(&mut self, answers: Vec<(Caller, Answer)>) {
        for (caller, answer) in answers {
            let delay = self.client_delay();
            self.schedule.plan(delay, Event::Answered(caller, answer));
        }
    }
}
