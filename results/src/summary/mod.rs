//! `results.json`: everything a run came to, computed once from history, verdict, probes and facts.
//!
//! [`summarize`] is pure; [`Results`] owns nothing but data and can be stored and rendered
//! again. Deliberately absent: checking. Whether a history is linearizable was decided
//! before; here it is weighed against what the run actually exercised.

mod availability;
mod cluster;
mod contradiction;
mod doubt;
mod faults;
mod service;
mod story;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use squall_checker::history::{FORMAT_VERSION, History};
use squall_checker::verdict::{Analysis, Conclusion, RevisionConclusion, Verdict};

use crate::checks::{self, CheckReport, Evidence, LogFindings};
use crate::facts::{RunFacts, StoppedAt};
use crate::fingerprint::Fingerprint;
use crate::probes::Probe;
use crate::wording::plural;

pub use availability::{Availability, GAP_NS_MIN};
use cluster::Silence;
pub use cluster::{NodeSpan, NodeState, node_spans};
pub use contradiction::{ContradictionDetail, OperationDetail, Order, first_contradiction};
pub(crate) use doubt::Doubt;
pub use faults::FaultRecord;
pub use service::{Counts, Latency, Service, Window};
pub use story::{StoryKind, StoryLine};
pub use verdict::RunVerdict;

/// The results of a run, as they stand in `results.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Format version, 1.
    pub squall: u32,
    /// The verdict on the run as a whole.
    pub verdict: RunVerdict,
    /// The verdict as a headline, a few words.
    pub headline: String,
    /// Why, in one or two sentences.
    pub reason: String,
    /// The exit code that goes with the verdict.
    pub exit_code: u8,
    /// What the failure looks like, the same for every run that fails alike; `None` for a
    /// linearizable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// What only the harness knew.
    pub facts: RunFacts,
    /// How the history was checked.
    pub check: Check,
    /// The length of the run in nanoseconds: the first one after its last event or probe.
    pub duration_ns: u64,
    /// What was served over the whole run.
    pub whole: Service,
    /// What was served while no fault was in force.
    pub calm: Service,
    /// What was served while any fault was in force.
    pub stormy: Service,
    /// What was served after the last fault was undone; absent if none was.
    pub after_last_heal: Option<Service>,
    /// Whether the system served when nothing hindered it.
    #[serde(default)]
    pub availability: Availability,
    /// The faults, in order of invocation.
    pub faults: Vec<FaultRecord>,
    /// The contradictions, the earliest complete one first; at most
    /// [`CONTRADICTIONS_MAX`] are kept, `check.keys` names every key.
    pub contradictions: Vec<ContradictionDetail>,
    /// What was observed around the first contradiction, in order of time.
    pub story: Vec<StoryLine>,
    /// What was looked at beside linearizability, each check once.
    #[serde(default)]
    pub checks: Vec<CheckReport>,
    /// What a reader should bear in mind, in sentences.
    pub caveats: Vec<String>,
}

/// How many contradictions [`Results`] keeps in full.
pub const CONTRADICTIONS_MAX: usize = 20;

/// How many unexplained silences are told one by one.
const SILENCES_MAX: usize = 5;

/// How the history was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The verdict on the history alone.
    pub verdict: Verdict,
    /// The model, by name.
    pub model: String,
    /// Operations that took part in the check, over all keys.
    pub operations: u64,
    /// How many keys each procedure decided.
    pub procedures: BTreeMap<String, u64>,
    /// What was concluded per key, in order of first appearance.
    pub keys: Vec<KeyVerdict>,
}

/// What was concluded about one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyVerdict {
    /// The key; `None` for a history without keys.
    pub key: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Operations of this key that took part in the check.
    pub operations: u64,
    /// The procedure that decided it.
    pub procedure: String,
    /// Why it is undecided or contradictory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the revisions told contradict each other or the values, if they do; the verdict is
    /// on values alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisions: Option<String>,
}

