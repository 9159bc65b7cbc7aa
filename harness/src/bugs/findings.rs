//! What a campaign came to, as data: every run, and the figures drawn from them.

use serde::{Deserialize, Serialize};
use squall_results::facts::Host;

use super::{Expected, Outcome, Patient, Treatment, TrialResult};

/// Share of the seeds in which a bug must be found, as a fraction.
const FOUND_LEAST: (usize, usize) = (9, 10);

/// The results of a campaign; its JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Format version, 1.
    pub squall: u32,
    /// When it began (UTC).
    pub started_utc: String,
    /// The command line it was started with.
    pub command: String,
    /// Version of the harness.
    pub version: String,
    /// The machine.
    pub host: Host,
    /// How many runs went on at once.
    pub jobs: usize,
    /// The patients, in the order of the list.
    pub patients: Vec<PatientFindings>,
}

/// What came of one patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatientFindings {
    /// The bug.
    pub name: String,
    /// The workload put in the place of the plan's own, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// How long a run may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    /// What goes wrong, as a user would put it.
    pub breaks: String,
    /// The rule that is left out.
    pub rule: String,
    /// The situation that makes it visible.
    pub revealed_by: String,
    /// What must be reported.
    pub expected: Expected,
    /// The file of the plan; absent when no run can show the bug yet.
    pub plan_file: Option<String>,
    /// Faults, workload, nodes and time of the plan in a few words.
    pub plan: Option<String>,
    /// Why no run can show it, if none can.
    pub missing: Option<String>,
    /// The runs with the bug, by seed.
    pub runs: Vec<TrialResult>,
    /// The same plans without it, by seed.
    pub clean_runs: Vec<TrialResult>,
    /// What the runs come to together.
    pub figures: Figures,
}

/// What the runs of one patient come to together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Runs with the bug, and those that reported what they must.
    pub found: Tally,
    /// Runs without it, and those that accused a system that works.
    pub accused: Tally,
    /// From the start of the clients to the detection, in seconds.
    pub seconds: Option<Spread>,
    /// Operations invoked until the detection; absent for bugs of liveness.
    pub operations: Option<Spread>,
    /// Operations in the counterexample; absent for bugs of liveness.
    pub size: Option<Spread>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: usize,
    /// Out of how many.
    pub of: usize,
}

/// The middle and the end of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median; the lower of two in the middle.
    pub median: f64,
    /// The largest.
    pub worst: f64,
}

impl Spread {
    /// The spread of some values, in any order; nothing of none.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let worst = *values.last()?;
        Some(Self { median: values[(values.len() - 1) / 2], worst })
    }
}

impl PatientFindings {
    /// A patient of whom nothing is known yet.
    pub(super) fn new(patient: &Patient) -> Self {
        let (plan_file, plan, missing) = match &patient.treatment {
            Treatment::Plan { plan, file } => {
                (Some(file.clone()), Some(super::table::in_words(plan)), None)
            }
            Treatment::Missing(why) => (None, None, Some(why.clone())),
        };
        let time_s = match &patient.treatment {
            Treatment::Plan { plan, .. } => Some(plan.time.as_secs_f64()),
            Treatment::Missing(_) => None,
        };
        Self {
            name: patient.name.clone(),
            workload: patient.workload.clone(),
            time_s,
            breaks: patient.breaks.clone(),
            rule: patient.rule.clone(),
            revealed_by: patient.revealed_by.clone(),
            expected: patient.expected,
            plan_file,
            plan,
            missing,
            runs: Vec::new(),
            clean_runs: Vec::new(),
            figures: Figures::default(),
        }
    }

    /// Draws the figures anew from the runs, which it puts in the order of their seeds.
    pub(super) fn reckon(&mut self) {
        self.runs.sort_by_key(|run| run.seed);
        self.clean_runs.sort_by_key(|run| run.seed);
        let expected = self.expected;
        let found = || self.runs.iter().map(|run| run.outcome).filter(|run| run.is(expected));
        let detections = || {
            found().filter_map(|outcome| match outcome {
                Outcome::Violation(detection) => Some(detection),
                _ => None,
            })
        };
        let seconds = found().filter_map(|outcome| match outcome {
            Outcome::Violation(detection) => Some(detection.seconds),
            Outcome::Unavailable { seconds } => Some(seconds),
            _ => None,
        });
        let accused = self.clean_runs.iter().filter(|run| run.outcome.accuses()).count();
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let figures = Figures {
            found: Tally { count: found().count(), of: self.runs.len() },
            accused: Tally { count: accused, of: self.clean_runs.len() },
            seconds: Spread::of(seconds),
            operations: Spread::of(detections().map(|detection| detection.operations as f64)),
            size: Spread::of(detections().map(|detection| detection.size as f64)),
        };
        self.figures = figures;
    }

    /// Whether the bug was run and found in fewer than nine of ten seeds.
    #[must_use]
    pub fn missed(&self) -> bool {
        let Tally { count, of } = self.figures.found;
        of > 0 && count * FOUND_LEAST.1 < of * FOUND_LEAST.0
    }

