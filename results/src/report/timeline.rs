//! The data behind the drawings, thinned to what the eye can tell apart.
//!
//! Operations become buckets of time: how many ended how, and a histogram of latencies on
//! a logarithmic scale. Histograms can be added up exactly, so the page shows true
//! quantiles at every zoom. Times are whole microseconds since the run began.

use serde::Serialize;
use squall_checker::history::{History, Operation, Outcome};

use crate::probes::Probe;
use crate::summary::{ContradictionDetail, NodeState, Results, node_spans};

/// Buckets over the whole run: about two to a pixel of a wide screen.
const BUCKETS: usize = 2_000;

/// Latency bins per factor of ten: steps of a fifth, less than a pixel's worth of error.
const BINS_PER_DECADE: f64 = 12.0;

/// Bins from one microsecond up to 10^10 of them, some three hours.
const BIN_MAX: u16 = 120;

/// Single points drawn per kind; past this the slowest ones are kept.
const POINTS_MAX: usize = 2_500;

/// Operations drawn of a contradiction.
const OPERATIONS_MAX: usize = 40;

/// Everything the scripts draw.
#[derive(Debug, Serialize)]
pub(super) struct Timeline<'r> {
    duration: u64,
    faults: Vec<FaultBar<'r>>,
    nodes: Vec<NodeLane>,
    bucket: f64,
    bins: f64,
    ok: Vec<u32>,
    fail: Vec<u32>,
    info: Vec<u32>,
    /// Per bucket of invocation: bin, count, bin, count, ... of the successful.
    latency: Vec<Vec<u32>>,
    slow: Vec<(u64, u64)>,
    failed: Vec<(u64, u64)>,
    indeterminate: Vec<(u64, u64)>,
    contradiction: Option<Contradiction<'r>>,
}

#[derive(Debug, Serialize)]
struct FaultBar<'r> {
    f: &'r str,
    label: &'r str,
    /// What stands on the bar where the label does not fit.
    short: String,
    start: u64,
    end: u64,
}

#[derive(Debug, Serialize)]
struct NodeLane {
    node: String,
    spans: Vec<(u64, u64, NodeState, Option<u64>)>,
}

#[derive(Debug, Serialize)]
struct Contradiction<'r> {
    complete: u64,
    operations: Vec<OperationBar<'r>>,
    orders: Vec<(usize, usize, Option<u64>)>,
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct OperationBar<'r> {
    label: &'r str,
    client: u64,
    node: Option<&'r str>,
    outcome: Outcome,
    start_ns: u64,
    end_ns: Option<u64>,
}

impl<'r> Timeline<'r> {
    pub(super) fn of(results: &'r Results, history: &History, probes: &[Probe]) -> Self {
        // An empty run still needs an axis.
        let duration = match micros(results.duration_ns) {
            0 => 1_000_000,
            us => us,
        };
        let mut timeline = Self {
            duration,
            faults: fault_bars(results),
            nodes: node_lanes(results, probes),
            bucket: (duration as f64 / BUCKETS as f64).max(1.0),
            bins: BINS_PER_DECADE,
            ok: vec![0; BUCKETS],
            fail: vec![0; BUCKETS],
            info: vec![0; BUCKETS],
            latency: Vec::new(),
            slow: Vec::new(),
            failed: Vec::new(),
            indeterminate: Vec::new(),
            contradiction: results.contradictions.first().map(contradiction),
        };
        timeline.add_operations(history, slow_from_us(results));
        timeline
    }

    fn bucket_of(&self, us: u64) -> usize {
        ((us as f64 / self.bucket) as usize).min(BUCKETS - 1)
    }

