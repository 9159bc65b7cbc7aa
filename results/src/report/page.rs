//! The words and tables of the report, as the template takes them.

use askama::Template;
use serde_json::Value;
use squall_checker::placement::Placement;
use squall_checker::verdict::{Precedence, Verdict};

use super::micros;
use super::tables::{
    CheckRow, DueRow, FunctionRow, LogRow, NONE, Stretch, checks, dues, functions, logs,
    not_applicable, stretches,
};
use super::timeline::Timeline;
use crate::checks::CheckReport;
use crate::summary::{
    ContradictionDetail, FaultRecord, OperationDetail, Order, Results, RunVerdict, StoryKind,
    StoryLine,
};
use crate::wording::{Millis, Nanos, count, instant, plural};

pub(crate) const CSS: &str = include_str!("../../assets/report.css");

/// In the order of their dependencies; they share one scope.
const JS: &str = concat!(
    include_str!("../../assets/axis.js"),
    include_str!("../../assets/draw.js"),
    include_str!("../../assets/lanes.js"),
    include_str!("../../assets/operations.js"),
    include_str!("../../assets/logs.js"),
    include_str!("../../assets/run.js"),
    include_str!("../../assets/contradiction.js"),
    include_str!("../../assets/graph.js"),
    include_str!("../../assets/order.js"),
    include_str!("../../assets/replay.js"),
    include_str!("../../assets/main.js"),
);

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    results: &'r Results,
    css: &'static str,
    js: &'static str,
    data: &'r str,
    mark: &'static str,
    /// How many of all operations the page holds, where not all; else empty.
    drawn: String,
    /// Whose legal orders the page holds; empty if there is none.
    ordered: String,
    orders_shown: usize,
    facts: Vec<Fact>,
    contradiction: Option<Shown>,
    story: Vec<StoryRow<'r>>,
    stretches: Vec<Stretch>,
    functions: Vec<FunctionRow>,
    dues: Vec<DueRow>,
    checks: Vec<CheckRow<'r>>,
    not_applicable: Vec<&'r CheckReport>,
    logs: Vec<LogRow>,
    evidence: Vec<FaultRow>,
    circumstances: Vec<Fact>,
    keys_in_doubt: Vec<String>,
    plan: String,
}

/// A name, a value and a smaller remark, which may be empty.
struct Fact {
    name: String,
    value: String,
    more: String,
}

struct Shown {
    title: String,
    explanation: String,
    /// How all operations but one fit an order; empty where they do not.
    placed: String,
    orders: Vec<String>,
    others_title: String,
    others: Vec<String>,
}

struct StoryRow<'r> {
    class: &'static str,
    time: String,
    /// The same in microseconds.
    at: u64,
    text: &'r str,
}

struct FaultRow {
    class: &'static str,
    word: &'static str,
    title: String,
    when: String,
    parts: Vec<Part>,
}

struct Part {
    name: &'static str,
    value: String,
}

/// Renders the page around the drawings of `timeline`, which are in `data` too, as text that
/// is safe inside a `script` element.
pub(super) fn render(results: &Results, timeline: &Timeline<'_>, data: &str) -> String {
    let page = Page {
        drawn: drawn(timeline),
        ordered: ordered(timeline),
        orders_shown: timeline.orders.len(),
        results,
        css: CSS,
        js: JS,
        data,
        mark: mark(results.verdict),
        facts: facts(results),
        contradiction: results.contradictions.first().map(|first| shown(results, first)),
        story: results.story.iter().map(story_row).collect(),
        stretches: stretches(results),
        functions: functions(&results.whole),
        dues: dues(results),
        checks: checks(results),
        not_applicable: not_applicable(results),
        logs: logs(results),
        evidence: results.faults.iter().map(fault_row).collect(),
        circumstances: circumstances(results),
        keys_in_doubt: keys_in_doubt(results),
        plan: pretty(&results.facts.plan),
    };
    page.render().expect("the template formats plain data into memory, which cannot fail")
}

/// What is missing on the page, and where it is to be had.
fn drawn(timeline: &Timeline<'_>) -> String {
    let operations = &timeline.operations;
    if operations.shown == operations.total {
        return String::new();
    }
    format!(
        "A page cannot hold all {} operations: the lines of the clients show {} of them, those \
         of the contradiction and around it, those that did not succeed, and of the rest the \
         longest of each client and moment, which looks the same from afar. Rates and latencies \
         count all. `squall report RUN --from 3s --to 4s` draws a stretch with every operation; \
         history.jsonl has them all.",
        count(operations.total as u64),
        count(operations.shown as u64),
    )
}

/// Whose orders are to be seen.
fn ordered(timeline: &Timeline<'_>) -> String {
    let (shown, all) = (timeline.orders.len(), timeline.ordered_keys);
    let here = match (shown, all) {
        (_, 0) => return String::new(),
        (shown, all) if shown == all => plural(all as u64, "key has", "keys have"),
        (shown, all) => {
            format!(
                "{} of {} that have a legal order",
                count(shown as u64),
                plural(all as u64, "key", "keys")
            )
        }
    };
    let have = if shown == all { " a legal order" } else { " are on this page" };
    format!(
        "{here}{have}: the proof that these operations are linearizable. Each operation takes \
         effect at one moment between its invocation and its completion; given here is the \
         earliest that the order allows. certificate.json has every order, and `squall verify` \
         goes through it."
    )
}

