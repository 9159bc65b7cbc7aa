//! The verdict on a run: the verdict on its history, weighed against what was exercised.
//!
//! Of these the first that applies is the verdict:
//!
//! 1. `violation`: operations contradict each other. It stays one whatever becomes of its proof,
//!    but says so if the independent verifier does not confirm it.
//! 2. `unknown`: a key was not decided, or the verifier rejects the proof that the history is
//!    linearizable.
//! 3. `inconclusive`: the run was interrupted, or stopped at an event that turned out to be no
//!    violation. What such a run finds beside the history was found too early to be held against
//!    the system.
//! 4. `unavailable`: nodes did not serve again although every fault was undone. That is a
//!    failure, but no violation.
//! 5. `failed`: a check beside linearizability is to fail and did.
//! 6. `inconclusive`: too little was put to the test, such as a function that never succeeded
//!    under faults, or no fault that took hold.
//! 7. `linearizable`.

use std::fmt;

use serde::{Deserialize, Serialize};
use squall_checker::verdict::{Analysis, Conclusion, Verdict};

use super::availability::{self, Availability};
use super::contradiction::ContradictionDetail;
use super::doubt::Doubt;
use super::faults::FaultRecord;
use super::service::Service;
use crate::checks::{CheckReport, CheckStatus};
use crate::facts::RunFacts;
use crate::fingerprint::Failure;
use crate::wording::{Millis, count, plural};

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunVerdict {
    /// The history is linearizable and the run put it to the test.
    Linearizable,
    /// Some operations contradict each other.
    Violation,
    /// The history was not decided, or the proof that it is linearizable was rejected.
    Unknown,
    /// The history is linearizable, but the run did not put it to the test or was interrupted.
    Inconclusive,
    /// The history is linearizable, but not every node served again once all faults were undone.
    Unavailable,
    /// The history is linearizable, but a check beside linearizability failed.
    Failed,
}

impl RunVerdict {
    /// The exit code of a command that came to this verdict.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Linearizable => 0,
            Self::Violation => 10,
            Self::Unknown | Self::Inconclusive | Self::Unavailable | Self::Failed => 11,
        }
    }

    /// The word for it in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::Violation => "violation",
            Self::Unknown => "unknown",
            Self::Inconclusive => "inconclusive",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What stands as the procedure of a key of which nothing could be read.
const NO_PROCEDURE: &str = "none";

/// What the verdict rests on.
pub(super) struct Grounds<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) whole: &'a Service,
    pub(super) stormy: &'a Service,
    pub(super) faults: &'a [FaultRecord],
    pub(super) contradictions: &'a [ContradictionDetail],
    pub(super) availability: &'a Availability,
    pub(super) checks: &'a [CheckReport],
    pub(super) facts: &'a RunFacts,
}

/// A verdict in words.
pub(super) struct Ruling {
    pub(super) verdict: RunVerdict,
    /// The class of its reason, where neither a contradiction nor a check is the reason.
    pub(super) doubt: Option<Doubt>,
    pub(super) headline: String,
    pub(super) reason: String,
}

impl Ruling {
    /// What a fingerprint is made of.
    pub(super) fn failure<'a>(&self, grounds: &Grounds<'a>) -> Failure<'a> {
        Failure {
            facts: grounds.facts,
            verdict: self.verdict,
            doubt: self.doubt,
            contradiction: grounds.contradictions.first(),
            checks: grounds.checks,
            faults: grounds.faults,
        }
    }
}

/// Decides: a violation, then an undecided key or a rejected proof, then a run cut short, then
/// nodes that did not come back, then a failed check, then too little tested.
pub(super) fn rule(grounds: &Grounds<'_>) -> Ruling {
    match grounds.analysis.verdict {
        Verdict::Violation => violation(grounds),
        Verdict::Unknown => undecided(grounds),
        Verdict::Linearizable => match rejection(grounds.facts) {
            Some(cause) => rejected_proof(cause),
            None => stopped(grounds)
                .or_else(|| unavailable(grounds))
                .or_else(|| failed(grounds))
                .or_else(|| inconclusive(grounds))
                .unwrap_or_else(|| linearizable(grounds)),
        },
    }
}

/// Why the independent verifier rejected the proof, if it did.
fn rejection(facts: &RunFacts) -> Option<&str> {
    let cause = facts.verify_error.as_deref().unwrap_or("it gave no cause");
    (facts.proof_verified == Some(false)).then_some(cause)
}

/// Nobody has to trust the search: a proof that does not hold shows a defect of the checker.
fn rejected_proof(cause: &str) -> Ruling {
    Ruling {
        verdict: RunVerdict::Unknown,
        doubt: Some(Doubt::ProofRejected),
        headline: "Not decided: the proof did not hold".to_owned(),
        reason: format!(
            "The checker concluded linearizable, but the independent verifier rejected its proof: \
             {cause}. Please report this with the run directory."
        ),
    }
}