/// Works out what a run came to.
///
/// `logs` is what the nodes' logs tell, `None` where there are none. No contradiction has a
/// placement yet, since finding one takes checks: that of the [`first_contradiction`] is for the
/// caller to find and to set.
///
/// Operations are counted in the windows in which they were invoked; see [`Counts`] for
/// what each figure means. Cost: one pass over the operations per fault window they fall
/// into, and one sort by time.
pub fn summarize(
    history: &History,
    analysis: &Analysis,
    probes: &[Probe],
    logs: Option<&LogFindings>,
    facts: RunFacts,
) -> Results {
    let duration_ns = duration_ns(history, probes);
    let traffic = service::Traffic::of(history);
    let run = Window { start_ns: 0, end_ns: duration_ns };
    let faults = faults::pair(&history.nemesis, duration_ns, &traffic);
    let in_force = faults.iter().filter(|fault| fault.took_hold).map(FaultRecord::window);
    let stormy_windows = service::merge(in_force.collect());
    let calm_windows = service::complement(&stormy_windows, run);
    let calm = traffic.service(&calm_windows);
    let availability = Availability::of(history, &facts, &calm_windows);
    let stormy = traffic.service(&stormy_windows);
    let healed_ns = faults.iter().filter_map(|fault| fault.undone_ns).max();
    let after_last_heal =
        healed_ns.map(|start_ns| traffic.service(&[Window { start_ns, end_ns: duration_ns }]));
    let contradictions = contradiction::describe(history, analysis);
    let first = contradictions.first();
    let story = first.map(|first| story::tell(first, &faults, probes)).unwrap_or_default();
    let whole = traffic.service(&[run]);
    let lanes = node_spans(&facts.nodes, probes, &faults, duration_ns);
    let silences = cluster::silences(&lanes);
    let shared_terms = cluster::shared_terms(&lanes);
    let check = check(analysis);
    let checks = checks::make(&Evidence {
        history,
        analysis,
        facts: &facts,
        whole: &whole,
        stormy: &stormy,
        faults: &faults,
        availability: &availability,
        logs,
    });
    let grounds = verdict::Grounds {
        analysis,
        whole: &whole,
        stormy: &stormy,
        faults: &faults,
        contradictions: &contradictions,
        availability: &availability,
        checks: &checks,
        facts: &facts,
    };
    let ruling = verdict::rule(&grounds);
    let fingerprint = Fingerprint::of(&ruling.failure(&grounds));
    Results {
        squall: FORMAT_VERSION,
        verdict: ruling.verdict,
        headline: ruling.headline,
        reason: ruling.reason,
        exit_code: ruling.verdict.exit_code(),
        fingerprint,
        caveats: caveats(history, &facts, &availability, shared_terms, &silences),
        facts,
        check,
        duration_ns,
        whole,
        calm,
        stormy,
        after_last_heal,
        availability,
        faults,
        contradictions,
        story,
        checks,
    }
}

pub(crate) fn duration_ns(history: &History, probes: &[Probe]) -> u64 {
    let operations = history.operations.iter().map(|op| {
        op.completed.map_or(op.invoked.time_ns(), |at| at.time_ns().max(op.invoked.time_ns()))
    });
    let nemesis = history.nemesis.iter().map(|event| event.time);
    let probed = probes.iter().map(|probe| probe.time);
    operations.chain(nemesis).chain(probed).max().map_or(0, |last| last.saturating_add(1))
}

fn check(analysis: &Analysis) -> Check {
    let mut procedures = BTreeMap::new();
    let mut operations = 0;
    let mut keys = Vec::with_capacity(analysis.keys.len());
    for key in &analysis.keys {
        *procedures.entry(key.procedure.clone()).or_insert(0) += 1;
        operations += key.operations as u64;
        keys.push(KeyVerdict {
            key: key.key.clone(),
            verdict: key.conclusion.verdict(),
            operations: key.operations as u64,
            procedure: key.procedure.clone(),
            reason: match &key.conclusion {
                Conclusion::Linearizable { .. } => None,
                Conclusion::Unknown { reason } => Some(reason.clone()),
                Conclusion::Violation(counterexample) => Some(counterexample.explanation.clone()),
            },
            revisions: match &key.revisions {
                Some(RevisionConclusion::Violation(found)) => Some(found.explanation.clone()),
                Some(RevisionConclusion::Linearizable) | None => None,
            },
        });
    }
    Check { verdict: analysis.verdict, model: analysis.model.clone(), operations, procedures, keys }
}

fn caveats(
    history: &History,
    facts: &RunFacts,
    availability: &Availability,
    shared_terms: Vec<String>,
    silences: &[Silence],
) -> Vec<String> {
    let mut caveats = shared_terms;
    if facts.interrupted {
        caveats.push("The run was interrupted before its time.".to_owned());
    }
    if let Some(StoppedAt { operation, noticed_ms, .. }) = &facts.stopped_at {
        caveats.push(format!(
            "The run was stopped at the first violation, {noticed_ms} ms after the event that \
             shows it: the completion of operation {operation}."
        ));
    }
    if history.torn {
        caveats.push("The history ended inside a line, which was dropped.".to_owned());
    }
    match (facts.proof_verified, &facts.verify_error) {
        (Some(false), Some(error)) => {
            caveats.push(format!("The independent verifier did not confirm the proof: {error}"));
        }
        (_, Some(error)) => caveats.push(format!("The proof was not verified: {error}")),
        (_, None) => {}
    }
    caveats.extend(availability.caveats(facts));
    caveats.extend(silences.iter().take(SILENCES_MAX).map(Silence::to_string));
    let more = silences.len().saturating_sub(SILENCES_MAX) as u64;
    if more > 0 {
        caveats.push(format!("{} like that.", plural(more, "more silence", "more silences")));
    }
    caveats.extend(facts.network_caveats.iter().cloned());
    caveats.extend(facts.notes.iter().cloned());
    caveats
}
