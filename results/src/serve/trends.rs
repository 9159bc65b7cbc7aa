//! A suite over its nights, or runs of one name over time, as one table of what each came to.
//!
//! Pure: made from the index, and rendered elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::address;
use crate::report::mark;
use crate::store::{Digest, Index, Night, Run, When};
use crate::summary::RunVerdict;

/// Runs, each over the nights.
pub(super) struct Trends {
    /// Oldest first.
    pub(super) nights: Vec<Column>,
    /// One for each run of a night, however many there are.
    pub(super) rows: Vec<Line>,
}

/// A night.
pub(super) struct Column {
    pub(super) when: When,
    /// Where it is shown by itself.
    pub(super) address: Option<String>,
}

/// A run over the nights.
pub(super) struct Line {
    pub(super) name: String,
    /// What it came to and on which night, in order of nights; nights on which it was not run
    /// are left out, so that runs that come and go take no more room than they have nights.
    pub(super) came: Vec<(usize, Came)>,
}

/// What a run came to on one night.
#[derive(Clone)]
pub(super) struct Came {
    pub(super) verdict: Option<RunVerdict>,
    /// What it should have come to; `None` where nobody said.
    pub(super) expected: Option<RunVerdict>,
    pub(super) as_expected: bool,
    pub(super) run: Option<Arc<Run>>,
}

impl Came {
    pub(super) fn word(&self) -> &'static str {
        self.verdict.map_or("no verdict", RunVerdict::as_str)
    }

    pub(super) fn mark(&self) -> &'static str {
        self.verdict.map_or("!", mark)
    }

    fn digest(&self) -> Option<&Digest> {
        self.run.as_ref().map(|run| &run.digest)
    }
}

/// The nights of a suite that can be read, with every run of each.
pub(super) fn of_suite(nights: &[Arc<Night>], index: &Index) -> Trends {
    let readable: Vec<_> =
        nights.iter().filter_map(|night| Some((night, night.cells.as_ref().ok()?))).collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut rows: Vec<Line> = Vec::new();
    // In the order of the newest plan, then what only older ones have.
    for cell in readable.iter().rev().flat_map(|(_, cells)| cells.iter()) {
        places.entry(&cell.name).or_insert_with(|| {
            rows.push(Line { name: cell.name.clone(), came: Vec::new() });
            rows.len() - 1
        });
    }
    for (at, (night, cells)) in readable.iter().enumerate() {
        for cell in *cells {
            let run = cell.run_dir.as_deref().and_then(|folder| night.run(folder, index));
            let came = Came {
                verdict: cell.verdict,
                expected: Some(cell.expected),
                as_expected: cell.as_expected,
                run: run.cloned(),
            };
            rows[places[cell.name.as_str()]].came.push((at, came));
        }
    }
    let column = |night: &Night| Column {
        when: night.when.clone(),
        address: Some(address::of_run(&night.id)),
    };
    Trends { nights: readable.iter().map(|(night, _)| column(night)).collect(), rows }
}

/// Runs of one name, newest first, as nights of one run each.
pub(super) fn of_series(name: &str, runs: &[&Arc<Run>]) -> Trends {
    let oldest_first = || runs.iter().rev();
    let came = |run: &&Arc<Run>| Came {
        verdict: run.digest.verdict,
        expected: None,
        as_expected: true,
        run: Some(Arc::clone(run)),
    };
    let column = |run: &&Arc<Run>| Column { when: run.when.clone(), address: None };
    let line = Line { name: name.to_owned(), came: oldest_first().map(came).enumerate().collect() };
    Trends { nights: oldest_first().map(column).collect(), rows: vec![line] }
}

/// A run whose verdict changed although nothing else was expected of it.
pub(super) struct Flaky {
    pub(super) name: String,
    /// Nights that came out right, or else that came to what most came to.
    pub(super) right: usize,
    /// Nights with a verdict, of which the same was expected.
    pub(super) of: usize,
    /// What was expected.
    pub(super) expected: Option<RunVerdict>,
    /// How often each verdict was come to.
    pub(super) outcomes: BTreeMap<&'static str, usize>,
}

impl Trends {
    /// The runs that are flaky, in order.
    pub(super) fn flaky(&self) -> Vec<Flaky> {
        self.rows.iter().filter_map(Line::flaky).collect()
    }

