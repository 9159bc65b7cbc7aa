//! Which folders of a store are runs, and which are nights of suites.
//!
//! A folder with a history or results is a run; one with a `suite.json` is a night. Nothing
//! is read here but folders, so that looking again costs little. Folders deeper than any
//! command makes them are not looked into.

use std::cmp::Reverse;
use std::io;
use std::os::fd::OwnedFd;

use super::beneath::{self, Beneath, Names, Stamp};
use crate::wording::plural;

/// Folders between the store and a run that are looked into.
const DEPTH_MAX: usize = 8;

/// Runs beyond this many are not listed.
pub const RUNS_MAX: usize = 100_000;

/// Nights of suites beyond this many are not listed: more than five years of them.
pub const NIGHTS_MAX: usize = 2_000;

/// How much is listed at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) runs: usize,
    pub(super) nights: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { runs: RUNS_MAX, nights: NIGHTS_MAX }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) runs: Vec<FoundRun>,
    pub(super) nights: Vec<FoundNight>,
    /// Folders that could not be looked into, with why.
    pub(super) unreadable: Vec<String>,
    /// There are more runs than are listed.
    pub(super) more: bool,
    /// There are more nights than are listed.
    pub(super) more_nights: bool,
}

/// A folder that is a run.
#[derive(Debug)]
pub(super) struct FoundRun {
    /// Where it lies, from the store.
    pub(super) id: String,
    pub(super) results: Option<Stamp>,
    pub(super) has_report: bool,
}

/// A folder that is a night of a suite.
#[derive(Debug)]
pub(super) struct FoundNight {
    /// Where it lies, from the store.
    pub(super) id: String,
    pub(super) suite: Stamp,
}

/// Looks through the store; one that does not exist is empty.
pub(super) fn walk(store: &Beneath, bounds: Bounds) -> io::Result<Found> {
    let mut found = Found::default();
    match store.folder(&[]) {
        Ok(root) => visit(&root, "", 0, bounds, &mut found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    found.more_nights = found.nights.len() > bounds.nights;
    if found.more_nights {
        // Folders of nights are called by when they began: the newest stay.
        let leaf = |night: &FoundNight| night.id.rsplit('/').next().map(str::to_owned);
        found.nights.sort_by_cached_key(|night| Reverse(leaf(night)));
        found.nights.truncate(bounds.nights);
    }
    Ok(found)
}

fn visit(
    folder: &OwnedFd,
    id: &str,
    depth: usize,
    bounds: Bounds,
    found: &mut Found,
) -> io::Result<()> {
    let Names { plain: names, unnamed } = beneath::list(folder)?;
    let has = |wanted: &str| names.iter().any(|entry| !entry.is_folder && entry.name == wanted);
    if depth > 0 && (has("results.json") || has("history.jsonl")) {
        if found.runs.len() >= bounds.runs {
            found.more = true;
            return Ok(());
        }
        found.runs.push(FoundRun {
            id: id.to_owned(),
            results: beneath::stamp(folder, "results.json").ok(),
            has_report: has("report.html"),
        });
        return Ok(());
    }
    if unnamed > 0 {
        let place = if id.is_empty() { "the store itself" } else { id };
        let names = plural(unnamed as u64, "name in it is", "names in it are");
        found.unreadable.push(format!("{place}: {names} no plain text"));
    }
    if let (1.., Ok(suite)) = (depth, beneath::stamp(folder, "suite.json")) {
        found.nights.push(FoundNight { id: id.to_owned(), suite });
    }
    if depth >= DEPTH_MAX {
        return Ok(());
    }
    for entry in names.iter().filter(|entry| entry.is_folder && !entry.name.starts_with('.')) {
        let inner = match id {
            "" => entry.name.clone(),
            _ => format!("{id}/{}", entry.name),
        };
        let looked = beneath::inner(folder, &entry.name)
            .and_then(|folder| visit(&folder, &inner, depth + 1, bounds, found));
        match looked {
            Ok(()) => {}
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found.unreadable.push(format!("{inner}: {error}")),
        }
    }
    Ok(())
}