fn violation(grounds: &Grounds<'_>) -> Ruling {
    let wrong: Vec<_> = grounds
        .analysis
        .keys
        .iter()
        .filter(|key| key.conclusion.verdict() == Verdict::Violation)
        .collect();
    let first = grounds.contradictions.first();
    let mut headline = match first.and_then(|first| first.key.as_deref()) {
        Some(key) if wrong.len() == 1 => format!("Not linearizable: key {key}"),
        Some(key) => {
            format!("Not linearizable: key {key} and {} more", wrong.len().saturating_sub(1))
        }
        None => "Not linearizable".to_owned(),
    };
    let mut reason = first.map_or_else(
        || "Some operations contradict each other.".to_owned(),
        |first| first.explanation.clone(),
    );
    if let Some(cause) = rejection(grounds.facts) {
        headline.push_str(", NOT CONFIRMED by the independent verifier");
        reason = format!(
            "The checker found a contradiction, but the independent verifier did not confirm it: \
             {cause}. Please report this with the run directory. The checker's reason: {reason}"
        );
    }
    Ruling { verdict: RunVerdict::Violation, doubt: None, headline, reason }
}

fn undecided(grounds: &Grounds<'_>) -> Ruling {
    let keys = &grounds.analysis.keys;
    let mut reasons = keys.iter().filter_map(|key| match &key.conclusion {
        Conclusion::Unknown { reason } => Some((key, reason)),
        Conclusion::Linearizable { .. } | Conclusion::Violation(_) => None,
    });
    let first = reasons.next();
    let undecided = first.iter().count() + reasons.count();
    let doubt = match first {
        Some((key, _)) if key.procedure == NO_PROCEDURE => Doubt::ResultMisshapen,
        Some(_) | None => Doubt::Undecided,
    };
    let reason = match first.map(|(key, reason)| (key.key.as_deref(), reason)) {
        Some((Some(key), reason)) => format!(
            "{} of {} could not be decided; key {key}: {reason}",
            count(undecided as u64),
            plural(keys.len() as u64, "key", "keys"),
        ),
        Some((None, reason)) => reason.clone(),
        None => "The checker gave no reason.".to_owned(),
    };
    ruling(RunVerdict::Unknown, doubt, "Not decided", reason)
}

fn ruling(
    verdict: RunVerdict,
    doubt: impl Into<Option<Doubt>>,
    headline: impl Into<String>,
    reason: String,
) -> Ruling {
    Ruling { verdict, doubt: doubt.into(), headline: headline.into(), reason }
}

/// The ruling on a linearizable history of a run that ended before its time, if it did.
fn stopped(grounds: &Grounds<'_>) -> Option<Ruling> {
    if grounds.facts.stopped_at.is_some() {
        let reason = "The history is linearizable as far as it went, but the run was stopped \
                      at an event that seemed to show a violation: checking online and checking \
                      the whole disagree, which is a fault of Squall."
            .to_owned();
        let headline = "Inconclusive: stopped without a violation";
        return Some(ruling(RunVerdict::Inconclusive, Doubt::StoppedInVain, headline, reason));
    }
    if !grounds.facts.interrupted {
        return None;
    }
    let mut reason = "The history is linearizable as far as it went, but the run was \
                      interrupted before its time."
        .to_owned();
    let more = unserved(grounds).or_else(|| too_little(grounds).map(|(_, sentence)| sentence));
    if let Some(more) = more {
        reason = format!("{reason} {more}");
    }
    let headline = "Inconclusive: interrupted before its time";
    Some(ruling(RunVerdict::Inconclusive, Doubt::Interrupted, headline, reason))
}

/// The ruling on a linearizable history after which nodes did not serve again, if so.
fn unavailable(grounds: &Grounds<'_>) -> Option<Ruling> {
    let reason = unserved(grounds)?;
    let headline = format!("Unavailable: {}", grounds.availability.sentence(grounds.facts));
    let reason = format!("{reason} What was recorded contradicts nothing.");
    let nodes = &grounds.facts.recovered.nodes;
    let doubt = match nodes.iter().any(|node| node.served_again_ms.is_some()) {
        true => Doubt::NodeGone,
        false => Doubt::ClusterGone,
    };
    Some(ruling(RunVerdict::Unavailable, doubt, headline, reason))
}

