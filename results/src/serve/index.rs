//! The index: every run, searched and filtered, and the same as JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use serde::Serialize;

use super::reply::{Refusal, Reply, html};
use super::{Asked, CSS, address};
use crate::store::{Digest, Index, NIGHTS_MAX, Query, RUNS_MAX, Run};
use crate::wording::{Millis, Nanos, count, plural};

/// Runs on one page.
const PAGE: usize = 100;

/// Choices beyond this many are not offered; they can still be searched for.
const CHOICES_MAX: usize = 200;

/// Folders that cannot be read and are named; the rest is only counted.
const UNREADABLE_SHOWN_MAX: usize = 5;

/// Faults shown of a run before the rest is only counted.
const FAULTS_SHOWN_MAX: usize = 8;

#[derive(Template)]
#[template(path = "serve/index.html")]
struct Page<'i> {
    css: &'static str,
    here: &'static str,
    title: String,
    store: String,
    store_is_empty: bool,
    query: &'i Query,
    filtered: bool,
    choices: Vec<Choice<'i>>,
    kept: Vec<(&'static str, &'i str)>,
    counted: String,
    remarks: Vec<String>,
    rows: Vec<Row<'i>>,
    pages: Vec<(String, String)>,
    json: String,
}

struct Choice<'i> {
    label: &'static str,
    name: &'static str,
    values: Vec<(&'i str, bool)>,
}

struct Row<'i> {
    run: &'i Run,
    page: String,
    same: String,
    faults: String,
    operations: String,
    lasted: String,
    detected: String,
}

#[derive(Serialize)]
struct Listing<'i> {
    squall: u32,
    query: &'i Query,
    total: usize,
    page: usize,
    pages: usize,
    runs: Vec<&'i Run>,
}

/// What was found, and the part of it that is shown.
struct Found<'i> {
    all: Vec<&'i Arc<Run>>,
    page: usize,
    pages: usize,
}

impl<'i> Found<'i> {
    fn of(asked: &'i Asked, query: &Query) -> Result<Self, Refusal> {
        let all = query.select(&asked.index.runs);
        let pages = all.len().div_ceil(PAGE).max(1);
        if query.page > pages {
            return Err(Refusal::not_found(format!(
                "There is no page {}; what was found fills {}.",
                query.page,
                plural(pages as u64, "page", "pages")
            )));
        }
        Ok(Self { all, page: query.page, pages })
    }

    fn shown(&self) -> &[&'i Arc<Run>] {
        let from = (self.page - 1) * PAGE;
        &self.all[from..self.all.len().min(from + PAGE)]
    }
}

pub(super) fn json(asked: &Asked) -> Result<Reply, Refusal> {
    let query = Query::parse(&asked.query)?;
    let found = Found::of(asked, &query)?;
    let listing = Listing {
        squall: 1,
        query: &query,
        total: found.all.len(),
        page: found.page,
        pages: found.pages,
        runs: found.shown().iter().map(|run| &***run).collect(),
    };
    serde_json::to_string_pretty(&listing).map(Reply::Json).map_err(|error| Refusal::broken(&error))
}

pub(super) fn page(asked: &Asked) -> Result<Reply, Refusal> {
    let query = Query::parse(&asked.query)?;
    let found = Found::of(asked, &query)?;
    let index = &asked.index;
    let with_choice = ["name", "suite", "fingerprint"];
    let mut fields = query.fields();
    let json = address::of_index(&fields).replacen('/', "/api/runs", 1);
    let pages = if found.pages > 1 { pages(&query, found.page, found.pages) } else { Vec::new() };
    fields.retain(|(name, _)| with_choice.contains(name));
    let remarks = remarks(index);
    html(&Page {
        css: CSS,
        here: "runs",
        title: "Runs".to_owned(),
        store: asked.site.store.folder().display().to_string(),
        store_is_empty: index.runs.is_empty() && remarks.is_empty(),
        filtered: !query.asks_for_all(),
        choices: choices(&index.runs, &query),
        kept: fields,
        counted: counted(&found, index.runs.len()),
        remarks,
        rows: found.shown().iter().map(|run| row(run)).collect(),
        pages,
        json,
        query: &query,
    })
}

