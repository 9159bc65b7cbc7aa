//! Every workload against every planted bug: which finds what, and how soon.
//!
//! The plan of a bug stays as it is (faults, schedule, nodes, flags) but for the workload, and
//! for the time, which is the same for all.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{Expected, Findings, Outcome, Patient, PatientFindings, Treatment};

/// Each bug of `patients` that shows as a violation once with each of `workloads`, for at most
/// `time`.
#[must_use]
pub fn with_workloads(
    patients: &[Patient],
    workloads: &[String],
    time: Option<Duration>,
) -> Vec<Patient> {
    let of_bug = |patient: &Patient| {
        let Treatment::Plan { plan, file } = &patient.treatment else { return Vec::new() };
        if patient.expected != Expected::Violation {
            return Vec::new();
        }
        let variant = |workload: &String| {
            let mut plan = plan.clone();
            plan.workload.clone_from(workload);
            plan.time = time.unwrap_or(plan.time);
            let treatment = Treatment::Plan { plan, file: file.clone() };
            Patient { treatment, workload: Some(workload.clone()), ..patient.clone() }
        };
        workloads.iter().map(variant).collect()
    };
    patients.iter().flat_map(of_bug).collect()
}

/// The findings of a campaign in which workloads were replaced, as a table.
struct Matrix<'a> {
    bugs: Vec<&'a str>,
    workloads: Vec<&'a str>,
    cells: BTreeMap<(&'a str, &'a str), &'a PatientFindings>,
}

impl<'a> Matrix<'a> {
    fn of(findings: &'a Findings) -> Self {
        let mut matrix = Self { bugs: Vec::new(), workloads: Vec::new(), cells: BTreeMap::new() };
        for patient in &findings.patients {
            let Some(workload) = patient.workload.as_deref() else { continue };
            let bug = patient.name.as_str();
            if !matrix.bugs.contains(&bug) {
                matrix.bugs.push(bug);
            }
            if !matrix.workloads.contains(&workload) {
                matrix.workloads.push(workload);
            }
            matrix.cells.insert((bug, workload), patient);
        }
        matrix
    }

    fn of_workload(&self, workload: &'a str) -> impl Iterator<Item = &'a PatientFindings> {
        self.bugs.iter().filter_map(move |bug| self.cells.get(&(*bug, workload)).copied())
    }

    /// What one workload came to over all bugs.
    fn score(&self, workload: &'a str) -> Score {
        let mut score = Score::default();
        for patient in self.of_workload(workload) {
            let runs = patient.runs.len();
            let found = patient.figures.found.count;
            score.bugs += usize::from(runs > 0);
            score.reliably += usize::from(runs > 0 && !patient.missed());
            score.found += found;
            score.runs += runs;
            for run in &patient.runs {
                score.seconds += match run.outcome {
                    Outcome::Violation(detection) => detection.seconds,
                    _ => patient.time_s.unwrap_or_default(),
                };
            }
        }
        score
    }
}

/// What one workload came to over all bugs.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    bugs: usize,
    /// Bugs found in at least nine of ten runs.
    reliably: usize,
    found: usize,
    runs: usize,
    /// Until the find, or all the time where there was none.
    seconds: f64,
}

impl Score {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn per_minute(&self) -> f64 {
        if self.seconds > 0.0 { self.found as f64 * 60.0 / self.seconds } else { 0.0 }
    }
}

/// `4.2` if all runs found it, `2/3 4.2` if some did, `-` if none did.
fn cell(patient: Option<&PatientFindings>) -> String {
    let Some(patient) = patient else { return String::new() };
    let found = patient.figures.found;
    let seconds = patient.figures.seconds.map(|spread| format!("{:.1}", spread.median));
    match (found.of, found.count, seconds) {
        (0, ..) => String::new(),
        (_, 0, _) | (_, _, None) => "-".to_owned(),
        (of, count, Some(seconds)) if count == of => seconds,
        (of, count, Some(seconds)) => format!("{count}/{of} {seconds}"),
    }
}