/// The ruling on a linearizable history beside which a check failed, if one did.
fn failed(grounds: &Grounds<'_>) -> Option<Ruling> {
    let failed = grounds.checks.iter().filter(|check| check.status == CheckStatus::Failed);
    let failed: Vec<&CheckReport> = failed.collect();
    let first = failed.first()?;
    let names: Vec<_> = failed.iter().map(|check| check.name.as_str()).collect();
    let mut reason = format!("{} What was recorded contradicts nothing.", first.sentence);
    if let Some((_, more)) = too_little(grounds) {
        reason = format!("{reason} {more}");
    }
    let headline = format!("Failed: {}", names.join(", "));
    Some(ruling(RunVerdict::Failed, None, headline, reason))
}

/// Who did not serve again and who did, if somebody did not.
fn unserved(grounds: &Grounds<'_>) -> Option<String> {
    if !grounds.availability.unavailable {
        return None;
    }
    let mut sentence = capitalized(&grounds.availability.sentence(grounds.facts));
    sentence.push_str(", although every fault was undone.");
    if let Some(others) = availability::others(&grounds.facts.recovered.nodes) {
        sentence = format!("{sentence} {others}");
    }
    Some(sentence)
}

fn capitalized(sentence: &str) -> String {
    match sentence.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => sentence.to_owned(),
    }
}

/// The ruling on a linearizable history that proves little, if it does.
fn inconclusive(grounds: &Grounds<'_>) -> Option<Ruling> {
    let (doubt, sentence) = too_little(grounds)?;
    let reason = format!("{sentence} What was recorded contradicts nothing.");
    let headline = "Inconclusive: too little was put to the test";
    Some(ruling(RunVerdict::Inconclusive, doubt, headline, reason))
}

/// Why a linearizable history proves little, if it does, in a word and in a sentence.
fn too_little(grounds: &Grounds<'_>) -> Option<(Doubt, String)> {
    let took_hold = grounds.faults.iter().filter(|fault| fault.took_hold).count();
    let planned = u64::from(grounds.facts.faults_planned).max(grounds.faults.len() as u64);
    let recovered = &grounds.facts.recovered;
    let invoked = grounds.whole.total.invoked;
    if invoked == 0 {
        Some((Doubt::NothingInvoked, "No operation was invoked.".to_owned()))
    } else if grounds.whole.total.ok == 0 {
        let sentence = format!("No operation succeeded out of {}.", count(invoked));
        Some((Doubt::NothingSucceeded, sentence))
    } else if planned > 0 && took_hold == 0 {
        let faults = plural(planned, "planned fault", "planned faults");
        Some((Doubt::NoFaultTookHold, format!("None of {faults} took hold.")))
    } else if let Some(starved) = starved(grounds.stormy).filter(|_| took_hold > 0) {
        Some(starved)
    } else if !recovered.was_looked_for() {
        let sentence = "The run ended before the cluster was healed and read back.";
        Some((Doubt::NotReadBack, sentence.to_owned()))
    } else if recovered.final_reads_ok < recovered.final_reads_expected {
        let answered = count(recovered.final_reads_ok);
        let reads = plural(recovered.final_reads_expected, "final read", "final reads");
        Some((Doubt::FinalReadsMissing, format!("Only {answered} of {reads} were answered.")))
    } else {
        None
    }
}

/// What never succeeded in the windows of the faults taken together, if anything.
///
/// A run in which reads went on but no write did has put no write to the test.
fn starved(stormy: &Service) -> Option<(Doubt, String)> {
    if stormy.total.ok_within == 0 {
        let sentence = "No operation succeeded while faults were in force.";
        return Some((Doubt::NothingUnderFaults, sentence.to_owned()));
    }
    let starved = stormy.functions.iter().filter(|(_, counts)| counts.ok_within == 0);
    let starved: Vec<_> = starved.map(|(f, _)| f.as_str()).collect();
    let sentence =
        || format!("No {} succeeded while faults were in force.", starved.join(" and no "));
    (!starved.is_empty()).then(|| (Doubt::FunctionUnderFaults, sentence()))
}

fn linearizable(grounds: &Grounds<'_>) -> Ruling {
    let took_hold = grounds.faults.iter().filter(|fault| fault.took_hold).count() as u64;
    let operations: usize = grounds.analysis.keys.iter().map(|key| key.operations).sum();
    let mut reason = format!(
        "All {} on {} fit one legal order",
        plural(operations as u64, "operation", "operations"),
        plural(grounds.analysis.keys.len() as u64, "key", "keys"),
    );
    if took_hold > 0 {
        reason.push_str(&format!(
            ", {} of them acknowledged while a fault was in force ({} in all)",
            count(grounds.stormy.total.ok_within),
            count(took_hold),
        ));
    }
    reason.push('.');
    if let (true, Some(ms)) = (took_hold > 0, grounds.facts.recovered.served_again_ms) {
        reason.push_str(&format!(" The cluster served again {} after the last heal.", Millis(ms)));
    }
    ruling(RunVerdict::Linearizable, None, "Linearizable", reason)
}
