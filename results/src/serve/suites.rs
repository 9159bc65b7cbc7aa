//! The suites and series there are, and each by itself.

use std::sync::Arc;

use askama::Template;

use super::nights::{self, About};
use super::reply::{Refusal, Reply, html};
use super::{Asked, CSS, ROWS_MAX, address, trends};
use crate::store::{Night, Run};
use crate::wording::{count, plural};

/// Nights or runs shown at once; what is older is only counted.
const NIGHTS_MAX: usize = 60;

#[derive(Template)]
#[template(path = "serve/suites.html")]
struct Page {
    css: &'static str,
    here: &'static str,
    title: &'static str,
    suites: Vec<Row>,
    series: Vec<Row>,
    more: String,
}

struct Row {
    name: String,
    address: String,
    number: String,
    when: String,
    class: &'static str,
    word: String,
}

pub(super) fn list(asked: &Asked) -> Result<Reply, Refusal> {
    let series = asked.index.series();
    let suites = asked.index.suites.iter();
    let more = suites.len().max(series.len()).saturating_sub(ROWS_MAX) as u64;
    html(&Page {
        css: CSS,
        here: "suites",
        title: "Suites and trends",
        suites: suites.take(ROWS_MAX).map(|(name, nights)| suite_row(name, nights)).collect(),
        series: series.iter().take(ROWS_MAX).map(|(name, runs)| series_row(name, runs)).collect(),
        more: if more > 0 { format!("{} more are not shown.", count(more)) } else { String::new() },
    })
}

/// A suite, which has at least one night.
fn suite_row(name: &str, nights: &[Arc<Night>]) -> Row {
    let last = nights.last();
    let (class, word) = match last.map(|night| &night.results) {
        Some(Ok(suite)) => {
            let right = suite.cells.len() - suite.unexpected();
            let (class, mark) =
                if suite.unexpected() == 0 { ("good", "✓") } else { ("bad", "✗") };
            (class, format!("{mark} {right} of {}", suite.cells.len()))
        }
        Some(Err(_)) | None => ("bad", "! damaged".to_owned()),
    };
    Row {
        name: name.to_owned(),
        address: format!("/suites/{}", address::escaped(name)),
        number: count(nights.len() as u64),
        when: last.map(|night| night.when.to_string()).unwrap_or_default(),
        class,
        word,
    }
}

/// A series, whose runs are newest first.
fn series_row(name: &str, runs: &[&Arc<Run>]) -> Row {
    let last = runs.first();
    Row {
        name: name.to_owned(),
        address: format!("/series/{}", address::escaped(name)),
        number: count(runs.len() as u64),
        when: last.map(|run| run.when.to_string()).unwrap_or_default(),
        class: last.map_or("none", |run| run.class()),
        word: last.map(|run| format!("{} {}", run.mark(), run.verdict_word())).unwrap_or_default(),
    }
}

pub(super) fn suite(asked: &Asked, name: &str) -> Result<Reply, Refusal> {
    let missing = || Refusal::not_found("There is no such suite here.");
    let all = asked.index.suites.get(name).ok_or_else(missing)?;
    let shown = &all[all.len().saturating_sub(NIGHTS_MAX)..];
    let trouble = |night: &Arc<Night>| {
        let why = night.results.as_ref().err()?;
        Some(format!("The night of {} cannot be read: {why}.", night.when))
    };
    let about = About {
        title: format!("Suite {name}"),
        subtitle: subtitle(shown.len(), all.len(), "night", "nights"),
        troubles: shown.iter().filter_map(trouble).collect(),
        of_suite: true,
    };
    nights::page(about, &trends::of_suite(shown, &asked.index))
}

pub(super) fn series(asked: &Asked, name: &str) -> Result<Reply, Refusal> {
    let missing = || Refusal::not_found("There are no runs of this name outside of suites.");
    let series = asked.index.series();
    let all = series.get(name).ok_or_else(missing)?;
    let shown = &all[..all.len().min(NIGHTS_MAX)];
    let about = About {
        title: format!("Runs called {name}"),
        subtitle: subtitle(shown.len(), all.len(), "run", "runs"),
        troubles: Vec::new(),
        of_suite: false,
    };
    nights::page(about, &trends::of_series(name, shown))
}

fn subtitle(shown: usize, of: usize, one: &str, many: &str) -> String {
    match shown == of {
        true => format!("{}, oldest first.", plural(of as u64, one, many)),
        false => format!("The newest {shown} of {}, oldest first.", plural(of as u64, one, many)),
    }
}
