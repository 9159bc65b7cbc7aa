//! Two runs side by side: what they were asked for, what they served, what was found.

use std::sync::Arc;

use askama::Template;

use super::charts::{Drawing, Scale, bars};
use super::figures::{self, Row};
use super::reply::{Refusal, Reply, html};
use super::tables::{self, OfLatency, PERCENTILES, Pair};
use super::{Asked, CSS, address};
use crate::store::{Run, pairs, read};
use crate::summary::{Counts, Results};
use crate::wording::{count, rate};

#[derive(Template)]
#[template(path = "serve/compare.html")]
struct Page {
    css: &'static str,
    here: &'static str,
    title: String,
    sides: [Side; 2],
    swapped: String,
    charts: Vec<(&'static str, String)>,
    tables: Vec<Table>,
}

#[derive(Template)]
#[template(path = "serve/choose.html")]
struct Choose {
    css: &'static str,
    here: &'static str,
    title: &'static str,
    sentence: &'static str,
}

struct Side {
    letter: &'static str,
    id: &'static str,
    shade: &'static str,
    mark: &'static str,
    headline: String,
    reason: String,
    page: String,
    run_id: String,
    when: String,
}

/// Results beyond this are not compared, in bytes: in memory they are many times as large.
const SIZE_MAX: u64 = 16 << 20;

/// Rows about one thing.
#[derive(Default)]
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) hint: String,
    pub(super) rows: Vec<Row>,
    /// What is said of rows that are left out, if any are.
    pub(super) more: String,
    /// What is said where there are no rows.
    pub(super) empty: &'static str,
    /// Rows that say little, as those that are the same on both sides, shown when asked for.
    pub(super) folded: Vec<Row>,
    /// What is said of them.
    pub(super) fold: String,
    pub(super) folded_more: String,
}

pub(super) fn page(asked: &Asked) -> Result<Reply, Refusal> {
    let pairs = pairs(&asked.query)?;
    let named = |wanted: &str| {
        let value = pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    };
    let sentence = match (named("a"), named("b")) {
        (Some(a), Some(b)) => return compare(asked, find(asked, a)?, find(asked, b)?),
        (None, None) => "No run is marked yet.",
        (Some(_), None) => "Only run A is marked yet.",
        (None, Some(_)) => "Only run B is marked yet.",
    };
    html(&Choose { css: CSS, here: "runs", title: "Choose two runs", sentence })
}

fn find<'i>(asked: &'i Asked, id: &str) -> Result<&'i Arc<Run>, Refusal> {
    let missing = || Refusal::not_found("One of these runs is not here. It may have been removed.");
    asked.index.run(id.trim_matches('/')).ok_or_else(missing)
}

fn compare(asked: &Asked, a: &Arc<Run>, b: &Arc<Run>) -> Result<Reply, Refusal> {
    let results_a = results(asked, a)?;
    asked.client.still_there()?;
    let results_b = results(asked, b)?;
    asked.client.still_there()?;
    let pair = Pair { a: &results_a, b: &results_b, run_a: a, run_b: b };
    html(&Page {
        css: CSS,
        here: "runs",
        title: format!("{} against {}", a.name, b.name),
        sides: [side("A", "a", a), side("B", "b", b)],
        swapped: address::of_pair(&b.id, &a.id),
        charts: vec![latencies(&pair), rates(&pair)],
        tables: tables::all(&pair),
    })
}

/// All results of a run. A run that has none cannot be compared.
fn results(asked: &Asked, run: &Run) -> Result<Results, Refusal> {
    let refuse =
        |why: &str| Refusal::not_found(format!("The run {} cannot be compared: {why}.", run.id));
    if run.digest.verdict.is_none() {
        return Err(refuse(&run.trouble));
    }
    let parts: Vec<&str> = run.id.split('/').chain(["results.json"]).collect();
    let file = asked.site.store.beneath().file(&parts).map_err(|e| refuse(&e.to_string()))?;
    let size = file.metadata().map_err(|error| refuse(&error.to_string()))?.len();
    if size > SIZE_MAX {
        return Err(refuse(&format!("its results.json has {} bytes", count(size))));
    }
    let bytes = read(file).map_err(|why| refuse(&why))?;
    serde_json::from_slice(&bytes).map_err(|error| refuse(&error.to_string()))
}

fn side(letter: &'static str, id: &'static str, run: &Run) -> Side {
    Side {
        letter,
        id,
        shade: run.digest.verdict.map_or("broken", |verdict| verdict.as_str()),
        mark: run.mark(),
        headline: run.digest.headline.clone(),
        reason: run.digest.reason.clone(),
        page: address::of_run(&run.id),
        run_id: run.id.clone(),
        when: run.when.to_string(),
    }
}

fn latencies(pair: &Pair<'_>) -> (&'static str, String) {
    let names: Vec<String> = PERCENTILES.map(|(name, _)| name.to_owned()).into();
    let of = |results: &Results, take: OfLatency| {
        results.whole.total.latency.as_ref().map(|latency| take(latency) as f64)
    };
    let values: Vec<_> = PERCENTILES.map(|(_, take)| (of(pair.a, take), of(pair.b, take))).into();
    let drawing = Drawing {
        says: "Latency percentiles of A and B, on a scale of powers of ten",
        names: &names,
        scale: Scale::Powers,
        write: figures::nanos,
    };
    ("Latency of what succeeded, all functions", bars(&drawing, &values))
}

fn rates(pair: &Pair<'_>) -> (&'static str, String) {
    let names: Vec<String> =
        ["no fault", "under faults", "after the last heal"].map(str::to_owned).into();
    let of = |counts: Option<&Counts>| counts.map(|counts| counts.ok_per_s);
    let takes: [fn(&Results) -> Option<&Counts>; 3] = [
        |results| (results.calm.seconds > 0.0).then_some(&results.calm.total),
        |results| (results.stormy.seconds > 0.0).then_some(&results.stormy.total),
        |results| results.after_last_heal.as_ref().map(|service| &service.total),
    ];
    let values: Vec<_> = takes.map(|take| (of(take(pair.a)), of(take(pair.b)))).into();
    let drawing = Drawing {
        says: "Successful operations a second of A and B",
        names: &names,
        scale: Scale::Linear,
        write: rate,
    };
    ("Successful operations a second", bars(&drawing, &values))
}
