//! Lines of the nodes' logs and where on the time axis they belong.
//!
//! A line stands where the clock of its own node put it: the time it begins with, less the
//! wall-clock time at which the run began. Nodes run on the machine of the harness, so their
//! clocks agree with each other and with the history to within microseconds, and a time that
//! names no zone is one of the zone the machine was in when the run began. Three things follow.
//!
//! - What a program rounds, it rounds here too: a stamp in whole seconds may stand up to a second
//!   too early. Before the beginning of the run it is moved to it.
//! - Where a fault shifts the clock of a node, its lines are shifted with it. Those that land
//!   outside the run have no place on the axis and are left out, and so is what a step of the
//!   machine's own clock takes out of it.
//! - A line without a time, as of a stack trace, takes that of the line before it. Lines before
//!   the first that has one, and logs in which none has, have no place.
//!
//! Logs may be long, so only [`LINES_MAX`] lines are kept. They are read
//! once, together with what [`checks::logs`](crate::checks::logs) looks for in them. Deliberately
//! absent: opening files and knowing the zone, which is the harness's, and any ordering of
//! lines by what they say.

mod cursor;
mod json;
mod keep;
pub(crate) mod lines;
mod moments;
mod stamp;

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use squall_checker::history::History;
use squall_checker::verdict::Analysis;

use crate::checks::LogFindings;
use crate::checks::logs::{Scan, Trouble};
use crate::facts::RunFacts;
use crate::probes::Probe;
use crate::summary::duration_ns;
use keep::Keeping;
pub use keep::{LINES_MAX, NEAR_NS};
pub use stamp::Start;

/// A line of a node's log at its place in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The node whose log it is in.
    pub node: String,
    /// When it was written, in nanoseconds since the run began.
    pub time_ns: u64,
    /// The number of the line, from 1.
    pub line: u64,
    /// What it says, cut where it is long; may hold any characters.
    pub text: String,
    /// What trouble it tells of, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// Characters kept of a line.
pub const TEXT_CHARS_MAX: usize = 240;

/// How long before its run a line may say it was written, and is moved to its beginning.
const BEFORE_NS_MAX: i128 = 1_000_000_000;
/// How long after the last event of a run a line may still be written: nodes end after it.
const AFTER_NS_MAX: u64 = 5_000_000_000;

/// Reads the logs of a run, one after another: what trouble they tell of, and which of their
/// lines stand where in time.
pub struct Reading {
    scan: Scan,
    /// Only where it is known when the run began.
    clock: Option<stamp::Clock>,
    latest_ns: u64,
    keeping: Keeping,
}

impl Reading {
    /// For a run that began at `start` and took `duration_ns`; lines near `moments`, in
    /// nanoseconds since it began, are kept rather than others.
    pub fn new(start: Option<Start>, duration_ns: u64, moments: &[u64]) -> Self {
        Self {
            scan: Scan::default(),
            clock: start.map(stamp::Clock::new),
            latest_ns: duration_ns.saturating_add(AFTER_NS_MAX),
            keeping: Keeping::new(duration_ns, moments),
        }
    }

    /// For the run that left these, with the moments that they tell of.
    pub fn of_run(
        facts: &RunFacts,
        history: &History,
        analysis: &Analysis,
        probes: &[Probe],
    ) -> Self {
        let start = facts
            .started_unix_ns
            .map(|unix_ns| Start { unix_ns, utc_offset_s: facts.utc_offset_s });
        let moments = moments::of(history, analysis, probes);
        Self::new(start, duration_ns(history, probes), &moments)
    }

    /// Reads the log of `node`; one that cannot be read to its end is noted.
    ///
    /// One pass; a few thousand lines of at most [`TEXT_CHARS_MAX`] characters are held.
    pub fn log(&mut self, node: &str, log: impl BufRead) {
        let Self { scan, clock, latest_ns, keeping } = self;
        keeping.begin();
        // That of the last line that had one, if it lies in the run.
        let mut time_ns: Option<u64> = None;
        scan.log_showing(node, log, |line| {
            let Some(clock) = &*clock else { return };
            if let Some(read) = clock.read(line.bytes) {
                let moved = if read < -BEFORE_NS_MAX { None } else { Some(read.max(0)) };
                let placed = moved.and_then(|ns| u64::try_from(ns).ok());
                time_ns = placed.filter(|ns| ns <= latest_ns);
            }
            let Some(time_ns) = time_ns else { return };
            let (trouble, from) = line.trouble.map_or((None, 0), |(kind, at)| (Some(kind), at));
            keeping.offer(time_ns, trouble, || LogLine {
                node: node.to_owned(),
                time_ns,
                line: line.number,
                text: lines::clipped(line.bytes, from, TEXT_CHARS_MAX),
                trouble,
            });
        });
    }

    /// Notes that the log of `node` cannot be read.
    pub fn unreadable(&mut self, node: &str, error: &io::Error) {
        self.scan.unreadable(node, error);
    }

    /// What trouble the logs tell of, `None` if there was no log; and the lines that have a
    /// place in time, in order of time.
    pub fn finish(self) -> (Option<LogFindings>, Vec<LogLine>) {
        (self.scan.finish(), self.keeping.finish())
    }
}

#[cfg(test)]
mod tests;
