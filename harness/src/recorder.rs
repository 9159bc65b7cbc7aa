//! The recorder: one clock, one counter, one file.
//!
//! Every event takes its index and time here, in the thread where it happens, and goes to
//! a writer thread that puts late arrivals back in order. The file is in index order and
//! that order is the real-time order the checker uses. No lock is on the way of an
//! operation. Deliberately absent: any judgement of events.

mod latencies;
mod writing;

pub use latencies::Latencies;
pub use writing::Written;

use std::{
    borrow::Cow,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use squall_checker::history::{Event, EventType, EventWriter, Header, Process};
use squall_nemesis::conductor::{NemesisEvent, Stage};
use squall_workloads::Invocation;
use tokio::sync::watch;

use self::writing::{Message, Stamped, Writing};
use crate::system::Completion;

/// The error of a compare-and-set that was refused because of what was found; the checker
/// knows it by this word.
const MISMATCH: &str = "mismatch";

/// How many events may wait for the disk: some seconds of the fastest clients.
const WAITING_MAX: u64 = 1 << 19;

/// The history could not be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "write the history {}; what was recorded before is kept (is the disk full?)",
    path.display()
)]
pub struct RecorderError {
    path: PathBuf,
    source: io::Error,
}

/// Operations by outcome so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Succeeded.
    pub ok: u64,
    /// Definitely without effect.
    pub fail: u64,
    /// Indeterminate.
    pub info: u64,
}

struct Shared {
    path: PathBuf,
    began: Instant,
    next_index: AtomicU64,
    /// How many indices the writer is done with.
    done: AtomicU64,
    ok: AtomicU64,
    fail: AtomicU64,
    info: AtomicU64,
    failed: OnceLock<Arc<RecorderError>>,
    broken: watch::Sender<bool>,
}

impl Shared {
    /// Notes the first reason why the history is not complete.
    fn fail(&self, source: io::Error) {
        self.failed.get_or_init(|| Arc::new(RecorderError { path: self.path.clone(), source }));
        self.broken.send_replace(true);
    }
}

/// Shown every event in the order of the file, in the writer's thread.
pub type Observer = Box<dyn FnMut(&Event) + Send>;

/// A handle through which events are recorded; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    inbox: mpsc::Sender<Message>,
}