/// The matrix as a chapter of the page on planted bugs; nothing if no workload was replaced.
#[must_use]
pub fn matrix_markdown(findings: &Findings) -> Option<String> {
    let matrix = Matrix::of(findings);
    if matrix.workloads.is_empty() {
        return None;
    }
    let runs = findings.patients.iter().map(|patient| patient.runs.len()).max().unwrap_or(0);
    let time_s = findings.patients.iter().find_map(|patient| patient.time_s).unwrap_or_default();
    let mut text = format!(
        "## Every workload against every bug\n\nThe plan of each bug with its workload replaced, \
         {runs} seeds each, at most {time_s} s. A number is the median of seconds to detection, \
         `2/3 4.2` says that two of three runs found it, `-` that none did. Measured with `{}` \
         ({} at once), {} processors, {}.\n\n",
        findings.command, findings.jobs, findings.host.cpus, findings.started_utc,
    );
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| Bug | {} |", matrix.workloads.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(matrix.workloads.len()));
    for bug in &matrix.bugs {
        let cells = matrix
            .workloads
            .iter()
            .map(|workload| cell(matrix.cells.get(&(*bug, *workload)).copied()));
        let _ = writeln!(text, "| {bug} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text.push_str("\nWhich finds most per minute:\n\n");
    text.push_str("| Workload | Finds a minute | Bugs found in nine of ten runs | Runs |\n");
    text.push_str("|---|---|---|---|\n");
    for (workload, score) in ranking(&matrix) {
        let _ = writeln!(
            text,
            "| {workload} | {:.1} | {} of {} | {} of {} |",
            score.per_minute(),
            score.reliably,
            score.bugs,
            score.found,
            score.runs
        );
    }
    Some(text)
}

fn ranking<'a>(matrix: &Matrix<'a>) -> Vec<(&'a str, Score)> {
    let scored = matrix.workloads.iter().map(|workload| (*workload, matrix.score(workload)));
    let mut scores: Vec<_> = scored.collect();
    scores.sort_by(|(_, one), (_, other)| other.per_minute().total_cmp(&one.per_minute()));
    scores
}

/// The matrix for a terminal: which workload finds most per minute; nothing if none was
/// replaced.
#[must_use]
pub fn matrix_summary(findings: &Findings) -> Option<String> {
    let matrix = Matrix::of(findings);
    if matrix.workloads.is_empty() {
        return None;
    }
    let mut text = String::from("finds a minute, and bugs found in nine of ten runs:");
    for (workload, score) in ranking(&matrix) {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n  {workload:<28} {:>6.1}  {} of {}",
            score.per_minute(),
            score.reliably,
            score.bugs
        );
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bugs::{Detection, TrialResult},
        plan::Plan,
    };

    fn patient(name: &str, workload: &str) -> Patient {
        let plan = Plan { workload: workload.to_owned(), ..Plan::default() };
        Patient {
            name: name.to_owned(),
            workload: None,
            breaks: String::new(),
            rule: String::new(),
            revealed_by: String::new(),
            expected: Expected::Violation,
            treatment: Treatment::Plan { plan: Box::new(plan), file: "bugs/a.toml".to_owned() },
        }
    }

    #[test]
    fn each_bug_is_put_before_each_workload_with_the_rest_of_its_plan() {
        let mut alive = patient("c", "register");
        alive.expected = Expected::Unavailable;
        let bugs = [patient("a", "register"), patient("b", "counter"), alive];
        let workloads = ["set".to_owned(), "queue".to_owned()];
        let all = with_workloads(&bugs, &workloads, Some(Duration::from_secs(9)));
        let names: Vec<_> =
            all.iter().map(|one| (one.name.as_str(), one.workload.as_deref())).collect();
        let expected = [("a", "set"), ("a", "queue"), ("b", "set"), ("b", "queue")];
        assert_eq!(names, expected.map(|(bug, workload)| (bug, Some(workload))));
        let Treatment::Plan { plan, .. } = &all[2].treatment else { panic!("a plan") };
        assert_eq!((plan.workload.as_str(), plan.time.as_secs()), ("set", 9));
    }

    #[test]
    fn the_workload_that_finds_most_a_minute_comes_first() {
        let found = |seconds| Outcome::Violation(Detection { seconds, operations: 9, size: 3 });
        let with = |workload: &str, outcomes: &[Outcome]| {
            let all = with_workloads(
                &[patient("a", "register")],
                &[workload.to_owned()],
                Some(Duration::from_secs(20)),
            );
            let mut findings = PatientFindings::new(&all[0]);
            findings.runs = (1..)
                .zip(outcomes)
                .map(|(seed, outcome)| TrialResult {
                    seed,
                    outcome: *outcome,
                    reason: String::new(),
                    took_s: 1.0,
                    run_dir: None,
                })
                .collect();
            findings.reckon();
            findings
        };
        let findings = Findings {
            squall: 1,
            started_utc: String::new(),
            command: "squall bugs".to_owned(),
            version: String::new(),
            host: squall_results::facts::Host::default(),
            jobs: 1,
            patients: vec![
                with("slow", &[found(20.0), found(10.0)]),
                with("quick", &[found(1.0), Outcome::Linearizable]),
                with("blind", &[Outcome::Linearizable]),
            ],
        };
        let page = matrix_markdown(&findings).expect("a matrix");
        assert!(page.contains("| a | 10.0 | 1/2 1.0 | - |"), "{page}");
        // Two in 30 s against one in 21 s.
        let at = |word: &str| page.find(&format!("\n| {word} | ")).expect("ranked");
        assert!(at("slow") < at("quick") && at("quick") < at("blind"), "{page}");
    }
}
