//! The page of a suite over its nights, or of a series of runs.

use askama::Template;

use super::charts::{Drawing, Scale, line};
use super::figures;
use super::reply::{Refusal, Reply, html};
use super::trends::{Came, Column, Flaky, Line, Trends};
use super::{CSS, address, cut};
use crate::summary::RunVerdict;
use crate::wording::{percent, rate};

#[derive(Template)]
#[template(path = "serve/nights.html")]
struct Page {
    css: &'static str,
    here: &'static str,
    title: String,
    subtitle: String,
    troubles: Vec<String>,
    of_suite: bool,
    first: &'static str,
    nights: Vec<Head>,
    rows: Vec<Row>,
    more: String,
    flaky_hint: &'static str,
    flaky: Vec<FlakyRow>,
    flaky_more: String,
    trend_hint: &'static str,
    charts: Vec<(&'static str, String)>,
    figures: Vec<Figures>,
}

struct Head {
    day: String,
    time: String,
    address: Option<String>,
}

struct Row {
    name: String,
    expected: &'static str,
    cells: Vec<Option<Cell>>,
}

struct Cell {
    class: &'static str,
    sign: String,
    words: String,
    address: Option<String>,
}

struct FlakyRow {
    name: String,
    often: String,
    outcomes: String,
}

struct Figures {
    when: String,
    values: Vec<String>,
}

/// What the page is about.
pub(super) struct About {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) troubles: Vec<String>,
    pub(super) of_suite: bool,
}

/// One figure over the nights.
struct Measure {
    caption: &'static str,
    says: &'static str,
    scale: Scale,
    write: fn(f64) -> String,
    values: Vec<Option<f64>>,
}

pub(super) fn page(about: About, trends: &Trends) -> Result<Reply, Refusal> {
    let measures = measures(trends, about.of_suite);
    let days: Vec<String> = trends.nights.iter().map(short).collect();
    let chart = |measure: &Measure| {
        let drawing = Drawing {
            says: measure.says,
            names: &days,
            scale: measure.scale,
            write: measure.write,
        };
        (measure.caption, line(&drawing, &measure.values))
    };
    let (flaky_hint, trend_hint) = if about.of_suite {
        (
            "Runs whose verdict changed between nights on which the same was expected.",
            "Medians over the runs of a night.",
        )
    } else {
        ("Whether runs of this name come to different verdicts.", "")
    };
    let mut all_flaky = trends.flaky();
    let flaky_more = cut(&mut all_flaky);
    let mut lines: Vec<&Line> = trends.rows.iter().collect();
    let more = match cut(&mut lines) {
        more if more.is_empty() => more,
        more => format!("{more} All of them count in what is below."),
    };
    html(&Page {
        css: CSS,
        here: "suites",
        title: about.title,
        subtitle: about.subtitle,
        troubles: about.troubles,
        of_suite: about.of_suite,
        first: "Run",
        nights: trends.nights.iter().map(head).collect(),
        rows: lines.into_iter().map(|line| row(line, trends.nights.len())).collect(),
        more,
        flaky_hint,
        flaky: all_flaky.iter().map(flaky).collect(),
        flaky_more,
        trend_hint,
        charts: measures.iter().map(chart).collect(),
        // Newest first, as people look for it.
        figures: (0..trends.nights.len()).rev().map(|at| figures(trends, &measures, at)).collect(),
    })
}

fn measures(trends: &Trends, of_suite: bool) -> Vec<Measure> {
    let share = Measure {
        caption: "As expected",
        says: "Share of runs as expected, by night",
        scale: Scale::Share,
        write: percent,
        values: trends.as_expected(),
    };
    let rest = [
        Measure {
            caption: "Time to detection",
            says: "Time until a violation was certain, by night",
            scale: Scale::Linear,
            write: figures::nanos,
            values: trends.detection_ns(),
        },
        Measure {
            caption: "Ok a second",
            says: "Successful operations a second, by night",
            scale: Scale::Linear,
            write: rate,
            values: trends.ok_per_s(),
        },
        Measure {
            caption: "Share ok under faults",
            says: "Share of operations that succeeded under faults, by night",
            scale: Scale::Share,
            write: percent,
            values: trends.availability(),
        },
    ];
    of_suite.then_some(share).into_iter().chain(rest).collect()
}

/// A night in few characters: the day within its year.
fn short(night: &Column) -> String {
    night.when.day().get(5..).unwrap_or("?").to_owned()
}

fn head(night: &Column) -> Head {
    let time = night.when.as_str().get(11..16).unwrap_or_default();
    Head { day: short(night), time: time.to_owned(), address: night.address.clone() }
}

fn row(line: &Line, nights: usize) -> Row {
    Row {
        name: line.name.clone(),
        expected: line.expected().map_or("", RunVerdict::as_str),
        cells: line.over(nights).into_iter().map(|came| came.map(cell)).collect(),
    }
}

fn cell(came: &Came) -> Cell {
    let (class, remark) = match (came.expected, came.as_expected, &came.run) {
        (Some(_), true, _) => ("good", ", as expected"),
        (Some(_), false, _) => ("bad", ", not as expected"),
        (None, _, Some(run)) => (run.class(), ""),
        (None, _, None) => ("none", ""),
    };
    let unexpected = came.verdict.is_some() && !came.as_expected;
    Cell {
        class,
        sign: format!("{}{}", came.mark(), if unexpected { "!" } else { "" }),
        words: format!("{}{remark}", came.word()),
        address: came.run.as_ref().map(|run| address::of_run(&run.id)),
    }
}

fn flaky(flaky: &Flaky) -> FlakyRow {
    let outcomes: Vec<_> =
        flaky.outcomes.iter().map(|(word, number)| format!("{word} {number}×")).collect();
    FlakyRow {
        name: flaky.name.clone(),
        often: match flaky.expected {
            Some(_) => format!("{} of {} as expected", flaky.right, flaky.of),
            None => format!("{} of {} came to the same", flaky.right, flaky.of),
        },
        outcomes: outcomes.join(", "),
    }
}

fn figures(trends: &Trends, measures: &[Measure], at: usize) -> Figures {
    let value =
        |measure: &Measure| measure.values[at].map_or_else(|| "none".to_owned(), measure.write);
    Figures {
        when: trends.nights[at].when.to_string(),
        values: measures.iter().map(value).collect(),
    }
}
