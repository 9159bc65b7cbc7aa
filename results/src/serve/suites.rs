//! The suites and series there are, and each by itself.

use std::sync::Arc;

use askama::Template;

use super::nights::{self, About};
use super::reply::{Refusal, Reply, html};
use super::{Asked, CSS, address, cut, index, trends};
use crate::store::{Night, Run, unexpected};
use crate::wording::{count, plural};

/// Nights or runs shown at once; what is older is only counted.
const NIGHTS_MAX: usize = 60;

#[derive(Template)]
#[template(path = "serve/suites.html")]
struct Page {
    css: &'static str,
    here: &'static str,
    title: &'static str,
    suites: Rows,
    series: Rows,
    remarks: Vec<String>,
}

/// The rows of a table that are shown, and what is said of the others.
struct Rows {
    shown: Vec<Row>,
    more: String,
}

impl Rows {
    fn of<T>(all: impl Iterator<Item = T>, row: impl Fn(T) -> Row) -> Self {
        let mut shown: Vec<T> = all.collect();
        let more = cut(&mut shown);
        Self { shown: shown.into_iter().map(row).collect(), more }
    }
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
    html(&Page {
        css: CSS,
        here: "suites",
        title: "Suites and trends",
        suites: Rows::of(suites, |(name, nights)| suite_row(name, nights)),
        series: Rows::of(series.iter(), |(name, runs)| series_row(name, runs)),
        remarks: index::remarks(&asked.index),
    })
}

/// A suite, which has at least one night.
fn suite_row(name: &str, nights: &[Arc<Night>]) -> Row {
    let last = nights.last();
    let (class, word) = match last.map(|night| &night.cells) {
        Some(Ok(cells)) => {
            let wrong = unexpected(cells);
            let (class, mark) = if wrong == 0 { ("good", "✓") } else { ("bad", "✗") };
            (class, format!("{mark} {} of {}", cells.len() - wrong, cells.len()))
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
        let why = night.cells.as_ref().err()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_says_what_it_leaves_out() {
        let rows = |number: usize| Rows::of(0..number, |_| series_row("name", &[]));
        assert_eq!((rows(3).shown.len(), rows(3).more.as_str()), (3, ""));
        let cut = rows(1_700);
        assert_eq!((cut.shown.len(), cut.more.as_str()), (500, "1,200 more are not shown."));
    }
}