/// What is missing from the index, in sentences.
pub(super) fn remarks(index: &Index) -> Vec<String> {
    let unreadable = index.unreadable.iter().take(UNREADABLE_SHOWN_MAX);
    let mut remarks: Vec<String> =
        unreadable.map(|why| format!("! Could not be read: {why}.")).collect();
    let more = index.unreadable.len().saturating_sub(UNREADABLE_SHOWN_MAX) as u64;
    if more > 0 {
        let folders = plural(more, "folder", "folders");
        remarks.push(format!("! {folders} more could not be read."));
    }
    if index.more {
        remarks.push(format!("! Only {} runs are listed.", count(RUNS_MAX as u64)));
    }
    if index.more_nights {
        remarks.push(format!("! Only {} nights of suites are listed.", count(NIGHTS_MAX as u64)));
    }
    remarks
}

fn counted(found: &Found<'_>, of: usize) -> String {
    let shown = plural(found.all.len() as u64, "run", "runs");
    let mut counted =
        if found.all.len() == of { shown } else { format!("{shown} of {}", count(of as u64)) };
    if found.pages > 1 {
        counted.push_str(&format!(", page {} of {}", found.page, found.pages));
    }
    counted
}

/// The pages around the one shown, the first and the last; the one shown has no address.
fn pages(query: &Query, shown: usize, pages: usize) -> Vec<(String, String)> {
    let near = shown.saturating_sub(3).max(1)..=(shown + 3).min(pages);
    let numbers: BTreeSet<usize> = near.chain([1, pages]).collect();
    let address = |number: usize| {
        let written = number.to_string();
        let mut fields = query.fields();
        fields.push(("page", &written));
        address::of_index(&fields)
    };
    let mut list = Vec::new();
    if shown > 1 {
        list.push(("newer".to_owned(), address(shown - 1)));
    }
    list.extend(numbers.into_iter().map(|number| {
        let address = if number == shown { String::new() } else { address(number) };
        (number.to_string(), address)
    }));
    if shown < pages {
        list.push(("older".to_owned(), address(shown + 1)));
    }
    list
}

fn choices<'i>(runs: &'i [Arc<Run>], query: &'i Query) -> Vec<Choice<'i>> {
    let choice = |label, name, chosen: &'i str, of: &dyn Fn(&'i Run) -> Vec<&'i str>| {
        let mut values: BTreeSet<&str> = runs.iter().flat_map(|run| of(run)).collect();
        values.remove("");
        let mut values: Vec<_> = values.into_iter().take(CHOICES_MAX).collect();
        // What was asked for stays asked for, also where no run has it.
        if !chosen.is_empty() && !values.contains(&chosen) {
            values.push(chosen);
        }
        let values = values.into_iter().map(|value| (value, value == chosen)).collect();
        Choice { label, name, values }
    };
    vec![
        choice("Verdict", "verdict", &query.verdict, &|run| vec![run.verdict_word()]),
        choice("System", "system", &query.system, &|run| vec![&run.digest.system]),
        choice("Workload", "workload", &query.workload, &|run| vec![&run.digest.workload]),
        choice("Fault that took hold", "fault", &query.fault, &|run| {
            run.digest.faults.iter().flat_map(|fault| [&*fault.f, &*fault.kind]).collect()
        }),
    ]
}

fn row(run: &Arc<Run>) -> Row<'_> {
    let digest = &run.digest;
    let known = digest.verdict.is_some();
    let print = digest.fingerprint.as_ref().map_or("", |print| &print.id);
    Row {
        run,
        page: address::of_run(&run.id),
        same: address::of_index(&[("fingerprint", print)]),
        faults: faults(digest),
        operations: if known { count(digest.operations) } else { String::new() },
        lasted: if known { Nanos(digest.duration_ns).to_string() } else { String::new() },
        detected: digest.detected_ms.map_or_else(String::new, |ms| Millis(ms).to_string()),
    }
}

/// What the nemesis did that took hold, in a few words.
fn faults(digest: &Digest) -> String {
    let functions: BTreeSet<&str> = digest.faults.iter().map(|fault| fault.f.as_str()).collect();
    listed(functions, digest)
}

/// The kinds of faults that took hold, in more words.
pub(super) fn kinds(digest: &Digest) -> String {
    let kinds: BTreeSet<&str> = digest.faults.iter().map(|fault| fault.kind.as_str()).collect();
    listed(kinds, digest)
}

fn listed(names: BTreeSet<&str>, digest: &Digest) -> String {
    let more = names.len().saturating_sub(FAULTS_SHOWN_MAX);
    let mut shown: Vec<String> =
        names.into_iter().take(FAULTS_SHOWN_MAX).map(str::to_owned).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    match shown.is_empty() {
        true if digest.verdict.is_some() => "none".to_owned(),
        _ => shown.join(", "),
    }
}
