//! One run of a campaign: a patient's plan with one seed, and what it came to.

use serde::{Deserialize, Serialize};
use squall_results::summary::{Results, RunVerdict};

use super::{Expected, Patient, Treatment};
use crate::plan::Plan;

/// What a plan is run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The system with the bug.
    Bug,
    /// The system as it should be.
    Clean,
}

/// What became of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Its seed.
    pub seed: u64,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub reason: String,
    /// How long it took from the first process to the report, in seconds.
    pub took_s: f64,
    /// Its folder, from the campaign's folder; absent when it was not worth keeping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_dir: Option<String>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "verdict")]
pub enum Outcome {
    /// Not linearizable, and the independent verifier confirmed it.
    Violation(Detection),
    /// Nothing contradicts itself, but the cluster did not serve again.
    Unavailable {
        /// From the start of the clients until the harness gave the cluster up, in seconds.
        seconds: f64,
    },
    /// Linearizable, but a check beside it failed.
    #[serde(rename = "check-failed")]
    CheckFailed,
    /// Linearizable, with faults.
    Linearizable,
    /// Linearizable, but too little was put to the test.
    Inconclusive,
    /// Not decided, or a proof that did not hold.
    Unknown,
    /// There are no results, or the run was ended before its time.
    Failed,
}

/// How soon a violation showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// From the start of the clients to the completion that made it certain, in seconds.
    pub seconds: f64,
    /// Operations invoked up to then.
    pub operations: u64,
    /// Operations in the counterexample.
    pub size: u64,
}

impl Outcome {
    /// Reads the outcome from the results of a run.
    pub(super) fn of(results: &Results) -> Self {
        match results.verdict {
            RunVerdict::Violation if results.facts.proof_verified == Some(true) => {
                Self::Violation(Detection::of(results))
            }
            RunVerdict::Violation | RunVerdict::Unknown => Self::Unknown,
            _ if results.facts.interrupted => Self::Failed,
            RunVerdict::Unavailable => {
                let timings = &results.facts.timings;
                Self::Unavailable { seconds: seconds(timings.workload_ms + timings.heal_ms) }
            }
            RunVerdict::Failed => Self::CheckFailed,
            RunVerdict::Linearizable => Self::Linearizable,
            RunVerdict::Inconclusive => Self::Inconclusive,
        }
    }

    /// Whether this is what a planted bug must come to.
    #[must_use]
    pub fn is(self, expected: Expected) -> bool {
        matches!(
            (self, expected),
            (Self::Violation(_), Expected::Violation)
                | (Self::Unavailable { .. }, Expected::Unavailable)
        )
    }

    /// Whether a system that works may not come to this.
    #[must_use]
    pub fn accuses(self) -> bool {
        matches!(
            self,
            Self::Violation(_) | Self::Unavailable { .. } | Self::Unknown | Self::CheckFailed
        )
    }

    /// The word for it in listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Violation(_) => "violation",
            Self::Unavailable { .. } => "unavailable",
            Self::CheckFailed => "check failed",
            Self::Linearizable => "linearizable",
            Self::Inconclusive => "inconclusive",
            Self::Unknown => "unknown",
            Self::Failed => "not run",
        }
    }
}

impl Detection {
    fn of(results: &Results) -> Self {
        let facts = &results.facts;
        let first = results.contradictions.first();
        let whole_ms = first.map(|found| found.complete_ns / 1_000_000);
        let stopped = facts.stopped_at.as_ref();
        let certain_ms = stopped.map(|stop| stop.event_ms).into_iter().chain(whole_ms).min();
        let began_ms = facts.timings.clients_began_ms.unwrap_or(facts.timings.boot_ms);
        let last_of_first = first.and_then(|found| {
            found.operations.iter().map(|operation| u64::from(operation.id.0)).max()
        });
        let operation = stopped.map(|stop| stop.operation).or(last_of_first);
        Self {
            seconds: seconds(certain_ms.unwrap_or_default().saturating_sub(began_ms)),
            operations: operation.map_or(results.whole.total.invoked, |number| number + 1),
            size: first.map_or(0, |found| found.operations.len() as u64),
        }
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

/// The plan of one run of a patient, if there is one.
pub(super) fn plan_of(patient: &Patient, subject: Subject, seed: u64) -> Option<Plan> {
    let Treatment::Plan { plan, .. } = &patient.treatment else { return None };
    let mut plan = plan.as_ref().clone().with_seed(seed);
    // A mix is described by signs that no folder's name has.
    let workload = patient.workload.as_deref().unwrap_or_default().replace([',', '='], "_");
    let clean = (subject == Subject::Clean).then_some("clean");
    let parts = [Some(patient.name.as_str()), Some(&*workload), clean];
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    plan.name = Some(parts.chain([&*seed.to_string()]).collect::<Vec<_>>().join("-"));
    plan.bug = (subject == Subject::Bug).then(|| patient.name.clone());
    Some(plan)
}