/// A shape beside the colour of each verdict.
pub(crate) fn mark(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Linearizable => "✓",
        RunVerdict::Violation => "✗",
        RunVerdict::Unknown => "?",
        RunVerdict::Inconclusive => "△",
        RunVerdict::Unavailable => "⊘",
        RunVerdict::Failed => "⊗",
    }
}

fn fact(name: &str, value: impl Into<String>, more: impl Into<String>) -> Fact {
    let value = Some(value.into()).filter(|value| !value.is_empty());
    Fact {
        name: name.to_owned(),
        value: value.unwrap_or_else(|| NONE.to_owned()),
        more: more.into(),
    }
}

fn facts(results: &Results) -> Vec<Fact> {
    let facts = &results.facts;
    let total = &results.whole.total;
    let held = results.faults.iter().filter(|fault| fault.took_hold).count();
    let planned = (facts.faults_planned as usize).max(results.faults.len());
    let bug = facts.bug.as_ref().map_or_else(String::new, |bug| format!("planted bug: {bug}"));
    let keys = plural(results.check.keys.len() as u64, "key", "keys");
    let mut list = vec![
        fact("System", facts.system.clone(), bug),
        fact("Workload", facts.workload.clone(), keys),
        fact("Cluster", plural(facts.nodes.len() as u64, "node", "nodes"), facts.network.clone()),
        fact(
            "Operations",
            count(total.invoked),
            format!("{} indeterminate, {} failed", count(total.info), count(total.fail)),
        ),
        fact("Faults that took hold", format!("{held} of {planned}"), ""),
        fact("Lasted", Nanos(results.duration_ns).to_string(), facts.started_utc.clone()),
        fact("Seed", facts.seed.to_string(), ""),
    ];
    if let Some(first) = results.contradictions.first() {
        list.push(fact("Contradiction complete at", instant(first.complete_ns), ""));
    }
    list.push(fact("Checked in", Millis(facts.timings.check_ms).to_string(), proof(results)));
    list.push(recovery(results));
    if let Some(gap) = results.availability.longest_gap {
        let longest = Nanos(gap.end_ns - gap.start_ns).to_string();
        let when = format!("at {}, with no fault in force", instant(gap.start_ns));
        list.push(fact("Longest time unserved", longest, when));
    }
    if let Some(fingerprint) = &results.fingerprint {
        list.push(fact("Fingerprint", fingerprint.id.clone(), fingerprint.label.clone()));
    }
    list
}

fn proof(results: &Results) -> String {
    match (results.facts.proof_verified, results.facts.timings.verify_ms) {
        (Some(true), Some(ms)) => format!("proof verified in {}", Millis(ms)),
        (Some(true), None) => "proof verified".to_owned(),
        (Some(false), _) => "proof rejected".to_owned(),
        (None, _) => "proof not verified".to_owned(),
    }
}

fn recovery(results: &Results) -> Fact {
    let recovered = &results.facts.recovered;
    let served = match recovered.served_again_ms {
        Some(ms) => format!("in {}", Millis(ms)),
        None if !recovered.was_looked_for() => "not looked for".to_owned(),
        None if results.availability.not_served_again.is_empty() => "never".to_owned(),
        None => format!("never: {}", results.availability.not_served_again.join(", ")),
    };
    let reads = format!(
        "{} of {} answered",
        count(recovered.final_reads_ok),
        plural(recovered.final_reads_expected, "final read", "final reads"),
    );
    fact("Served again after the heal", served, reads)
}

fn shown(results: &Results, first: &ContradictionDetail) -> Shown {
    let operations = plural(first.operations.len() as u64, "operation", "operations");
    let on = first.key.as_ref().map_or_else(String::new, |key| format!(" on key {key}"));
    let others: Vec<_> = results
        .check
        .keys
        .iter()
        .filter(|key| key.verdict == Verdict::Violation && key.key != first.key)
        .map(|key| key_line(key.key.as_deref(), key.reason.as_deref()))
        .collect();
    Shown {
        title: format!("{operations}{on}"),
        explanation: first.explanation.clone(),
        placed: first.placement.as_ref().map_or_else(String::new, |found| placed(found, first)),
        orders: first.orders.iter().filter_map(|order| order_sentence(order, first)).collect(),
        others_title: plural(
            others.len() as u64,
            "more key contradicts itself",
            "more keys contradict themselves",
        ),
        others,
    }
}

/// The order of all operations but one, as a sentence.
fn placed(placement: &Placement, of: &ContradictionDetail) -> String {
    let find = |id| of.operations.iter().find(|op| op.id == id);
    let labels = placement.order.iter().filter_map(|placed| find(placed.id));
    let labels: Vec<&str> = labels.map(|op| op.label.as_str()).collect();
    let left_out = find(placement.left_out).map_or_else(String::new, named);
    format!(
        "All but one of them fit an order of their own: {}. The numbers show it, at the earliest \
         moments it allows. {left_out} has no place in it.",
        labels.join(", then ")
    )
}

