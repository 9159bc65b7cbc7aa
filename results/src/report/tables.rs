//! The tables of the report: what was served when, by function, and what checks found.

use super::page::ROWS_MAX;
use crate::checks::logs::{LogFindings, LogOfNode};
use crate::checks::{CheckReport, CheckStatus, Figures};
use crate::summary::{Counts, Latency, Results, Service};
use crate::wording::{Nanos, count, instant, percent, rate};

/// What stands where there is no figure.
pub(super) const NONE: &str = "–";

/// A stretch of the run and what was served in it.
pub(super) struct Stretch {
    pub(super) name: String,
    pub(super) more: String,
    pub(super) from: String,
    pub(super) lasted: String,
    pub(super) invoked: String,
    pub(super) ok_per_s: String,
    pub(super) ok_share: String,
    pub(super) p50: String,
    pub(super) p99: String,
    pub(super) total: bool,
}

/// A function and how its operations fared over the whole run.
pub(super) struct FunctionRow {
    pub(super) name: String,
    pub(super) invoked: String,
    pub(super) ok: String,
    pub(super) fail: String,
    pub(super) info: String,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
    pub(super) max: String,
    pub(super) total: bool,
}

/// A function and how long its operations took from when they were due.
pub(super) struct DueRow {
    pub(super) name: String,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
    pub(super) max: String,
}

/// A check beside linearizability and what it came to.
pub(super) struct CheckRow<'r> {
    pub(super) check: &'r CheckReport,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    /// Whether its details are shown at once.
    pub(super) open: bool,
    pub(super) severity: &'static str,
}

/// The checks that looked at something, those that found something first.
pub(super) fn checks(results: &Results) -> Vec<CheckRow<'_>> {
    let mut rows: Vec<_> = results.checks.iter().filter_map(check_row).collect();
    rows.sort_by_key(|row| match row.check.status {
        CheckStatus::Failed => 0,
        CheckStatus::Warned => 1,
        CheckStatus::Passed | CheckStatus::NotApplicable => 2,
    });
    rows
}

fn check_row(check: &CheckReport) -> Option<CheckRow<'_>> {
    let (class, word) = match check.status {
        CheckStatus::Failed => ("bad", "✗ failed"),
        CheckStatus::Warned => ("doubt", "△ warned"),
        CheckStatus::Passed => ("good", "✓ passed"),
        CheckStatus::NotApplicable => return None,
    };
    let open = check.status != CheckStatus::Passed;
    Some(CheckRow { check, class, word, open, severity: check.severity.as_str() })
}

/// A node and what its log tells.
pub(super) struct LogRow {
    pub(super) node: String,
    pub(super) lines: String,
    /// What it tells of, or that it tells of nothing.
    pub(super) told: String,
    pub(super) class: &'static str,
    /// The first of the lines themselves.
    pub(super) kept: Vec<String>,
}

/// What the logs tell, node by node; nothing where there are none.
pub(super) fn logs(results: &Results) -> Vec<LogRow> {
    let figures = results.checks.iter().filter_map(|check| check.figures.as_ref());
    let found = figures.filter_map(|figures| match figures {
        Figures::Logs(found) => Some(found),
        _ => None,
    });
    found.flat_map(|found| found.of_nodes.iter().map(|of| log_row(of, found))).collect()
}

fn log_row(of: &LogOfNode, found: &LogFindings) -> LogRow {
    let kinds = of.by_trouble.iter().map(|(kind, lines)| format!("{kind}: {}", count(*lines)));
    let told: Vec<String> = kinds.collect();
    let kept = found.kept.iter().filter(|kept| kept.node == of.node);
    LogRow {
        node: of.node.clone(),
        lines: count(of.lines),
        class: if told.is_empty() { "good" } else { "bad" },
        told: if told.is_empty() {
            "✓ no trouble".to_owned()
        } else {
            format!("✗ {}", told.join(", "))
        },
        kept: kept.map(|kept| format!("line {}: {}", kept.line, kept.text)).collect(),
    }
}

