//! Counts, rates and latencies of operations, over the whole run or over windows of it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Operation, Outcome, Recorded};

/// A half-open stretch of the run, in nanoseconds since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First nanosecond inside.
    pub start_ns: u64,
    /// First nanosecond after it.
    pub end_ns: u64,
}

/// What clients were served in some windows of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The length of all windows together, in seconds.
    pub seconds: f64,
    /// All functions together.
    pub total: Counts,
    /// Each function by itself.
    pub functions: BTreeMap<String, Counts>,
}

/// The operations invoked in some windows, by how they ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Operations invoked in the windows.
    pub invoked: u64,
    /// Of these, the ones that succeeded, whenever they did.
    pub ok: u64,
    /// Of these, the ones that never take effect.
    pub fail: u64,
    /// Of these, the indeterminate ones.
    pub info: u64,
    /// Of these, the ones that succeeded before their window ended.
    pub ok_within: u64,
    /// `ok_within` over the length of the windows, per second.
    pub ok_per_s: f64,
    /// Availability: `ok` over `invoked`, from 0 to 1; absent if nothing was invoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok_share: Option<f64>,
    /// From invocation to completion of the operations that succeeded; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
}

/// Percentiles of latency in nanoseconds, exact to three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Half took no longer.
    pub p50_ns: u64,
    /// 95 of 100 took no longer.
    pub p95_ns: u64,
    /// 99 of 100 took no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Latencies beyond a day count as a day.
const LATENCY_MAX_NS: u64 = 24 * 3600 * 1_000_000_000;

/// The operations of a history by time of invocation.
pub(super) struct Traffic<'h> {
    by_invocation: Vec<Recorded<'h>>,
}

impl<'h> Traffic<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let mut by_invocation: Vec<_> = history.iter().map(|(_, op)| op).collect();
        // Recorded in this order already unless another tool wrote the file.
        by_invocation.sort_by_key(|op| op.invoked.time_ns());
        Self { by_invocation }
    }

    /// Counts the operations invoked in `windows`, which must not overlap.
    pub(super) fn service(&self, windows: &[Window]) -> Service {
        let mut counters: BTreeMap<&str, Counter> = BTreeMap::new();
        let mut all = Counter::default();
        for &window in windows {
            for op in self.invoked_in(window) {
                all.count(&op, window);
                match counters.get_mut(op.f()) {
                    Some(counter) => counter.count(&op, window),
                    None => counters.entry(op.f()).or_default().count(&op, window),
                }
            }
        }
        let length_ns: u64 = windows.iter().map(|w| w.end_ns.saturating_sub(w.start_ns)).sum();
        let seconds = length_ns as f64 / 1e9;
        Service {
            seconds,
            total: all.counts(seconds),
            functions: counters
                .into_iter()
                .map(|(f, c)| (f.to_owned(), c.counts(seconds)))
                .collect(),
        }
    }

    fn invoked_in(&self, window: Window) -> impl Iterator<Item = Recorded<'h>> {
        let from = self.by_invocation.partition_point(|op| op.invoked.time_ns() < window.start_ns);
        self.by_invocation[from..]
            .iter()
            .copied()
            .take_while(move |op| op.invoked.time_ns() < window.end_ns)
    }
}

struct Counter {
    counts: Counts,
    latencies: Histogram<u64>,
}

impl Default for Counter {
    fn default() -> Self {
        // Fixed bounds, because a resizing histogram may refuse a value and a fixed one clamps.
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)
            .expect("the bounds are apart and three digits are within 0..=5");
        Self { counts: Counts::default(), latencies }
    }
}

impl Counter {
    fn count(&mut self, op: &Operation, window: Window) {
        self.counts.invoked += 1;
        match op.outcome {
            Outcome::Fail => self.counts.fail += 1,
            Outcome::Info => self.counts.info += 1,
            Outcome::Ok => {
                self.counts.ok += 1;
                if let Some(completed) = op.completed {
                    self.counts.ok_within += u64::from(completed.time_ns() < window.end_ns);
                    let took_ns = completed.time_ns().saturating_sub(op.invoked.time_ns());
                    self.latencies.saturating_record(took_ns);
                }
            }
        }
    }

    fn counts(mut self, seconds: f64) -> Counts {
        if seconds > 0.0 {
            self.counts.ok_per_s = self.counts.ok_within as f64 / seconds;
        }
        if self.counts.invoked > 0 {
            self.counts.ok_share = Some(self.counts.ok as f64 / self.counts.invoked as f64);
        }
        if !self.latencies.is_empty() {
            self.counts.latency = Some(Latency {
                p50_ns: self.latencies.value_at_quantile(0.50),
                p95_ns: self.latencies.value_at_quantile(0.95),
                p99_ns: self.latencies.value_at_quantile(0.99),
                max_ns: self.latencies.max(),
            });
        }
        self.counts
    }
}

/// The same stretches without overlaps, in order.
pub(super) fn merge(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_unstable();
    let mut merged: Vec<Window> = Vec::with_capacity(windows.len());
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.start_ns <= last.end_ns => {
                last.end_ns = last.end_ns.max(window.end_ns);
            }
            _ => merged.push(window),
        }
    }
    merged
}

/// What `run` holds besides `windows`, which must be in order and apart.
pub(super) fn complement(windows: &[Window], run: Window) -> Vec<Window> {
    let mut rest = Vec::with_capacity(windows.len() + 1);
    let mut start_ns = run.start_ns;
    for window in windows {
        if window.start_ns > start_ns {
            rest.push(Window { start_ns, end_ns: window.start_ns });
        }
        start_ns = start_ns.max(window.end_ns);
    }
    if run.end_ns > start_ns {
        rest.push(Window { start_ns, end_ns: run.end_ns });
    }
    rest
}
