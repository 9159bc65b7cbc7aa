//! The writer's thread: puts events back in order, writes them and gathers latencies.
//!
//! It is not woken by events but looks for them by itself, so that whoever records one never
//! pays for a wake-up. All that it gathers is its own; nothing here is shared but how far it
//! has come.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use squall_checker::history::{Event, EventWriter};

use super::{Latencies, Observer};

/// How long an event may sit in memory before it is handed to the kernel; a `kill -9`
/// loses no more than this.
const BATCH_INTERVAL: Duration = Duration::from_millis(10);

/// Events after which those that came so far are handed to the kernel, however many more wait.
const BATCH_MAX: usize = 1 << 13;

/// What the writer's thread is told.
#[expect(clippy::large_enum_variant, reason = "boxed, every event would cost an allocation")]
pub(super) enum Message {
    /// To be written in its place.
    Event(Stamped),
    /// Write what came so far and end.
    Close,
}

/// An event with its place and time.
pub(super) struct Stamped {
    pub(super) event: Event,
    /// When its operation was due, on the clock of the run, if its latency counts.
    pub(super) since_ns: Option<u64>,
}

/// What is known once everything is written.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Latencies of the operations that succeeded and that [count](super::Recorder::complete_since),
    /// from when each was due.
    pub latencies: Latencies,
    /// The longest that an event waited in memory.
    pub waited_max: Duration,
}

/// Writes what comes in the order of its indices until told to close.
pub(super) struct Writing<'a> {
    pub(super) writer: EventWriter<File>,
    pub(super) observer: Observer,
    pub(super) began: Instant,
    /// Told how many indices are done with.
    pub(super) done: &'a AtomicU64,
    pub(super) written: Written,
}

impl Writing<'_> {
    /// # Errors
    /// When the file does not take it.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) -> io::Result<Written> {
        let mut late = Late::default();
        let mut batch = Batch::Whole;
        while batch != Batch::Last {
            if batch == Batch::Whole {
                thread::sleep(BATCH_INTERVAL);
            }
            batch = self.take_batch(inbox, &mut late)?;
        }
        // Once closed nothing late can come, and a gap left by a dead thread must not
        // hold back what others recorded.
        late.0.into_iter().flatten().try_for_each(|stamped| self.write(&stamped))?;
        self.writer.flush()?;
        Ok(self.written)
    }

    fn take_batch(&mut self, inbox: &Receiver<Message>, late: &mut Late) -> io::Result<Batch> {
        let mut next = self.done.load(Ordering::Relaxed);
        let mut oldest_ns = None;
        let mut batch = Batch::Part;
        for _ in 0..BATCH_MAX {
            let stamped = match inbox.try_recv() {
                Ok(Message::Event(stamped)) => stamped,
                Ok(Message::Close) | Err(TryRecvError::Disconnected) => {
                    batch = Batch::Last;
                    break;
                }
                Err(TryRecvError::Empty) => {
                    batch = Batch::Whole;
                    break;
                }
            };
            let ahead = stamped.event.index.unwrap_or_default() - next;
            if ahead > 0 {
                late.keep(ahead, stamped);
                continue;
            }
            oldest_ns.get_or_insert(stamped.event.time);
            self.write(&stamped)?;
            next += 1;
            while let Some(stamped) = late.follower() {
                self.write(&stamped)?;
                next += 1;
            }
        }
        self.writer.flush()?;
        self.done.store(next, Ordering::Relaxed);
        if let Some(oldest_ns) = oldest_ns {
            let waited = self.began.elapsed().saturating_sub(Duration::from_nanos(oldest_ns));
            self.written.waited_max = self.written.waited_max.max(waited);
        }
        Ok(batch)
    }

    fn write(&mut self, stamped: &Stamped) -> io::Result<()> {
        let Stamped { event, since_ns } = stamped;
        if let Some(since_ns) = since_ns {
            self.written.latencies.record(&event.f, event.time.saturating_sub(*since_ns));
        }
        self.writer.append(event)?;
        (self.observer)(event);
        Ok(())
    }
}

/// How much of what waits a batch held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// More may wait.
    Part,
    /// All of it.
    Whole,
    /// All there will ever be.
    Last,
}

/// Events whose predecessor has not come yet: at the front that of the next index but one.
#[derive(Default)]
struct Late(VecDeque<Option<Stamped>>);

impl Late {
    /// Keeps an event that is so many places `ahead` of the next, at least one.
    fn keep(&mut self, ahead: u64, stamped: Stamped) {
        let place = usize::try_from(ahead - 1).expect("bounded by how many may wait");
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place] = Some(stamped);
    }

    /// The event after the one just written, if it came already.
    fn follower(&mut self) -> Option<Stamped> {
        // Whether or not it came, its place is no longer ahead of the next.
        self.0.pop_front().flatten()
    }
}
