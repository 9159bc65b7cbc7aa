//! The data behind the drawings, thinned to what the eye can tell apart.
//!
//! Operations become buckets of time: how many ended how, and a histogram of latencies on
//! a logarithmic scale. Histograms can be added up exactly, so the page shows the quantiles of
//! what is in view at every zoom, to the width of a bin. Times are whole microseconds since the run began.

use serde::Serialize;
use squall_checker::history::{History, Outcome};

use super::contradiction::Contradiction;
use super::operations::{Operations, Wanted};
use super::orders::{KeyOrder, Orders};
use super::{Material, micros, took_us};
use crate::checks::Figures;
use crate::checks::logs::Trouble;
use crate::log_lines::LogLine;
use crate::probes::Probe;
use crate::summary::{NodeSpan, NodeState, Results, Window, node_spans};
use crate::wording::shorten;

/// Buckets over the whole run: about two to a pixel of a wide screen.
const BUCKETS: usize = 2_000;

/// Latency bins per factor of ten: steps of a fifth, less than a pixel's worth of error.
const BINS_PER_DECADE: f64 = 12.0;

/// Bins from one microsecond up to 10^10 of them, some three hours.
const BIN_MAX: u16 = 120;

/// Single points drawn per kind; past this the slowest ones are kept.
const POINTS_MAX: usize = 2_500;

/// Steps kept of each node's commit index.
const COMMITS_MAX: u64 = 2_000;

/// Nodes on a page.
pub(super) const NODES_MAX: usize = 64;

/// Faults on the axis.
pub(super) const FAULTS_MAX: usize = 2_000;

/// Pairs of nodes cut off by one fault that are drawn.
const CUT_MAX: usize = NODES_MAX * NODES_MAX;

/// Characters of what stands for a fault or a node.
const LABEL_CHARS_MAX: usize = 200;

/// How far around the contradiction all operations should be on the page.
const NEAR_NS: u64 = 200_000_000;

/// Everything the scripts draw.
#[derive(Debug, Serialize)]
pub(super) struct Timeline<'r> {
    duration: u64,
    /// What the axis shows at first, if not the whole run.
    pub(super) closeup: Option<(u64, u64)>,
    faults: Vec<FaultBar<'r>>,
    nodes: Vec<NodeLane>,
    log: Vec<LogTick<'r>>,
    /// Lines of all logs, on the page or not.
    log_lines: u64,
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
    pub(super) operations: Operations,
    pub(super) orders: Vec<KeyOrder>,
    /// Keys that have an order, on the page or not.
    pub(super) ordered_keys: usize,
}

#[derive(Debug, Serialize)]
struct FaultBar<'r> {
    f: &'r str,
    label: String,
    /// What stands on the bar where the label does not fit.
    short: String,
    targets: &'r [String],
    /// Who gets nothing from whom: sender and receiver.
    cut: &'r [(String, String)],
    start: u64,
    end: u64,
    /// From when it was being brought about, and until when it was seen to be undone.
    around: (u64, u64),
}

#[derive(Debug, Serialize)]
struct NodeLane {
    node: String,
    spans: Vec<(u64, u64, NodeState, Option<u64>)>,
    /// When a new commit index was first told, and which.
    commits: Vec<(u64, u64)>,
}

/// When, which node by its place, which line of its log, what it says, what trouble it tells of.
#[derive(Debug, Serialize)]
struct LogTick<'r>(u64, usize, u64, &'r str, Option<Trouble>);

