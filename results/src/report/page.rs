//! The words and tables of the report, as the template takes them.

use askama::Template;
use serde_json::Value;
use squall_checker::verdict::Verdict;

use super::facts::{Fact, circumstances, facts};
use super::lanes::LANES_MAX;
use super::micros;
use super::operations::Share;
use super::sentences::{Shown, key_line, shown};
use super::tables::{
    CheckRow, DueRow, FunctionRow, LogRow, Stretch, checks, dues, functions, logs, not_applicable,
    stretches,
};
use super::timeline::{FAULTS_MAX, NODES_MAX, Timeline};
use crate::checks::CheckReport;
use crate::summary::{FaultRecord, Results, RunVerdict, StoryKind, StoryLine};
use crate::wording::{Nanos, count, instant, plural};

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

/// Rows of a table that has one for each fault or key; the rest is counted.
pub(super) const ROWS_MAX: usize = 200;

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
    /// With which stretch the axis begins; empty where it is the whole run.
    stretch: String,
    /// Whose legal orders the page holds; empty if there is none.
    ordered: String,
    orders_shown: usize,
    facts: Vec<Fact>,
    contradiction: Option<Shown>,
    /// Whether there are nodes to be seen in a replay.
    replays: bool,
    story: Vec<StoryRow<'r>>,
    stretches: Vec<Stretch>,
    functions: Vec<FunctionRow>,
    dues: Vec<DueRow>,
    checks: Vec<CheckRow<'r>>,
    not_applicable: Vec<&'r CheckReport>,
    logs: Vec<LogRow>,
    evidence: Vec<FaultRow>,
    /// Faults beyond those, which are only counted.
    evidence_more: usize,
    circumstances: Vec<Fact>,
    keys_in_doubt: Vec<String>,
    plan: String,
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
        drawn: drawn(timeline, results),
        stretch: timeline.closeup.map_or_else(String::new, |(from, to)| {
            let [from, to, whole] = [from * 1_000, to * 1_000, results.duration_ns].map(instant);
            format!("Begins with {from} to {to} of {whole}")
        }),
        ordered: ordered(timeline),
        orders_shown: timeline.orders.len(),
        results,
        css: CSS,
        js: JS,
        data,
        mark: mark(results.verdict),
        facts: facts(results),
        contradiction: results.contradictions.first().map(|first| shown(results, first)),
        replays: timeline.has_nodes(),
        story: results.story.iter().map(story_row).collect(),
        stretches: stretches(results),
        functions: functions(&results.whole),
        dues: dues(results),
        checks: checks(results),
        not_applicable: not_applicable(results),
        logs: logs(results),
        evidence: results.faults.iter().take(ROWS_MAX).map(fault_row).collect(),
        evidence_more: results.faults.len().saturating_sub(ROWS_MAX),
        circumstances: circumstances(results),
        keys_in_doubt: keys_in_doubt(results),
        plan: pretty(&results.facts.plan),
    };
    page.render().expect("the template formats plain data into memory, which cannot fail")
}

/// What is missing in the drawings, and where it is to be had; empty where nothing is.
fn drawn(timeline: &Timeline<'_>, results: &Results) -> String {
    let operations = &timeline.operations;
    let mut told = Vec::new();
    if operations.shown < operations.total {
        let of = |share: Share| {
            format!("{} of {}", count(share.shown as u64), count(share.total as u64))
        };
        let all = Share { shown: operations.shown, total: operations.total };
        let mut text =
            format!("A page cannot hold every operation of this run. It holds {}", of(all));
        if operations.near.total > 0 {
            let near = match timeline.closeup {
                Some(_) => "of the stretch asked for",
                None => "around the contradiction",
            };
            text.push_str(&format!(", {near} {}", of(operations.near)));
        }
        text.push_str(&format!(
            ", of those that did not succeed {}; of the rest the longest of each client and \
             moment, which looks the same from afar. Rates and latencies are of all. `squall report \
             RUN --from 3s --to 4s` makes a page of a stretch; history.jsonl has all operations.",
            of(operations.unsuccessful)
        ));
        told.push(text);
    }
    if let Some(clients) = operations.clients_sharing {
        let lines = count(LANES_MAX as u64);
        told.push(format!("{} clients share {lines} lines.", count(clients as u64)));
    }
    let nodes = results.facts.nodes.len();
    if nodes > NODES_MAX {
        told.push(format!("Of {} nodes the first {NODES_MAX} are drawn.", count(nodes as u64)));
    }
    let held = results.faults.iter().filter(|fault| fault.took_hold).count();
    if held > FAULTS_MAX {
        let first = count(FAULTS_MAX as u64);
        told.push(format!("Of {} faults the first {first} are drawn.", count(held as u64)));
    }
    told.join(" ")
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
         earliest that the order allows. Where the parts of a key, as the elements of a set, are \
         judged each by itself, the order is one for each part. certificate.json has every order, and `squall verify` \
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

fn keys_in_doubt(results: &Results) -> Vec<String> {
    let doubtful = results.check.keys.iter().filter(|key| key.verdict != Verdict::Linearizable);
    doubtful.take(ROWS_MAX).map(|key| key_line(key.key.as_deref(), key.reason.as_deref())).collect()
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).expect("a JSON value always serializes"),
    }
}
