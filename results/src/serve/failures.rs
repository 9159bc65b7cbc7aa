//! Failures grouped by what makes them equal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;

use super::reply::{Refusal, Reply, html};
use super::{Asked, CSS, address, cut};
use crate::store::Run;
use crate::summary::RunVerdict;
use crate::wording::{count, plural};

/// Names listed before the rest is only counted.
const NAMES_MAX: usize = 6;

#[derive(Template)]
#[template(path = "serve/failures.html")]
struct Page {
    css: &'static str,
    here: &'static str,
    title: &'static str,
    rows: Vec<Row>,
    without: String,
    more: String,
}

struct Row {
    anchor: String,
    id: String,
    label: String,
    often: String,
    all: String,
    first: String,
    last: String,
    systems: String,
    places: String,
    newest: String,
    newest_name: String,
}

pub(super) fn page(asked: &Asked) -> Result<Reply, Refusal> {
    let mut groups: BTreeMap<&str, Vec<&Arc<Run>>> = BTreeMap::new();
    for run in &asked.index.runs {
        if let Some(print) = &run.digest.fingerprint {
            groups.entry(&print.id).or_default().push(run);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // Newest first; the runs of each group are in that order already.
    groups.sort_by(|(_, a), (_, b)| b[0].when.cmp(&a[0].when));
    let bare = asked.index.runs.iter().filter(|run| {
        run.digest.verdict == Some(RunVerdict::Violation) && run.digest.fingerprint.is_none()
    });
    let more = cut(&mut groups);
    let without = match bare.count() as u64 {
        0 => String::new(),
        n => format!("{} no fingerprint.", plural(n, "violation has", "violations have")),
    };
    html(&Page {
        css: CSS,
        here: "failures",
        title: "Failures",
        rows: groups.into_iter().map(|(id, runs)| row(id, &runs)).collect(),
        without,
        more,
    })
}

/// A group, which is not empty and newest first.
fn row(id: &str, runs: &[&Arc<Run>]) -> Row {
    let newest = runs[0];
    let oldest = runs.last().copied().unwrap_or(newest);
    let label = newest.digest.fingerprint.as_ref().map_or("", |print| &print.label);
    let systems = runs.iter().map(|run| run.digest.system.as_str());
    let places = runs.iter().map(|run| run.suite.as_deref().unwrap_or(&run.name));
    Row {
        anchor: format!("f-{id}"),
        id: id.to_owned(),
        label: if label.is_empty() { id.to_owned() } else { label.to_owned() },
        often: format!("{}×", count(runs.len() as u64)),
        all: address::of_index(&[("fingerprint", id)]),
        first: oldest.when.to_string(),
        last: newest.when.to_string(),
        systems: names(systems),
        places: names(places),
        newest: address::of_run(&newest.id),
        newest_name: format!("{} of {}", newest.name, newest.when.day()),
    }
}

/// Each name once, the first few of them.
fn names<'n>(all: impl Iterator<Item = &'n str>) -> String {
    let all: BTreeSet<&str> = all.collect();
    let more = all.len().saturating_sub(NAMES_MAX);
    let mut shown: Vec<String> = all.into_iter().take(NAMES_MAX).map(str::to_owned).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}