impl<'r> Timeline<'r> {
    pub(super) fn of(material: &Material<'r>) -> Self {
        let Material { results, history, analysis, probes, log_lines, closeup } = *material;
        // An empty run still needs an axis.
        let duration = match micros(results.duration_ns) {
            0 => 1_000_000,
            us => us,
        };
        let nodes = node_lanes(results, probes, duration);
        let all_on_page = Operations::fit(history);
        let orders = Orders::of(analysis, all_on_page);
        let first = results.contradictions.first();
        let mut ids: Vec<_> =
            first.iter().flat_map(|first| &first.operations).map(|op| op.id).collect();
        ids.extend(orders.ids());
        let around = first.map(|first| Window {
            start_ns: first.complete_ns.saturating_sub(NEAR_NS),
            end_ns: first.complete_ns.saturating_add(NEAR_NS),
        });
        let wanted = Wanted {
            nodes: &results.facts.nodes,
            ids: &ids,
            near: closeup.or(around),
            is_closeup: closeup.is_some(),
        };
        let mut timeline = Self {
            duration,
            closeup: closeup.map(|at| (micros(at.start_ns), micros(at.end_ns))),
            faults: fault_bars(results),
            log: log_ticks(log_lines, &nodes),
            log_lines: lines_of_logs(results),
            nodes,
            bucket: (duration as f64 / BUCKETS as f64).max(1.0),
            bins: BINS_PER_DECADE,
            ok: vec![0; BUCKETS],
            fail: vec![0; BUCKETS],
            info: vec![0; BUCKETS],
            latency: Vec::new(),
            slow: Vec::new(),
            failed: Vec::new(),
            indeterminate: Vec::new(),
            contradiction: first.map(Contradiction::of),
            operations: Operations::of(history, duration, &wanted),
            orders: orders.packed(history),
            ordered_keys: orders.keys,
        };
        timeline.add_operations(history, slow_from_us(results));
        timeline
    }

    /// Whether the run had nodes that anybody knows of.
    pub(super) fn has_nodes(&self) -> bool {
        !self.nodes.is_empty()
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
                    // One that nobody saw completed has no place among those that ended.
                    self.info[ended] += u32::from(op.completed.is_some());
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
    held.take(FAULTS_MAX)
        .map(|fault| FaultBar {
            f: &fault.f,
            label: shorten(&fault.description, LABEL_CHARS_MAX),
            short: match fault.f.as_str() {
                "kill" | "pause" => {
                    shorten(&format!("{} {}", fault.f, fault.targets.join(" ")), LABEL_CHARS_MAX)
                }
                _ => shorten(&fault.kind, LABEL_CHARS_MAX),
            },
            targets: &fault.targets[..fault.targets.len().min(NODES_MAX)],
            cut: &fault.cut[..fault.cut.len().min(CUT_MAX)],
            start: micros(fault.start_ns),
            end: micros(fault.end_ns),
            around: (
                micros(fault.invoked_ns.min(fault.start_ns)),
                micros(fault.undone_ns.unwrap_or(fault.end_ns).max(fault.end_ns)),
            ),
        })
        .collect()
}

fn node_lanes(results: &Results, probes: &[Probe], duration_us: u64) -> Vec<NodeLane> {
    let lanes = node_spans(&results.facts.nodes, probes, &results.faults, results.duration_ns);
    let lane = |(node, spans): (String, Vec<NodeSpan>)| NodeLane {
        spans: spans
            .iter()
            .map(|span| (micros(span.start_ns), micros(span.end_ns), span.state, span.term))
            .collect(),
        commits: commits(&node, probes, duration_us),
        node,
    };
    lanes.into_iter().take(NODES_MAX).map(lane).collect()
}

/// What `node` told of its commit index, of each stretch of time the last. The stretches are the
/// same for all nodes, so that none seems behind another for want of a step.
fn commits(node: &str, probes: &[Probe], duration_us: u64) -> Vec<(u64, u64)> {
    let stretch_us = duration_us.div_ceil(COMMITS_MAX).max(1);
    let mut commits: Vec<(u64, u64)> = Vec::new();
    for probe in probes.iter().filter(|probe| probe.node == node) {
        let (time, Some(commit)) = (micros(probe.time), probe.commit) else { continue };
        match commits.last_mut() {
            Some(last) if last.1 == commit => {}
            Some(last) if last.0 / stretch_us == time / stretch_us => *last = (time, commit),
            _ => commits.push((time, commit)),
        }
    }
    commits
}

fn lines_of_logs(results: &Results) -> u64 {
    let figures = results.checks.iter().filter_map(|check| check.figures.as_ref());
    figures.map(|figures| if let Figures::Logs(found) = figures { found.lines } else { 0 }).sum()
}

fn log_ticks<'r>(lines: &'r [LogLine], nodes: &[NodeLane]) -> Vec<LogTick<'r>> {
    let place = |line: &LogLine| nodes.iter().position(|lane| lane.node == line.node);
    lines
        .iter()
        .filter_map(|line| {
            let time = micros(line.time_ns);
            Some(LogTick(time, place(line)?, line.line, &line.text, line.trouble))
        })
        .collect()
}
