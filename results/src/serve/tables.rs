//! The tables of a comparison, each a pure function of two runs' results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use squall_checker::verdict::Verdict;

use super::compare::Table;
use super::cut;
use super::figures::{COUNT, LATENCY, LENGTH, More, RATE, Row, SHARE};
use crate::checks::CheckReport;
use crate::store::Run;
use crate::summary::{Counts, FaultRecord, KeyVerdict, Latency, Results};
use crate::wording::{plural, shorten};

/// Two runs.
pub(super) struct Pair<'p> {
    pub(super) a: &'p Results,
    pub(super) b: &'p Results,
    pub(super) run_a: &'p Run,
    pub(super) run_b: &'p Run,
}

impl<'p> Pair<'p> {
    fn of<T>(&self, take: impl Fn(&'p Results) -> T) -> (T, T) {
        (take(self.a), take(self.b))
    }

    fn number(&self, take: impl Fn(&'p Results) -> u64) -> (Option<f64>, Option<f64>) {
        self.of(|results| Some(take(results) as f64))
    }

    /// What either of them has, each once and in order, and what is said of those
    /// that are left out.
    fn either(&self, take: impl Fn(&'p Results) -> Vec<&'p str>) -> (Vec<&'p str>, String) {
        let (a, b) = self.of(take);
        let all: BTreeSet<&str> = a.into_iter().chain(b).collect();
        let mut names: Vec<&str> = all.into_iter().collect();
        let more = cut(&mut names);
        (names, more)
    }
}

/// Values longer than this are cut short.
const VALUE_CHARS_MAX: usize = 200;

const MS: f64 = 1e6;

/// What was served in one kind of window, if there was one.
type OfWindow = fn(&Results) -> Option<&Counts>;

/// A percentile.
pub(super) type OfLatency = fn(&Latency) -> u64;

/// The windows that are told apart, with their names.
const WINDOWS: [(&str, OfWindow); 4] = [
    ("over all", |results| Some(&results.whole.total)),
    ("while no fault was in force", |r| (r.calm.seconds > 0.0).then_some(&r.calm.total)),
    ("under faults", |r| (r.stormy.seconds > 0.0).then_some(&r.stormy.total)),
    ("after the last heal", |r| r.after_last_heal.as_ref().map(|service| &service.total)),
];

/// The percentiles shown, with their names.
pub(super) const PERCENTILES: [(&str, OfLatency); 4] = [
    ("p50", |l| l.p50_ns),
    ("p95", |l| l.p95_ns),
    ("p99", |l| l.p99_ns),
    ("longest", |l| l.max_ns),
];

pub(super) fn all(pair: &Pair<'_>) -> Vec<Table> {
    vec![
        plan(pair),
        served(pair),
        latency(pair),
        faults(pair),
        recovery(pair),
        contradictions(pair),
        checks(pair),
    ]
}

fn plan(pair: &Pair<'_>) -> Table {
    let (a, b) = pair.of(asked_for);
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let value =
        |of: &BTreeMap<String, String>, name| or_none(of.get(name).map_or("", String::as_str));
    let rows =
        names.into_iter().map(|name| Row::texts(name.clone(), value(&a, name), value(&b, name)));
    // Another seed makes another schedule; its steps one by one would hide what else differs.
    let follows =
        |row: &Row| a.get("seed") != b.get("seed") && row.name.starts_with("schedule.steps.");
    let (mut rows, mut folded): (Vec<_>, Vec<_>) =
        rows.partition(|row| row.differs() && !follows(row));
    let schedule = folded.iter().filter(|row| row.differs()).count() as u64;
    let mut fold =
        format!("{} the same", plural(folded.len() as u64 - schedule, "line is", "lines are"));
    if schedule > 0 {
        let lines = plural(schedule, "line", "lines");
        fold.push_str(&format!("; {lines} of the fault schedule differ with the seed"));
    }
    let more = cut(&mut rows);
    let folded_more = cut(&mut folded);
    Table {
        id: "plan",
        title: "What was asked for",
        hint: "What differs; the rest is folded below.".to_owned(),
        rows,
        more,
        empty: "The same plan in the same circumstances.",
        fold,
        folded,
        folded_more,
    }
}

/// The plan and the circumstances, as names and values.
fn asked_for(results: &Results) -> BTreeMap<String, String> {
    let facts = &results.facts;
    let mut lines = BTreeMap::new();
    flatten("", &facts.plan, &mut lines);
    let mut add = |name: &str, value: String| {
        lines.entry(name.to_owned()).or_insert_with(|| shorten(&value, VALUE_CHARS_MAX));
    };
    add("system", facts.system.clone());
    add("workload", facts.workload.clone());
    add("bug", facts.bug.clone().unwrap_or_default());
    add("seed", facts.seed.to_string());
    add("(network)", facts.network.clone());
    add("(host)", format!("{}, {} processors", facts.host.os, facts.host.cpus));
    for (name, version) in &facts.versions {
        add(&format!("(version of {name})"), version.clone());
    }
    lines
}

fn flatten(at: &str, value: &Value, lines: &mut BTreeMap<String, String>) {
    let join = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| flatten(&join(name), value, lines));
        }
        Value::Array(values)
            if values.iter().any(|value| value.is_object() || value.is_array()) =>
        {
            for (number, value) in values.iter().enumerate() {
                flatten(&join(&(number + 1).to_string()), value, lines);
            }
        }
        Value::Null => {}
        plain => {
            let text = plain.as_str().map_or_else(|| plain.to_string(), str::to_owned);
            lines.insert(at.to_owned(), shorten(&text, VALUE_CHARS_MAX));
        }
    }
}