/// The checks that had nothing to look at.
pub(super) fn not_applicable(results: &Results) -> Vec<&CheckReport> {
    results.checks.iter().filter(|check| check.status == CheckStatus::NotApplicable).collect()
}

/// Latencies from when operations were due, where a rate was asked for.
pub(super) fn dues(results: &Results) -> Vec<DueRow> {
    let pace = results.facts.pace.iter();
    let latencies = pace.flat_map(|pace| &pace.latencies);
    let row = |(name, latency): (&String, &Latency)| DueRow {
        name: name.clone(),
        p50: Nanos(latency.p50_ns).to_string(),
        p95: Nanos(latency.p95_ns).to_string(),
        p99: Nanos(latency.p99_ns).to_string(),
        max: Nanos(latency.max_ns).to_string(),
    };
    latencies.map(row).collect()
}

/// What was served under each fault, between them and after them.
pub(super) fn stretches(results: &Results) -> Vec<Stretch> {
    let mut rows = vec![stretch("nothing", "", None, &results.calm)];
    let held = || results.faults.iter().filter(|fault| fault.took_hold);
    for fault in held().take(ROWS_MAX) {
        let mut more = match fault.kind.starts_with(&fault.f) {
            true => fault.kind.clone(),
            false => format!("{}, {}", fault.f, fault.kind),
        };
        if fault.undone_ns.is_none() {
            more.push_str(", not undone");
        }
        rows.push(stretch(&fault.description, &more, Some(fault.start_ns), &fault.service));
    }
    if held().next().is_some() {
        let more = match held().count().saturating_sub(ROWS_MAX) {
            0 => String::new(),
            more => format!("also of {} that are not shown", count(more as u64)),
        };
        rows.push(stretch("any fault", &more, None, &results.stormy));
    }
    if let (Some(service), Some(start_ns)) =
        (&results.after_last_heal, results.faults.iter().filter_map(|fault| fault.undone_ns).max())
    {
        rows.push(stretch("after the last heal", "", Some(start_ns), service));
    }
    let mut whole = stretch("the whole run", "", None, &results.whole);
    whole.total = true;
    rows.push(whole);
    rows
}

fn stretch(name: &str, more: &str, from_ns: Option<u64>, service: &Service) -> Stretch {
    let total = &service.total;
    Stretch {
        name: name.to_owned(),
        more: more.to_owned(),
        from: from_ns.map_or_else(|| NONE.to_owned(), instant),
        lasted: Nanos((service.seconds * 1e9) as u64).to_string(),
        invoked: count(total.invoked),
        ok_per_s: rate(total.ok_per_s),
        ok_share: total.ok_share.map_or_else(|| NONE.to_owned(), percent),
        p50: total.latency.map_or_else(|| NONE.to_owned(), |l| Nanos(l.p50_ns).to_string()),
        p99: total.latency.map_or_else(|| NONE.to_owned(), |l| Nanos(l.p99_ns).to_string()),
        total: false,
    }
}

/// What each function came to.
pub(super) fn functions(whole: &Service) -> Vec<FunctionRow> {
    let mut rows: Vec<_> =
        whole.functions.iter().map(|(f, counts)| function_row(f, counts)).collect();
    let mut total = function_row("all", &whole.total);
    total.total = true;
    rows.push(total);
    rows
}

fn function_row(name: &str, counts: &Counts) -> FunctionRow {
    let latency = |pick: fn(&Latency) -> u64| {
        counts.latency.as_ref().map_or_else(|| NONE.to_owned(), |l| Nanos(pick(l)).to_string())
    };
    FunctionRow {
        name: name.to_owned(),
        invoked: count(counts.invoked),
        ok: count(counts.ok),
        fail: count(counts.fail),
        info: count(counts.info),
        p50: latency(|l| l.p50_ns),
        p95: latency(|l| l.p95_ns),
        p99: latency(|l| l.p99_ns),
        max: latency(|l| l.max_ns),
        total: false,
    }
}