    fn add_operations(&mut self, history: &History, slow_from_us: u64) {
        let mut bins = vec![[0_u32; BIN_MAX as usize + 1]; BUCKETS];
        for op in &history.operations {
            let invoked = micros(op.invoked.time_ns());
            let took = took_us(op, self.duration);
            let ended = self.bucket_of(invoked + took);
            match op.outcome {
                Outcome::Ok => {
                    self.ok[ended] += 1;
                    bins[self.bucket_of(invoked)][usize::from(bin(took))] += 1;
                    if took > slow_from_us {
                        self.slow.push((invoked, took));
                    }
                }
                Outcome::Fail => {
                    self.fail[ended] += 1;
                    self.failed.push((invoked, took));
                }
                Outcome::Info => {
                    self.info[ended] += 1;
                    self.indeterminate.push((invoked, took));
                }
            }
        }
        self.latency = bins.iter().map(|row| sparse(row)).collect();
        let bucket = self.bucket;
        for points in [&mut self.slow, &mut self.failed, &mut self.indeterminate] {
            thin(points, bucket);
        }
    }
}

/// Points are drawn for what lies beyond the 99th percentile; the band shows the rest.
fn slow_from_us(results: &Results) -> u64 {
    results.whole.total.latency.map_or(0, |latency| micros(latency.p99_ns))
}

/// How long an operation took; one that nobody saw completed lasts to the end of the run.
fn took_us(op: &Operation, run_us: u64) -> u64 {
    let invoked = micros(op.invoked.time_ns());
    op.completed.map_or(run_us, |at| micros(at.time_ns())).saturating_sub(invoked)
}

fn micros(ns: u64) -> u64 {
    ns / 1_000
}

fn bin(us: u64) -> u16 {
    let bin = (us.max(1) as f64).log10() * BINS_PER_DECADE;
    (bin as u16).min(BIN_MAX)
}

fn sparse(bins: &[u32]) -> Vec<u32> {
    let filled = (0_u32..).zip(bins).filter(|(_, count)| **count > 0);
    filled.flat_map(|(bin, &count)| [bin, count]).collect()
}

/// Keeps one of the points that would be drawn on top of each other, then the slowest.
fn thin(points: &mut Vec<(u64, u64)>, bucket: f64) {
    let cell = |&(at, took): &(u64, u64)| ((at as f64 / bucket) as u64, bin(took));
    points.sort_by_key(cell);
    points.dedup_by_key(|point| cell(point));
    if points.len() > POINTS_MAX {
        points.sort_by_key(|&(_, took)| std::cmp::Reverse(took));
        points.truncate(POINTS_MAX);
    }
}

fn fault_bars(results: &Results) -> Vec<FaultBar<'_>> {
    let held = results.faults.iter().filter(|fault| fault.took_hold);
    held.map(|fault| FaultBar {
        f: &fault.f,
        label: &fault.description,
        short: match fault.f.as_str() {
            "kill" | "pause" => format!("{} {}", fault.f, fault.targets.join(" ")),
            _ => fault.kind.clone(),
        },
        start: micros(fault.start_ns),
        end: micros(fault.end_ns),
    })
    .collect()
}

fn node_lanes(results: &Results, probes: &[Probe]) -> Vec<NodeLane> {
    let lanes = node_spans(&results.facts.nodes, probes, &results.faults, results.duration_ns);
    let lane = |(node, spans): (String, Vec<crate::summary::NodeSpan>)| NodeLane {
        node,
        spans: spans
            .iter()
            .map(|span| (micros(span.start_ns), micros(span.end_ns), span.state, span.term))
            .collect(),
    };
    lanes.into_iter().map(lane).collect()
}

fn contradiction(detail: &ContradictionDetail) -> Contradiction<'_> {
    let shown = &detail.operations[..detail.operations.len().min(OPERATIONS_MAX)];
    let row = |id| shown.iter().position(|op| op.id == id);
    Contradiction {
        complete: micros(detail.complete_ns),
        operations: shown
            .iter()
            .map(|op| OperationBar {
                label: &op.label,
                client: op.process,
                node: op.node.as_deref(),
                outcome: op.outcome,
                start_ns: op.invoked_ns,
                end_ns: op.completed_ns,
            })
            .collect(),
        orders: detail
            .orders
            .iter()
            .filter_map(|order| Some((row(order.before)?, row(order.after)?, order.gap_ns)))
            .collect(),
        omitted: detail.operations.len() - shown.len(),
    }
}