fn served(pair: &Pair<'_>) -> Table {
    let total = |take: fn(&Counts) -> u64| pair.number(move |results| take(&results.whole.total));
    let mut rows = vec![
        Row::numbers("operations invoked", COUNT, More::Neither, total(|c| c.invoked)),
        Row::numbers("ok", COUNT, More::Neither, total(|c| c.ok)),
        Row::numbers("failed", COUNT, More::Neither, total(|c| c.fail)),
        Row::numbers("indeterminate", COUNT, More::Worse, total(|c| c.info)),
    ];
    let mut each = |what: &str, unit, figure: fn(&Counts) -> Option<f64>| {
        rows.extend(WINDOWS.map(|(name, take)| {
            let figures = pair.of(|results| take(results).and_then(figure));
            Row::numbers(format!("{what} {name}"), unit, More::Better, figures)
        }));
    };
    each("ok a second", RATE, |counts| Some(counts.ok_per_s));
    each("share ok", SHARE, |counts| counts.ok_share);
    let lasted = pair.number(|results| results.duration_ns);
    rows.push(Row::numbers("lasted", LENGTH, More::Neither, lasted));
    Table {
        id: "served",
        title: "What was served",
        hint: "Every difference says what B is against A.".to_owned(),
        rows,
        ..Table::default()
    }
}

fn latency(pair: &Pair<'_>) -> Table {
    let mut rows = Vec::new();
    let mut add = |name: &str, (a, b): (Option<&Latency>, Option<&Latency>)| {
        for (word, take) in PERCENTILES {
            let of = |latency: Option<&Latency>| latency.map(|latency| take(latency) as f64);
            rows.push(Row::numbers(format!("{name} {word}"), LATENCY, More::Worse, (of(a), of(b))));
        }
    };
    add("all", pair.of(|results| results.whole.total.latency.as_ref()));
    let (functions, more) =
        pair.either(|results| results.whole.functions.keys().map(String::as_str).collect());
    for f in functions {
        let of = |results: &'_ Results| results.whole.functions.get(f).and_then(|c| c.latency);
        let (a, b) = pair.of(of);
        add(f, (a.as_ref(), b.as_ref()));
    }
    Table {
        id: "latency",
        title: "Latency",
        hint: "From invocation to completion of the operations that succeeded.".to_owned(),
        rows,
        more,
        ..Table::default()
    }
}

fn faults(pair: &Pair<'_>) -> Table {
    let held =
        |results: &Results| results.faults.iter().filter(|fault| fault.took_hold).count() as u64;
    let planned = |results: &Results| {
        u64::from(results.facts.faults_planned).max(results.faults.len() as u64)
    };
    let mut rows = vec![
        Row::numbers("faults planned", COUNT, More::Neither, pair.number(planned)),
        Row::numbers("faults that took hold", COUNT, More::Neither, pair.number(held)),
    ];
    let (kinds, more) =
        pair.either(|results| results.faults.iter().map(|fault| &*fault.kind).collect());
    for kind in kinds {
        let of = |results| of_kind(results, kind);
        let numbers = pair.of(|results| Some(of(results).count() as f64));
        rows.push(Row::numbers(format!("{kind} that took hold"), COUNT, More::Neither, numbers));
        let shares = pair.of(|results| {
            let sum =
                |take: fn(&Counts) -> u64| of(results).map(|f| take(&f.service.total)).sum::<u64>();
            let (ok, invoked) = (sum(|c| c.ok), sum(|c| c.invoked));
            (invoked > 0).then(|| ok as f64 / invoked as f64)
        });
        rows.push(Row::numbers(format!("share ok under {kind}"), SHARE, More::Better, shares));
    }
    Table {
        id: "faults",
        title: "Faults, and availability under each kind",
        hint: "The share of operations invoked while such a fault was in force that succeeded."
            .to_owned(),
        rows,
        more,
        ..Table::default()
    }
}

