//! The thread that writes and syncs.
//!
//! It owns the log file. Whatever gathers while a sync runs goes to disk
//! together with the next one (group commit): the slower the disk, the more
//! operations share a sync.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::raft::{Entry, HardState, Payload};
use crate::storage::{LogFile, Record, StorageError};

/// Commands gathered for one sync, in bytes; a single write may exceed it.
const GATHERED_BYTES_MAX: usize = 8 << 20;

struct Job {
    number: u64,
    records: Vec<Record>,
}

type Done = Result<u64, StorageError>;

pub(super) struct Disk {
    jobs: Sender<Job>,
    done: UnboundedReceiver<Done>,
}

impl Disk {
    /// Starts the thread.
    pub(super) fn start(log_file: LogFile) -> Result<Self, StorageError> {
        let (jobs, job_queue) = channel();
        let (report, done) = unbounded_channel();
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || work(log_file, &job_queue, &report))
            .map_err(StorageError::Thread)?;
        Ok(Self { jobs, done })
    }

    /// Queues a write.
    pub(super) fn write(
        &mut self,
        number: u64,
        hard_state: Option<HardState>,
        entries: Vec<Entry>,
    ) {
        let hard_state = hard_state.into_iter().map(Record::HardState);
        let records = hard_state.chain(entries.into_iter().map(Record::Entry)).collect();
        // If the thread has ended, it has said why, and the driver is about to
        // read that.
        let _ = self.jobs.send(Job { number, records });
    }

    /// Waits until more writes are on disk and returns the last one's number.
    pub(super) async fn written(&mut self) -> Done {
        self.done.recv().await.expect("the thread reports its failure before it ends")
    }

    /// Waits until everything queued is on disk, and closes the file.
    pub(super) async fn finish(self) -> Result<(), StorageError> {
        let Self { jobs, mut done } = self;
        drop(jobs);
        while let Some(written) = done.recv().await {
            written?;
        }
        Ok(())
    }
}

/// Writes until there is nobody left to write for, or the disk fails.
fn work(mut log_file: LogFile, jobs: &Receiver<Job>, report: &UnboundedSender<Done>) {
    while let Ok(Job { mut number, mut records }) = jobs.recv() {
        let mut bytes = command_bytes(&records);
        while bytes < GATHERED_BYTES_MAX
            && let Ok(job) = jobs.try_recv()
        {
            number = job.number;
            bytes += command_bytes(&job.records);
            records.extend(job.records);
        }
        let done = write_all(&mut log_file, &records).map(|()| number);
        let failed = done.is_err();
        if report.send(done).is_err() || failed {
            return;
        }
    }
}

/// Writes the records, in more than one frame if they are very many.
///
/// A crash may then leave only the first of them; nobody has been told yet.
fn write_all(log_file: &mut LogFile, mut records: &[Record]) -> Result<(), StorageError> {
    while !records.is_empty() {
        let mut bytes = 0;
        let count = records
            .iter()
            .take_while(|record| {
                let fits = bytes < GATHERED_BYTES_MAX;
                bytes += command_bytes(std::slice::from_ref(record));
                fits
            })
            .count();
        let (now, later) = records.split_at(count);
        log_file.append(now)?;
        records = later;
    }
    Ok(())
}

fn command_bytes(records: &[Record]) -> usize {
    let bytes = |record: &Record| match record {
        Record::Entry(Entry { payload: Payload::Command(command), .. }) => command.len(),
        Record::Entry(_) | Record::HardState(_) => 0,
    };
    records.iter().map(bytes).sum()
}