fn key_line(key: Option<&str>, reason: Option<&str>) -> String {
    format!("key {}: {}", key.unwrap_or(NONE), reason.unwrap_or("no reason given"))
}

fn order_sentence(order: &Order, of: &ContradictionDetail) -> Option<String> {
    let find = |id| of.operations.iter().find(|op| op.id == id).map(named);
    let (before, after) = (find(order.before)?, find(order.after)?);
    Some(match (order.why, order.gap_ns) {
        (Precedence::RealTime, Some(gap_ns)) => {
            format!("{before} was acknowledged {} before {after} began.", Nanos(gap_ns))
        }
        (Precedence::RealTime, None) => format!("{before} ended before {after} began."),
        (Precedence::ReadsFrom, _) => format!("{after} returned what {before} wrote."),
        (Precedence::SameValue, _) => {
            format!("{before} and {after} stand for the same value, which no other can part.")
        }
        (Precedence::InitialValue, _) => {
            format!("{before} returned the initial value, which {after} replaced for good.")
        }
        (Precedence::WriteWrite, _) => format!("{before} wrote before {after} did."),
        (Precedence::ReadWrite, _) => format!("{before} did not see what {after} wrote."),
    })
}

fn named(op: &OperationDetail) -> String {
    match &op.node {
        Some(node) => format!("{} (client {} at {node})", op.label, op.process),
        None => format!("{} (client {})", op.label, op.process),
    }
}

fn story_row(line: &StoryLine) -> StoryRow<'_> {
    let class = match line.kind {
        StoryKind::Fault => "fault",
        StoryKind::Leader => "leader",
        StoryKind::Operation => "operation",
        StoryKind::Contradiction => "contradiction",
    };
    StoryRow { class, time: instant(line.time_ns), at: micros(line.time_ns), text: &line.text }
}

fn fault_row(fault: &FaultRecord) -> FaultRow {
    let (class, word) = match (fault.took_hold, fault.undone_ns.is_some()) {
        (true, true) => ("good", "took hold"),
        (true, false) => ("doubt", "took hold, not undone"),
        (false, _) => ("bad", "did not take hold"),
    };
    let mut parts = Vec::new();
    let mut add = |name, value: &Value| {
        if !value.is_null() {
            parts.push(Part { name, value: pretty(value) });
        }
    };
    add("Observed when it was brought about", &fault.evidence);
    add("Observed when it was undone", &fault.undo_evidence);
    if let Some(note) = &fault.note {
        parts.push(Part { name: "Note", value: note.clone() });
    }
    if let Some(error) = &fault.error {
        parts.push(Part { name: "Error", value: error.clone() });
    }
    if parts.is_empty() {
        parts.push(Part { name: "Observed", value: "nothing was recorded".to_owned() });
    }
    let lasted = Nanos(fault.end_ns.saturating_sub(fault.start_ns));
    let when = format!("from {} for {lasted}", instant(fault.start_ns));
    FaultRow { class, word, title: fault.description.clone(), when, parts }
}

fn circumstances(results: &Results) -> Vec<Fact> {
    let facts = &results.facts;
    let procedures: Vec<_> = results
        .check
        .procedures
        .iter()
        .map(|(name, keys)| format!("{name}: {}", plural(*keys, "key", "keys")))
        .collect();
    let host = &facts.host;
    let timings = &facts.timings;
    let mut list = vec![
        fact("Model", results.check.model.clone(), procedures.join(", ")),
        fact(
            "Operations checked",
            count(results.check.operations),
            "indeterminate reads take no part",
        ),
        fact("Boot", Millis(timings.boot_ms).to_string(), first_write(timings.first_write_ms)),
        fact("Workload phase", Millis(timings.workload_ms).to_string(), ""),
        fact("Heal", Millis(timings.heal_ms).to_string(), ""),
        fact("Final reads", Millis(timings.final_reads_ms).to_string(), ""),
    ];
    // A history that came without its run comes without its host.
    if host.cpus > 0 {
        let processors = plural(host.cpus.into(), "processor", "processors");
        let more = format!("{}, {processors}, {} MB", host.kernel, count(host.memory_mb));
        list.push(fact("Host", host.os.clone(), more));
    }
    list.extend(facts.versions.iter().map(|(name, version)| fact(name, version.clone(), "")));
    list
}

fn first_write(ms: Option<u64>) -> String {
    ms.map_or_else(
        || "no write was acknowledged".to_owned(),
        |ms| format!("first write after {}", Millis(ms)),
    )
}

fn keys_in_doubt(results: &Results) -> Vec<String> {
    let doubtful = results.check.keys.iter().filter(|key| key.verdict != Verdict::Linearizable);
    doubtful.take(200).map(|key| key_line(key.key.as_deref(), key.reason.as_deref())).collect()
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).expect("a JSON value always serializes"),
    }
}