/// The writer thread behind a [`Recorder`].
pub struct Writer {
    thread: thread::JoinHandle<Option<Written>>,
    inbox: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Starts recording into a new file at `path`, beginning with `header`. The clock of
    /// the run starts at `began`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn start(
        path: &Path,
        header: &Header,
        began: Instant,
    ) -> Result<(Self, Writer), RecorderError> {
        Self::start_observed(path, header, began, Box::new(|_| {}))
    }

    /// Starts recording, and shows `observer` every event once it is written, in the order of
    /// the file. What the observer takes, the writer waits for.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn start_observed(
        path: &Path,
        header: &Header,
        began: Instant,
        observer: Observer,
    ) -> Result<(Self, Writer), RecorderError> {
        let failed = |source| RecorderError { path: path.to_owned(), source };
        let file = File::create_new(path).map_err(failed)?;
        let writer = EventWriter::new(file, header).map_err(failed)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            began,
            next_index: AtomicU64::new(0),
            done: AtomicU64::new(0),
            ok: AtomicU64::new(0),
            fail: AtomicU64::new(0),
            info: AtomicU64::new(0),
            failed: OnceLock::new(),
            broken: watch::Sender::new(false),
        });
        let (sender, inbox) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    let done = &shared.done;
                    let written = Written::default();
                    let writing = Writing { writer, observer, began, done, written };
                    writing.run(&inbox).map_err(|source| shared.fail(source)).ok()
                }
            })
            .map_err(failed)?;
        let writer = Writer { thread, inbox: sender.clone(), shared: Arc::clone(&shared) };
        Ok((Self { shared, inbox: sender }, writer))
    }

    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// What the clock of the run shows at `instant`.
    pub fn clock_at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.shared.began)
    }

    /// Records that `process` is about to send `invocation` to `node`, and returns what the
    /// clock of the run showed. Call before the first byte is sent.
    pub fn invoke(&self, process: u64, node: &'static str, invocation: &Invocation) -> Duration {
        let value = invocation.value.clone();
        self.record(client_event(process, node, invocation, EventType::Invoke, value), None)
    }

    /// Records how the operation of `process` ended. Call after the last byte was read.
    pub fn complete(
        &self,
        process: u64,
        node: &'static str,
        invocation: &Invocation,
        completion: &Completion,
    ) {
        self.record_completion(process, node, invocation, completion, None);
    }

    /// As [`complete`](Self::complete); if it succeeded, the operation counts among the
    /// latencies with the time that passed from `since` on the clock of the run.
    pub fn complete_since(
        &self,
        process: u64,
        node: &'static str,
        invocation: &Invocation,
        completion: &Completion,
        since: Duration,
    ) {
        let since = matches!(completion, Completion::Ok { .. }).then_some(since);
        self.record_completion(process, node, invocation, completion, since);
    }

    fn record_completion(
        &self,
        process: u64,
        node: &'static str,
        invocation: &Invocation,
        completion: &Completion,
        since: Option<Duration>,
    ) {
        let (kind, value, revision, error) = match completion {
            Completion::Ok { value, revision } => (EventType::Ok, value.clone(), *revision, None),
            Completion::Mismatch { found } => {
                let value = found.as_ref().unwrap_or(&invocation.value).clone();
                (EventType::Fail, value, None, Some(MISMATCH.to_owned()))
            }
            Completion::Fail(why) | Completion::Declined(why) => {
                (EventType::Fail, invocation.value.clone(), None, Some(why.clone()))
            }
            Completion::Info(why) => {
                (EventType::Info, invocation.value.clone(), None, Some(why.clone()))
            }
        };
        let event = client_event(process, node, invocation, kind, value);
        self.record(Event { error, revision, ..event }, since);
        let counter = match kind {
            EventType::Ok => &self.shared.ok,
            EventType::Fail => &self.shared.fail,
            EventType::Info | EventType::Invoke => &self.shared.info,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Records what the nemesis did or saw.
    pub fn nemesis(&self, event: NemesisEvent) {
        let event = Event {
            index: None,
            time: 0,
            process: Process::NEMESIS,
            node: None,
            kind: match event.stage {
                Stage::Invoke => EventType::Invoke,
                Stage::Ok => EventType::Ok,
                Stage::Fail => EventType::Fail,
            },
            f: Cow::Borrowed(event.f),
            key: None,
            value: event.value,
            error: None,
            revision: None,
            evidence: event.evidence,
        };
        self.record(event, None);
    }

    /// Operations by outcome so far.
    pub fn tally(&self) -> Tally {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally { ok: of(&self.shared.ok), fail: of(&self.shared.fail), info: of(&self.shared.info) }
    }

    /// Resolves when the history can no longer be written.
    pub async fn broken(&self) {
        let mut broken = self.shared.broken.subscribe();
        // The sender lives in `shared`, which `self` keeps alive.
        broken.wait_for(|broken| *broken).await.expect("the sender outlives this wait");
    }

    /// Stamps and hands over. Stamp and hand-over are one step without await, so that the
    /// writer never waits for an index that does not come.
    fn record(&self, mut event: Event, since: Option<Duration>) -> Duration {
        let Shared { next_index, done, began, .. } = &*self.shared;
        let index = next_index.fetch_add(1, Ordering::SeqCst);
        let now = began.elapsed();
        event.index = Some(index);
        event.time = ns(now);
        // Waiting here would stop all clients, and a lost event makes the history worthless.
        if index.saturating_sub(done.load(Ordering::Relaxed)) >= WAITING_MAX {
            let why = format!("the disk does not keep up: {WAITING_MAX} events wait");
            self.shared.fail(io::Error::other(why));
            return now;
        }
        let stamped = Stamped { event, since_ns: since.map(ns) };
        // The writer is gone only after it failed, which `broken` and `finish` report.
        drop(self.inbox.send(Message::Event(stamped)));
        now
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a run shorter than 584 years")
}

/// An event of a client, not yet stamped.
fn client_event(
    process: u64,
    node: &'static str,
    invocation: &Invocation,
    kind: EventType,
    value: Value,
) -> Event {
    Event {
        index: None,
        time: 0,
        process: Process::Client(process),
        node: Some(Cow::Borrowed(node)),
        kind,
        f: Cow::Borrowed(invocation.f()),
        key: invocation.key.clone(),
        value,
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}

impl Writer {
    /// Waits until everything recorded so far is in the file; later events are dropped.
    ///
    /// # Errors
    /// When writing failed at any time during the run.
    pub fn finish(self) -> Result<Written, Arc<RecorderError>> {
        // It no longer listens only after it failed, which is reported below.
        drop(self.inbox.send(Message::Close));
        let written = self.thread.join().expect("the writer thread does not panic");
        match self.shared.failed.get() {
            Some(error) => Err(Arc::clone(error)),
            None => Ok(written.expect("a writer that wrote nothing said why")),
        }
    }
}
