//! Runs all patients, several at once, and gathers what came of them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use futures_util::stream::{self, StreamExt};
use squall_results::run_dir::{StoreError, write_atomically};
use tokio::sync::watch;

use super::{
    Findings, Outcome, Patient, PatientFindings, Subject, Treatment, TrialResult, trial::plan_of,
};
use crate::{
    host,
    own_process::{self, Errand},
};

/// What to run and where.
pub struct Campaign {
    /// Whom.
    pub patients: Vec<Patient>,
    /// With which seeds the bugs are run.
    pub seeds: std::ops::Range<u64>,
    /// With which seeds the working system is run under the same plans.
    pub clean_seeds: std::ops::Range<u64>,
    /// How many runs go on at once, at least 1.
    pub jobs: usize,
    /// The `squall` binary.
    pub executable: PathBuf,
    /// The folder of this campaign; it must exist and be empty.
    pub folder: PathBuf,
    /// When it began.
    pub started_utc: String,
    /// The command line that runs it again.
    pub command: String,
    /// Becomes true when somebody wants it to end: the runs under way end with a verdict on
    /// what there is, the others are not run.
    pub interrupt: watch::Receiver<bool>,
}

/// News of a campaign.
pub enum News<'a> {
    /// A run ended.
    Ran {
        /// Whose.
        patient: &'a PatientFindings,
        /// With the bug or without.
        subject: Subject,
        /// What it came to.
        result: &'a TrialResult,
        /// How many runs ended so far.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// All runs of a patient with its bug ended.
    Judged(&'a PatientFindings),
}

/// One run to come.
#[derive(Clone, Copy)]
struct Trial {
    patient: usize,
    subject: Subject,
    seed: u64,
}

/// Carries out the campaign and writes `bugs.json`, anew after each run so that an
/// interrupted night still has its figures. The bugs go first, patient by patient, then the
/// working system.
///
/// Of the runs only those are kept that a reader may want to open: what did not come out as
/// expected, and the first find of each bug.
///
/// # Errors
/// When the figures cannot be written. A run that goes wrong is not an error.
pub async fn run(campaign: Campaign, tell: &dyn Fn(&News<'_>)) -> Result<Findings, StoreError> {
    let mut findings = Findings {
        squall: 1,
        started_utc: campaign.started_utc.clone(),
        command: campaign.command.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host::describe(),
        jobs: campaign.jobs,
        patients: campaign.patients.iter().map(PatientFindings::new).collect(),
    };
    let trials = campaign.trials();
    let total = trials.len();
    let running = trials.into_iter().map(async |trial| (trial, campaign.carry_out(trial).await));
    let mut running = stream::iter(running).buffer_unordered(campaign.jobs.max(1));
    let mut done = 0;
    while let Some((trial, mut result)) = running.next().await {
        let patient = &mut findings.patients[trial.patient];
        campaign.tidy(patient, trial, &mut result);
        let runs = match trial.subject {
            Subject::Bug => &mut patient.runs,
            Subject::Clean => &mut patient.clean_runs,
        };
        runs.push(result.clone());
        patient.reckon();
        done += 1;
        let (patient, subject) = (&*patient, trial.subject);
        tell(&News::Ran { patient, subject, result: &result, done, total });
        if subject == Subject::Bug && patient.runs.len() == campaign.seeds.clone().count() {
            tell(&News::Judged(patient));
        }
        write_atomically(&campaign.folder.join("bugs.json"), findings.to_json().as_bytes())?;
    }
    Ok(findings)
}

impl Campaign {
    fn trials(&self) -> Vec<Trial> {
        let of = |subject, seeds: &std::ops::Range<u64>| {
            let treated = |patient: &usize| {
                matches!(self.patients[*patient].treatment, Treatment::Plan { .. })
            };
            let seeds = seeds.clone();
            (0..self.patients.len())
                .filter(treated)
                .flat_map(move |patient| {
                    seeds.clone().map(move |seed| Trial { patient, subject, seed })
                })
                .collect::<Vec<_>>()
        };
        let mut trials = of(Subject::Bug, &self.seeds);
        trials.extend(of(Subject::Clean, &self.clean_seeds));
        trials
    }

    async fn carry_out(&self, trial: Trial) -> TrialResult {
        let began = Instant::now();
        let outcome = self.execute(trial).await;
        let (outcome, reason) = match outcome {
            Ok(outcome) => outcome,
            Err(why) => (Outcome::Failed, why),
        };
        let took_s = began.elapsed().as_secs_f64();
        TrialResult { seed: trial.seed, outcome, reason, took_s, run_dir: None }
    }

    async fn execute(&self, trial: Trial) -> Result<(Outcome, String), String> {
        if *self.interrupt.borrow() {
            return Err("not run: interrupted before it".to_owned());
        }
        let patient = &self.patients[trial.patient];
        let plan = plan_of(patient, trial.subject, trial.seed)
            .ok_or("there is no plan that shows it")?
            .resolve()
            .map_err(|error| format!("failed to {}", crate::run::chain(&error)))?;
        let plan_file = self.folder.join("plans").join(format!("{}.toml", plan.run_name()));
        let store = self.store();
        let errand = Errand {
            plan: &plan,
            plan_file: &plan_file,
            store: &store,
            executable: &self.executable,
        };
        let results = own_process::run(&errand, self.interrupt.clone()).await?;
        Ok((Outcome::of(&results), results.reason))
    }

    fn store(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// Notes the run's folder if it is worth keeping, and removes it otherwise.
    fn tidy(&self, patient: &PatientFindings, trial: Trial, result: &mut TrialResult) {
        let plan = plan_of(&self.patients[trial.patient], trial.subject, trial.seed);
        let Some(name) = plan.map(|plan| plan.run_name()) else { return };
        let store = self.store();
        let Some(run_dir) = own_process::run_dir(&store, &name) else { return };
        let keep = match trial.subject {
            Subject::Bug => {
                let found = result.outcome.is(patient.expected);
                !found || patient.figures.found.count == 0
            }
            Subject::Clean => result.outcome.accuses(),
        };
        if keep {
            // What a bug was found in is told by the history; the nodes' own files of hundreds of
            // runs would fill the disk.
            if trial.subject == Subject::Bug {
                remove(&store.join(&run_dir).join("data"));
            }
            result.run_dir = Some(format!("runs/{}", run_dir.display()));
        } else {
            remove(&store.join(&name));
        }
    }
}

/// Only disk space is lost when this fails.
fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!("cannot remove {}: {error}", folder.display()),
    }
}