    /// Every run of this patient.
    fn all_runs(&self) -> impl Iterator<Item = &TrialResult> {
        self.runs.iter().chain(&self.clean_runs)
    }
}

impl Findings {
    /// The findings as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with string keys always serializes")
    }

    /// Patients that were run and not found often enough.
    #[must_use]
    pub fn missed(&self) -> usize {
        self.patients.iter().filter(|patient| patient.missed()).count()
    }

    /// Runs of the working system that accused it, of how many.
    #[must_use]
    pub fn accused(&self) -> Tally {
        let each = self.patients.iter().map(|patient| patient.figures.accused);
        each.fold(Tally::default(), |sum, one| Tally {
            count: sum.count + one.count,
            of: sum.of + one.of,
        })
    }

    /// Runs with a bug of liveness that reported a violation: one is too many, however often
    /// the bug was found, for such a bug contradicts nothing.
    #[must_use]
    pub fn misjudged(&self) -> usize {
        let alive =
            self.patients.iter().filter(|patient| patient.expected == Expected::Unavailable);
        let runs = alive.flat_map(|patient| &patient.runs);
        runs.filter(|run| matches!(run.outcome, Outcome::Violation(_))).count()
    }

    /// Runs without results.
    #[must_use]
    pub fn failed(&self) -> usize {
        let runs = self.patients.iter().flat_map(PatientFindings::all_runs);
        runs.filter(|run| run.outcome == Outcome::Failed).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugs::Detection;

    fn run(seed: u64, outcome: Outcome) -> TrialResult {
        TrialResult { seed, outcome, reason: String::new(), took_s: 1.0, run_dir: None }
    }

    fn after(seconds: f64) -> Outcome {
        Outcome::Violation(Detection { seconds, operations: 100, size: 3 })
    }

    fn patient(expected: Expected, outcomes: &[Outcome]) -> PatientFindings {
        let mut findings = PatientFindings::new(&Patient {
            workload: None,
            name: "bug".to_owned(),
            breaks: String::new(),
            rule: String::new(),
            revealed_by: String::new(),
            expected,
            treatment: Treatment::Missing(String::new()),
        });
        findings.runs = (0..).zip(outcomes).map(|(seed, outcome)| run(seed, *outcome)).collect();
        findings.reckon();
        findings
    }

    #[test]
    fn the_figures_are_those_of_the_runs_that_found_it() {
        let found = patient(
            Expected::Violation,
            &[after(9.0), after(1.0), Outcome::Linearizable, after(2.0), after(3.0)],
        );
        assert_eq!(found.figures.found, Tally { count: 4, of: 5 });
        assert_eq!(found.figures.seconds, Some(Spread { median: 2.0, worst: 9.0 }));
        assert_eq!(found.figures.size, Some(Spread { median: 3.0, worst: 3.0 }));
        assert!(found.missed(), "four of five is less than nine of ten");
    }

    #[test]
    fn a_violation_does_not_find_a_bug_of_liveness() {
        let gone = Outcome::Unavailable { seconds: 40.0 };
        let found = patient(Expected::Unavailable, &[gone, after(1.0)]);
        assert_eq!(found.figures.found, Tally { count: 1, of: 2 });
        assert_eq!(found.figures.operations, None);
        assert!(!patient(Expected::Unavailable, &[gone; 10]).missed());
    }

    #[test]
    fn a_single_violation_with_a_bug_of_liveness_is_a_wrong_judgement() {
        let mut outcomes = [Outcome::Unavailable { seconds: 40.0 }; 10];
        outcomes[3] = after(1.0);
        let of = |expected| Findings { patients: vec![patient(expected, &outcomes)], ..nothing() };
        let alive = of(Expected::Unavailable);
        assert_eq!((alive.missed(), alive.misjudged()), (0, 1));
        assert!(crate::bugs::summary(&alive).contains("1 run with a bug of liveness"));
        assert_eq!(of(Expected::Violation).misjudged(), 0);
    }

    fn nothing() -> Findings {
        Findings {
            squall: 1,
            started_utc: String::new(),
            command: String::new(),
            version: String::new(),
            host: Host::default(),
            jobs: 1,
            patients: Vec::new(),
        }
    }

    #[test]
    fn what_was_not_run_is_neither_missed_nor_found() {
        let findings = patient(Expected::Violation, &[]);
        assert!(!findings.missed());
        assert_eq!(findings.figures.seconds, None);
    }

    #[test]
    fn only_what_says_something_about_a_working_system_accuses_it() {
        assert!(after(1.0).accuses() && Outcome::Unknown.accuses());
        assert!(Outcome::CheckFailed.accuses());
        for harmless in [Outcome::Linearizable, Outcome::Inconclusive, Outcome::Failed] {
            assert!(!harmless.accuses(), "{harmless:?}");
        }
    }
}