fn of_kind<'r>(results: &'r Results, kind: &'r str) -> impl Iterator<Item = &'r FaultRecord> {
    results.faults.iter().filter(move |fault| fault.took_hold && fault.kind == kind)
}

fn recovery(pair: &Pair<'_>) -> Table {
    let again = pair.of(|r| r.facts.recovered.served_again_ms.map(|ms| ms as f64 * MS));
    let reads = |results: &Results| {
        let recovered = &results.facts.recovered;
        (recovered.final_reads_expected > 0)
            .then(|| recovered.final_reads_ok as f64 / recovered.final_reads_expected as f64)
    };
    let gap = |results: &Results| {
        results.availability.longest_gap.map(|gap| gap.end_ns.saturating_sub(gap.start_ns) as f64)
    };
    let silent = pair.of(|results| results.availability.not_served_again.join(", "));
    let mut rows = vec![
        Row::numbers("served again after the heal", LENGTH, More::Worse, again),
        Row::numbers("final reads answered", SHARE, More::Better, pair.of(reads)),
        Row::numbers("longest time unserved without a fault", LENGTH, More::Worse, pair.of(gap)),
    ];
    rows.push(Row::texts("nodes that did not serve again", or_none(silent.0), or_none(silent.1)));
    Table {
        id: "recovery",
        title: "Recovery",
        hint: "Once every fault was undone.".to_owned(),
        rows,
        ..Table::default()
    }
}

fn contradictions(pair: &Pair<'_>) -> Table {
    // Only the first of them are kept whole; every key has its verdict.
    let violated = |key: &&KeyVerdict| key.verdict == Verdict::Violation;
    let number = pair.number(|results| results.check.keys.iter().filter(violated).count() as u64);
    let kind = |results: &Results| {
        let first = results.contradictions.first();
        first
            .and_then(|first| serde_json::to_value(first.kind).ok())
            .and_then(|kind| kind.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let kinds = pair.of(kind);
    let size = pair.of(|r| r.contradictions.first().map(|first| first.operations.len() as f64));
    let detected =
        [pair.run_a, pair.run_b].map(|run| run.digest.detected_ms.map(|ms| ms as f64 * MS));
    let told = |text| or_none(shorten(text, 600));
    let explained = pair.of(|r| r.contradictions.first().map_or("", |first| &*first.explanation));
    let prints = [pair.run_a, pair.run_b].map(|run| {
        run.digest.fingerprint.as_ref().map(|print| print.label.clone()).unwrap_or_default()
    });
    let [print_a, print_b] = prints;
    Table {
        id: "contradictions",
        title: "Contradictions",
        hint: "How many keys contradict themselves, and of each run the contradiction that was \
               complete first."
            .to_owned(),
        rows: vec![
            Row::texts("verdict", pair.a.verdict.as_str(), pair.b.verdict.as_str()),
            Row::numbers("contradictions", COUNT, More::Worse, number),
            Row::texts("kind of the first", or_none(kinds.0), or_none(kinds.1)),
            Row::numbers("operations in the first", COUNT, More::Neither, size),
            Row::numbers("detected after", LENGTH, More::Neither, (detected[0], detected[1])),
            Row::texts("fingerprint", or_none(print_a), or_none(print_b)),
            Row::texts("explanation", told(explained.0), told(explained.1)),
        ],
        ..Table::default()
    }
}

fn checks(pair: &Pair<'_>) -> Table {
    let (names, more) =
        pair.either(|results| results.checks.iter().map(|c| c.name.as_str()).collect());
    let of = |results: &Results, name: &str| {
        let check = results.checks.iter().find(|check| check.name.as_str() == name);
        check.map_or_else(|| "not made".to_owned(), told)
    };
    let rows = names.into_iter().map(|name| {
        let (a, b) = pair.of(|results| of(results, name));
        let mut row = Row::texts(name, a, b);
        if status(pair.a, name) == status(pair.b, name) {
            (row.class, row.sign, row.word) = ("same", "=", "came to the same".to_owned());
        }
        row
    });
    Table {
        id: "checks",
        title: "Checks beside linearizability",
        hint: "What each came to, and why.".to_owned(),
        rows: rows.collect(),
        more,
        empty: "Neither run has any.",
        ..Table::default()
    }
}

fn told(check: &CheckReport) -> String {
    format!("{}: {}", check.status.as_str(), shorten(&check.sentence, VALUE_CHARS_MAX))
}

fn status(results: &Results, name: &str) -> &'static str {
    let check = results.checks.iter().find(|check| check.name.as_str() == name);
    check.map_or("", |check| check.status.as_str())
}

fn or_none(text: impl Into<String>) -> String {
    let text = text.into();
    if text.is_empty() { "none".to_owned() } else { text }
}
