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
use std::sync::atomic::{AtomicBool, Ordering};
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
    saving: Arc<Saving>,
}

impl Disk {
    /// Starts the threads.
    pub(super) fn start(storage: Storage, metrics: &Arc<Metrics>) -> Result<Self, StorageError> {
        let (events_in, events) = unbounded_channel();
        let report =
            |thread| Report { thread, events: events_in.clone(), metrics: Arc::clone(metrics) };
        let saving = Arc::new(Saving::default());
        let (saving_here, snapshots) = (Arc::clone(&saving), storage.snapshots());
        let reading = storage.snapshots();
        let log_jobs =
            spawn(report("disk"), move |jobs, report| write_log(storage, &jobs, report))?;
        let save_jobs = spawn(report("snapshots"), move |jobs, report| {
            save(&snapshots, &saving_here, &jobs, report)
        })?;
        let read_jobs = spawn(report("pieces"), move |jobs, report| read(&reading, &jobs, report))?;
        Ok(Self { log_jobs, save_jobs, read_jobs, events, saving })
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

    /// Waits until all that is queued is done but for snapshots to be saved, and
    /// closes the files.
    ///
    /// A snapshot half saved is given up, for it may take long and the log still
    /// holds what it stands for; opening the directory removes what there is of it.
    pub(super) async fn finish(self) -> Result<(), StorageError> {
        let Self { log_jobs, save_jobs, read_jobs, mut events, saving } = self;
        saving.give_up();
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

/// Whether snapshots are still to be saved.
#[derive(Debug, Default)]
struct Saving {
    given_up: AtomicBool,
}

impl Saving {
    fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

/// A snapshot being written, until it is given up.
struct Unfinished<'a> {
    file: &'a mut dyn Write,
    saving: &'a Saving,
}

impl Write for Unfinished<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.saving.is_given_up() {
            return Err(io::Error::other("the node stops"));
        }
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn save(
    snapshots: &SnapshotStore,
    saving: &Saving,
    jobs: &Receiver<SaveJob>,
    report: &Report,
) -> Result<(), Ended> {
    while let Ok(SaveJob { meta, produce }) = jobs.recv() {
        let saved = match snapshots.save(&meta, |file| produce(&mut Unfinished { file, saving })) {
            Ok(saved) => saved,
            // That of the disk is another error, and is told.
            Err(StorageError::Encode { .. }) if saving.is_given_up() => return Ok(()),
            Err(failure) => return Err(failure.into()),
        };
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use tempfile::TempDir;

    use super::*;
    use crate::raft::{Membership, NodeId, Payload, Position, Snapshot, Suffix, Term};
    use crate::storage::{Fault, Faults, Operation, Recovered, StorageOptions};

    fn entry(index: u64, term: u64) -> Entry {
        Entry { position: position(index, term), payload: Payload::Noop }
    }

    fn position(index: u64, term: u64) -> Position {
        Position { term: Term(term), index: LogIndex(index) }
    }

    fn meta(index: u64, term: u64) -> SnapshotMeta {
        SnapshotMeta { last: position(index, term), membership: Membership::default() }
    }

    fn hard_state(term: u64) -> HardState {
        HardState { term: Term(term), vote: None }
    }

    fn open(dir: &Path, faults: Option<Arc<dyn Faults>>) -> (Storage, Recovered) {
        let options = StorageOptions { faults, ..StorageOptions::default() };
        Storage::open(dir, options).unwrap()
    }

    fn start(storage: Storage) -> Disk {
        Disk::start(storage, &Arc::new(Metrics::default())).unwrap()
    }

    fn job(number: u64, hard_state: Option<HardState>, entries: &[Entry]) -> WriteJob {
        WriteJob { number, hard_state, snapshot: None, entries: entries.to_vec() }
    }

    #[test]
    fn what_continues_the_entries_is_gathered_and_nothing_else() {
        let elsewhere = [
            job(4, Some(hard_state(2)), &[entry(4, 2)]),
            job(4, None, &[entry(2, 2)]),
            job(4, Some(hard_state(2)), &[]),
        ];
        for other in elsewhere {
            let entries = other.entries.clone();
            let (jobs, queue) = channel();
            jobs.send(LogJob::Write(job(2, None, &[entry(2, 1), entry(3, 1)]))).unwrap();
            jobs.send(LogJob::Write(job(3, None, &[]))).unwrap();
            jobs.send(LogJob::Write(other)).unwrap();
            let mut write = job(1, Some(hard_state(1)), &[entry(1, 1)]);
            let Some(LogJob::Write(held_over)) = gather(&mut write, &queue) else {
                panic!("a write that does something else is held over");
            };
            assert_eq!((write.number, write.entries.len()), (3, 3));
            assert_eq!((held_over.number, held_over.entries), (4, entries));
        }
    }

    #[tokio::test]
    async fn everything_queued_is_on_disk_when_the_threads_have_finished() {
        let dir = TempDir::new().unwrap();
        let disk = start(open(dir.path(), None).0);
        disk.write(1, Some(hard_state(1)), None, vec![entry(1, 1), entry(2, 1)]);
        disk.write(2, Some(hard_state(2)), None, vec![entry(2, 2), entry(3, 2)]);
        let snapshot = Snapshot { meta: meta(9, 2), data: Arc::new(b"state".to_vec()) };
        let install = Install { snapshot: snapshot.clone(), suffix: Suffix::Keep };
        disk.write(3, None, Some(install), vec![entry(10, 2)]);
        disk.write(4, None, None, vec![entry(11, 2)]);
        disk.compact(LogIndex(9));
        disk.finish().await.unwrap();
        let (_, recovered) = open(dir.path(), None);
        assert_eq!(recovered.hard_state, hard_state(2));
        assert_eq!(recovered.snapshot, Some(snapshot));
        assert_eq!(recovered.entries, [entry(10, 2), entry(11, 2)]);
    }

    #[tokio::test]
    async fn a_snapshot_is_saved_and_read_in_pieces() {
        let dir = TempDir::new().unwrap();
        let mut disk = start(open(dir.path(), None).0);
        disk.save_snapshot(meta(5, 1), |file| file.write_all(b"the state"));
        let saved = disk.next().await.unwrap();
        assert!(matches!(saved, DiskEvent::SnapshotSaved { saved: Saved::Newest, .. }));
        let to: NodeId = "n2".parse().unwrap();
        for (index, expected) in [(5, Some(&b"stat"[..])), (4, None)] {
            let order = ChunkOrder { to, last: position(index, 1), offset: 4 };
            disk.read_piece(order, 4);
            let DiskEvent::PieceRead { order: answered, piece } = disk.next().await.unwrap() else {
                panic!("only a piece was ordered");
            };
            assert_eq!(answered, order);
            assert_eq!(piece.as_ref().map(|piece| &piece.data[..]), expected);
        }
    }

    /// Fails every sync once it is told to.
    #[derive(Debug, Default)]
    struct BrokenSync(AtomicBool);

    impl Faults for BrokenSync {
        fn before(&self, operation: Operation, _: &Path) -> Option<Fault> {
            let broken = operation == Operation::Sync && self.0.load(Ordering::Relaxed);
            broken.then(|| Fault::Fails(io::Error::other("I/O error")))
        }
    }

    #[tokio::test]
    async fn a_failed_sync_is_reported_with_its_file_and_nothing_is_done_after_it() {
        let dir = TempDir::new().unwrap();
        let broken = Arc::new(BrokenSync::default());
        let (mut storage, _) = open(dir.path(), Some(broken.clone()));
        storage.append(&[entry(1, 1)]).unwrap();
        let mut disk = start(storage);
        broken.0.store(true, Ordering::Relaxed);
        disk.write(1, None, None, vec![entry(1, 1), entry(2, 1)]);
        disk.write(2, Some(hard_state(7)), None, vec![]);
        let message = disk.next().await.unwrap_err().to_string();
        let segment = dir.path().join("log/0000000001-00000000000000000001.seg");
        assert_eq!(message, format!("sync {}", segment.display()));
        disk.finish().await.unwrap();
        assert_eq!(open(dir.path(), None).1.hard_state, HardState::default());
    }

    #[tokio::test]
    async fn a_snapshot_without_end_is_given_up_when_the_node_stops() {
        let dir = TempDir::new().unwrap();
        let mut disk = start(open(dir.path(), None).0);
        disk.save_snapshot(meta(1, 1), |file| file.write_all(b"the state"));
        disk.next().await.unwrap();
        disk.save_snapshot(meta(2, 1), |file| {
            loop {
                file.write_all(b"more")?;
            }
        });
        disk.save_snapshot(meta(3, 1), |file| file.write_all(b"never begun"));
        disk.write(1, None, None, vec![entry(1, 1), entry(2, 1)]);
        disk.finish().await.unwrap();
        let (_, recovered) = open(dir.path(), None);
        assert_eq!(recovered.snapshot.unwrap().meta, meta(1, 1));
        assert_eq!(recovered.entries, [entry(2, 1)]);
        assert_eq!(std::fs::read_dir(dir.path().join("snap")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_thread_that_panics_says_so() {
        let dir = TempDir::new().unwrap();
        let mut disk = start(open(dir.path(), None).0);
        disk.save_snapshot(meta(5, 1), |_| panic!("on purpose"));
        let message = disk.next().await.unwrap_err().to_string();
        assert_eq!(message, "go on: the thread `snapshots` panicked");
    }
}
