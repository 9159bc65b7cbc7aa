//! One night of a suite: of its `suite.json` what an index needs, and no more.
//!
//! Plans, reasons and commands are skipped without being kept, so that many nights of large
//! suites take little memory.

use std::sync::Arc;

use serde::Deserialize;

use super::digest::NAME_CHARS_MAX;
use super::{Index, Run, When};
use crate::summary::RunVerdict;
use crate::wording::{count, shorten};

/// A suite of more runs than this is not read.
const CELLS_MAX: usize = 10_000;

/// Where a run lies is kept up to this length, in bytes; no run lies deeper.
const RUN_DIR_BYTES_MAX: usize = 1_024;

/// One night of a suite.
#[derive(Debug)]
pub struct Night {
    /// Where its folder lies, from the store.
    pub id: String,
    /// The name of the suite, as its folder is called.
    pub suite: String,
    /// When it began.
    pub when: When,
    /// What its runs came to, in plan order, or why that cannot be read.
    pub cells: Result<Vec<NightCell>, String>,
}

/// What one run of a night came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NightCell {
    /// The name of the run.
    pub name: String,
    /// The verdict it should come to.
    pub expected: RunVerdict,
    /// The verdict it came to; `None` if it could not be set up.
    pub verdict: Option<RunVerdict>,
    /// The verdict is the expected one.
    pub as_expected: bool,
    /// The run directory, relative to the suite's report; `None` if there is none.
    pub run_dir: Option<String>,
}

#[derive(Deserialize)]
struct Outline {
    started_utc: String,
    cells: Vec<NightCell>,
}

impl Night {
    /// The night at `id`, of whose `suite.json` these are the bytes, or why there are none.
    pub(super) fn new(id: &str, json: Result<Vec<u8>, String>) -> Self {
        let outline = json.and_then(|json| {
            serde_json::from_slice::<Outline>(&json).map_err(|error| error.to_string())
        });
        let mut parts = id.rsplit('/');
        let stamp = parts.next().unwrap_or_default();
        let written = outline.as_ref().ok().and_then(|outline| When::of(&outline.started_utc));
        Self {
            id: id.to_owned(),
            suite: parts.next().unwrap_or(stamp).to_owned(),
            when: written.unwrap_or_else(|| When::of_folder(stamp)),
            cells: outline.and_then(|outline| kept(outline.cells)),
        }
    }

    /// The run of a cell that lies in `run_dir`, if the index has it.
    pub fn run<'i>(&self, run_dir: &str, index: &'i Index) -> Option<&'i Arc<Run>> {
        // Only ever looked up: what a suite.json says is no path.
        index.run(&format!("{}/{}", self.id, run_dir.trim_matches('/')))
    }
}

/// How many of these runs came to another verdict than expected.
pub(crate) fn unexpected(cells: &[NightCell]) -> usize {
    cells.iter().filter(|cell| !cell.as_expected).count()
}

fn kept(cells: Vec<NightCell>) -> Result<Vec<NightCell>, String> {
    if cells.len() > CELLS_MAX {
        let (runs, most) = (count(cells.len() as u64), count(CELLS_MAX as u64));
        return Err(format!("it has {runs} runs, and no more than {most} are read"));
    }
    let keep = |cell: NightCell| NightCell {
        name: shorten(&cell.name, NAME_CHARS_MAX),
        run_dir: cell.run_dir.filter(|folder| folder.len() <= RUN_DIR_BYTES_MAX),
        ..cell
    };
    Ok(cells.into_iter().map(keep).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn night(runs: usize, text: &str) -> Night {
        let cell = json!({
            "name": text, "plan": text, "expected": "violation", "verdict": "linearizable",
            "as_expected": false, "run_dir": text, "seconds": 1.0, "reason": text, "seed": 1,
            "command": text,
        });
        let suite = json!({
            "squall": 1, "suite": text, "started_utc": "2026-01-02T03:04:05Z",
            "cells": vec![cell; runs],
        });
        Night::new("nightly/20260102T030405Z", Ok(suite.to_string().into_bytes()))
    }

    #[test]
    fn a_night_keeps_what_its_runs_came_to_and_nothing_long() {
        let night = night(3, &"x".repeat(1 << 16));
        let cells = night.cells.unwrap();
        assert_eq!((cells.len(), unexpected(&cells)), (3, 3));
        assert_eq!(cells[0].name.chars().count(), NAME_CHARS_MAX);
        assert_eq!(cells[0].run_dir, None);
        assert_eq!((night.suite.as_str(), night.when.day()), ("nightly", "2026-01-02"));
    }

    #[test]
    fn a_suite_beyond_all_measure_says_so() {
        let why = night(CELLS_MAX + 1, "run").cells.unwrap_err();
        assert_eq!(why, "it has 10,001 runs, and no more than 10,000 are read");
    }
}