    /// What `take` says of the runs of each night that have it.
    fn each<T>(&self, take: impl Fn(&Came) -> Option<T>) -> Vec<Vec<T>> {
        let mut nights: Vec<Vec<T>> = self.nights.iter().map(|_| Vec::new()).collect();
        for (at, came) in self.rows.iter().flat_map(|row| &row.came) {
            nights[*at].extend(take(came));
        }
        nights
    }

    /// The share of runs that came out as expected, by night.
    pub(super) fn as_expected(&self) -> Vec<Option<f64>> {
        let all = self.each(|came| Some(came.as_expected));
        let share = |night: &Vec<bool>| {
            let right = night.iter().filter(|as_expected| **as_expected).count();
            (!night.is_empty()).then(|| right as f64 / night.len() as f64)
        };
        all.iter().map(share).collect()
    }

    /// The median time to detection in nanoseconds, by night.
    pub(super) fn detection_ns(&self) -> Vec<Option<f64>> {
        self.medians(|digest| digest.detected_ms.map(|ms| ms as f64 * 1e6))
    }

    /// The median of successful operations a second, by night.
    pub(super) fn ok_per_s(&self) -> Vec<Option<f64>> {
        self.medians(|digest| digest.verdict.map(|_| digest.ok_per_s))
    }

    /// The median share of operations that succeeded under faults, by night.
    pub(super) fn availability(&self) -> Vec<Option<f64>> {
        self.medians(|digest| digest.ok_share_under_faults)
    }

    fn medians(&self, take: impl Fn(&Digest) -> Option<f64>) -> Vec<Option<f64>> {
        self.each(|came| came.digest().and_then(&take)).into_iter().map(median).collect()
    }
}

impl Line {
    /// What it came to on each of so many nights; nothing where it was not run.
    pub(super) fn over(&self, nights: usize) -> Vec<Option<&Came>> {
        let mut cells = vec![None; nights];
        for (at, came) in &self.came {
            cells[*at] = Some(came);
        }
        cells
    }

    /// What was expected of it last.
    pub(super) fn expected(&self) -> Option<RunVerdict> {
        self.came.last()?.1.expected
    }

    fn flaky(&self) -> Option<Flaky> {
        // Only nights of which the same was expected as of the last can be held together.
        let expected = self.expected();
        let same = self.came.iter().map(|(_, came)| came).filter(|came| came.expected == expected);
        let told: Vec<&Came> = same.filter(|came| came.verdict.is_some()).collect();
        let mut outcomes: BTreeMap<&'static str, usize> = BTreeMap::new();
        for came in &told {
            *outcomes.entry(came.word()).or_default() += 1;
        }
        let right = match expected {
            Some(_) => told.iter().filter(|came| came.as_expected).count(),
            None => outcomes.values().copied().max().unwrap_or(0),
        };
        (outcomes.len() > 1).then(|| Flaky {
            name: self.name.clone(),
            right,
            of: told.len(),
            expected,
            outcomes,
        })
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        n if n.is_multiple_of(2) => Some(f64::midpoint(values[half - 1], values[half])),
        _ => Some(values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(verdict: RunVerdict, expected: RunVerdict) -> Came {
        let as_expected = verdict == expected;
        Came { verdict: Some(verdict), expected: Some(expected), as_expected, run: None }
    }

    #[test]
    fn a_run_is_flaky_only_where_the_same_was_expected() {
        use RunVerdict::{Linearizable as Fine, Violation as Bad};
        let line = |came: Vec<Came>| Line {
            name: "run".to_owned(),
            came: came.into_iter().enumerate().collect(),
        };
        let flaky = line(vec![came(Bad, Bad), came(Fine, Bad), came(Bad, Bad)]).flaky();
        let flaky = flaky.unwrap();
        assert_eq!((flaky.right, flaky.of), (2, 3));
        assert!(line(vec![came(Fine, Fine), came(Bad, Bad), came(Bad, Bad)]).flaky().is_none());
        assert!(line(vec![came(Fine, Bad), came(Fine, Bad)]).flaky().is_none());
        assert!(line(vec![]).flaky().is_none());
    }

    #[test]
    fn every_run_of_a_night_counts_however_many_there_are() {
        let row = |number: usize| {
            let verdict = if number < 900 { RunVerdict::Violation } else { RunVerdict::Unknown };
            Line { name: number.to_string(), came: vec![(0, came(verdict, RunVerdict::Violation))] }
        };
        let nights = vec![Column { when: When::of_folder("20260102T030405Z"), address: None }];
        let trends = Trends { nights, rows: (0..1_000).map(row).collect() };
        assert_eq!(trends.as_expected(), [Some(0.9)]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, f64::NAN, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }
}
