//! The threads that wait for the disk, so that the driver never does.
//!
//! - `disk` owns the [`Storage`]: term, vote, log, received snapshots. Whatever
//!   gathers while a sync runs goes to disk together with the next one (group
//!   commit): the slower the disk, the more operations share a sync.
//! - `snapshots` saves the state machine's own snapshots, which may take seconds.
//! - `pieces` reads a snapshot for followers.
//!
//! All report through one queue. Jobs of one thread are done in the order in
//! which they are given; those of different threads in no particular one.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::metrics::Metrics;
use crate::raft::{ChunkOrder, Entry, HardState, Install, LogIndex, SnapshotMeta};
use crate::storage::{Piece, Saved, SnapshotStore, Storage, StorageError};

/// Commands gathered for one sync, in bytes; a single write may exceed it.
const GATHERED_BYTES_MAX: usize = 8 << 20;

/// What a thread has done.
#[derive(Debug)]
pub(super) enum DiskEvent {
    /// The writes up to this number are durable.
    Written(u64),
    /// A snapshot is durable, or was overtaken by one of the leader.
    SnapshotSaved { meta: SnapshotMeta, saved: Saved },
    /// A piece was read; none if the snapshot has been replaced meanwhile.
    PieceRead { order: ChunkOrder, piece: Option<Piece> },
}

/// The state machine as it was at some entry, able to write itself out.
type Producer = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

enum LogJob {
    Write(WriteJob),
    Compact(LogIndex),
}

struct WriteJob {
    number: u64,
    hard_state: Option<HardState>,
    snapshot: Option<Install>,
    entries: Vec<Entry>,
}

struct SaveJob {
    meta: SnapshotMeta,
    produce: Producer,
}

struct ReadJob {
    order: ChunkOrder,
    bytes_max: usize,
}

/// The driver's end of the threads.
pub(super) struct Disk {
    log_jobs: Sender<LogJob>,
    save_jobs: Sender<SaveJob>,
    read_jobs: Sender<ReadJob>,
    events: UnboundedReceiver<Result<DiskEvent, StorageError>>,
}

impl Disk {
    /// Starts the threads.
    pub(super) fn start(storage: Storage, metrics: &Arc<Metrics>) -> Result<Self, StorageError> {
        let (events_in, events) = unbounded_channel();
        let report =
            |thread| Report { thread, events: events_in.clone(), metrics: Arc::clone(metrics) };
        let saving = storage.snapshots();
        let reading = storage.snapshots();
        let log_jobs =
            spawn(report("disk"), move |jobs, report| write_log(storage, &jobs, report))?;
        let save_jobs =
            spawn(report("snapshots"), move |jobs, report| save(&saving, &jobs, report))?;
        let read_jobs = spawn(report("pieces"), move |jobs, report| read(&reading, &jobs, report))?;
        Ok(Self { log_jobs, save_jobs, read_jobs, events })
    }

    /// Queues a write: the hard state, then the snapshot, then the entries.
    pub(super) fn write(
        &self,
        number: u64,
        hard_state: Option<HardState>,
        snapshot: Option<Install>,
        entries: Vec<Entry>,
    ) {
        give(&self.log_jobs, LogJob::Write(WriteJob { number, hard_state, snapshot, entries }));
    }

    /// Queues the removal of what a durable snapshot covers of the log.
    pub(super) fn compact(&self, through: LogIndex) {
        give(&self.log_jobs, LogJob::Compact(through));
    }

    /// Queues the saving of a snapshot, whose data `produce` writes out on the
    /// thread for it.
    pub(super) fn save_snapshot(
        &self,
        meta: SnapshotMeta,
        produce: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) {
        give(&self.save_jobs, SaveJob { meta, produce: Box::new(produce) });
    }

    /// Queues the reading of a piece of at most `bytes_max` bytes.
    pub(super) fn read_piece(&self, order: ChunkOrder, bytes_max: usize) {
        give(&self.read_jobs, ReadJob { order, bytes_max });
    }

    /// Waits for something to be done. Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> Result<DiskEvent, StorageError> {
        self.events.recv().await.expect("a thread reports its failure before it ends")
    }

    /// Waits until everything queued is done, and closes the files.
    pub(super) async fn finish(self) -> Result<(), StorageError> {
        let Self { log_jobs, save_jobs, read_jobs, mut events } = self;
        drop((log_jobs, save_jobs, read_jobs));
        while let Some(event) = events.recv().await {
            event?;
        }
        Ok(())
    }
}

fn give<Job>(jobs: &Sender<Job>, job: Job) {
    // If the thread has ended, it has said why, and the driver is about to read
    // that.
    let _ = jobs.send(job);
}

/// A thread's end of the events.
struct Report {
    thread: &'static str,
    events: UnboundedSender<Result<DiskEvent, StorageError>>,
    metrics: Arc<Metrics>,
}

/// Nobody waits for events any more.
struct DriverGone;

impl Report {
    fn done(&self, event: DiskEvent) -> Result<(), DriverGone> {
        self.events.send(Ok(event)).map_err(|_| DriverGone)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if thread::panicking() {
            // If the driver has ended too, the panic's own message has to do.
            let _ = self.events.send(Err(StorageError::Panicked(self.thread)));
        }
    }
}

/// Why a thread ends before there is nothing left to do.
enum Ended {
    Failed(StorageError),
    DriverGone,
}

impl From<StorageError> for Ended {
    fn from(failure: StorageError) -> Self {
        Self::Failed(failure)
    }
}

impl From<DriverGone> for Ended {
    fn from(DriverGone: DriverGone) -> Self {
        Self::DriverGone
    }
}

fn spawn<Job: Send + 'static>(
    report: Report,
    work: impl FnOnce(Receiver<Job>, &Report) -> Result<(), Ended> + Send + 'static,
) -> Result<Sender<Job>, StorageError> {
    let (jobs, queue) = channel();
    thread::Builder::new()
        .name(report.thread.to_owned())
        .spawn(move || {
            if let Err(Ended::Failed(failure)) = work(queue, &report) {
                // If the driver has ended, nobody relies on the disk any more.
                let _ = report.events.send(Err(failure));
            }
        })
        .map_err(StorageError::Thread)?;
    Ok(jobs)
}

/// Writes until there is nobody left to write for, or the disk fails.
fn write_log(mut storage: Storage, jobs: &Receiver<LogJob>, report: &Report) -> Result<(), Ended> {
    let mut held_over = None;
    while let Some(job) = held_over.take().or_else(|| jobs.recv().ok()) {
        match job {
            LogJob::Compact(through) => storage.compact(through)?,
            LogJob::Write(mut write) => {
                held_over = gather(&mut write, jobs);
                let number = write.number;
                write_one(&mut storage, write, &report.metrics)?;
                report.done(DiskEvent::Written(number))?;
            }
        }
    }
    Ok(())
}

/// Adds to a write what has been queued meanwhile and only continues its
/// entries; returns the first job that does something else.
fn gather(write: &mut WriteJob, jobs: &Receiver<LogJob>) -> Option<LogJob> {
    let mut bytes = command_bytes(&write.entries);
    while bytes < GATHERED_BYTES_MAX {
        match jobs.try_recv().ok()? {
            LogJob::Write(more) if continues(write, &more) => {
                bytes += command_bytes(&more.entries);
                write.number = more.number;
                write.entries.extend(more.entries);
            }
            other => return Some(other),
        }
    }
    None
}

/// Returns whether two writes can be done as one that keeps their order.
///
/// A hard state of its own must not become durable before the entries of the
/// write before.
fn continues(write: &WriteJob, more: &WriteJob) -> bool {
    let consecutive = match (write.entries.last(), more.entries.first()) {
        (Some(last), Some(first)) => first.position.index == last.position.index.next(),
        _ => true,
    };
    consecutive && more.hard_state.is_none() && more.snapshot.is_none()
}

/// Does a write, in more than one frame if it is very long.
///
/// A crash may then leave only the first of them; nobody has been told yet.
fn write_one(
    storage: &mut Storage,
    write: WriteJob,
    metrics: &Metrics,
) -> Result<(), StorageError> {
    let WriteJob { hard_state, snapshot, entries, .. } = write;
    if let Some(hard_state) = hard_state {
        let began = Instant::now();
        storage.set_hard_state(hard_state)?;
        metrics.syncs.observe(began.elapsed());
    }
    if let Some(snapshot) = snapshot {
        storage.install_snapshot(&snapshot)?;
        metrics.snapshots_installed.increment();
    }
    let mut entries = &entries[..];
    while !entries.is_empty() {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let fits = bytes < GATHERED_BYTES_MAX;
            bytes += entry.payload.len_bytes();
            fits
        };
        let (now, later) = entries.split_at(entries.iter().take_while(fits).count());
        let began = Instant::now();
        storage.append(now)?;
        metrics.syncs.observe(began.elapsed());
        entries = later;
    }
    Ok(())
}

fn save(snapshots: &SnapshotStore, jobs: &Receiver<SaveJob>, report: &Report) -> Result<(), Ended> {
    while let Ok(SaveJob { meta, produce }) = jobs.recv() {
        let saved = snapshots.save(&meta, produce)?;
        if saved == Saved::Newest {
            report.metrics.snapshots_taken.increment();
        }
        report.done(DiskEvent::SnapshotSaved { meta, saved })?;
    }
    Ok(())
}

fn read(snapshots: &SnapshotStore, jobs: &Receiver<ReadJob>, report: &Report) -> Result<(), Ended> {
    while let Ok(ReadJob { order, bytes_max }) = jobs.recv() {
        let piece = snapshots.read(order.last, order.offset, bytes_max)?;
        let is_last = |piece: &Piece| order.offset + piece.data.len() as u64 == piece.total;
        if piece.as_ref().is_some_and(is_last) {
            report.metrics.snapshots_sent.increment();
        }
        report.done(DiskEvent::PieceRead { order, piece })?;
    }
    Ok(())
}

fn command_bytes(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.payload.len_bytes()).sum()
}
