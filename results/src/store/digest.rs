//! The few fields of a `results.json` that an index of many runs needs.
//!
//! Everything else in the file is skipped without being kept. Fields that a run of an older
//! version lacks are empty.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;

use serde::{Deserialize, Serialize};

use crate::fingerprint::PART_CHARS_MAX;
use crate::summary::RunVerdict;
use crate::wording::{count, shorten};

/// A file of results or of a suite beyond this is not read.
pub const SIZE_MAX: u64 = 64 << 20;

/// Names longer than this are cut short in the index.
pub(super) const NAME_CHARS_MAX: usize = 120;

/// Sentences longer than this are cut short in the index.
const SENTENCE_CHARS_MAX: usize = 400;

/// As long as a label of four parts can be, with ` · ` between them: it is never cut.
const LABEL_CHARS_MAX: usize = 4 * PART_CHARS_MAX + 3 * 3;

/// Kinds of faults beyond this many of one run are not kept.
const FAULTS_MAX: usize = 64;

/// What the index keeps of the results of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Digest {
    /// The verdict on the run; absent only in a digest of nothing.
    pub verdict: Option<RunVerdict>,
    /// The verdict in a few words.
    pub headline: String,
    /// Why, in a sentence or two.
    pub reason: String,
    /// The system under test.
    pub system: String,
    /// The planted bug, if any.
    pub bug: Option<String>,
    /// The workload.
    pub workload: String,
    /// The seed.
    pub seed: u64,
    /// When it began, as the harness wrote it.
    pub started_utc: String,
    /// Its length in nanoseconds.
    pub duration_ns: u64,
    /// Operations invoked.
    pub operations: u64,
    /// Operations that succeeded, per second, over the whole run.
    pub ok_per_s: f64,
    /// Share of operations that succeeded while faults were in force.
    pub ok_share_under_faults: Option<f64>,
    /// The faults that took hold, each kind once.
    pub faults: BTreeSet<FaultKind>,
    /// For a violation: milliseconds from the start of the clients until it was certain.
    pub detected_ms: Option<u64>,
    /// What makes failures equal, where the run has one.
    pub fingerprint: Option<Fingerprint>,
}

/// A kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FaultKind {
    /// The function of the nemesis, e.g. `partition`.
    pub f: String,
    /// More closely, e.g. `isolate-leader`.
    pub kind: String,
}

/// What makes two failures the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fingerprint {
    /// Short and stable.
    pub id: String,
    /// In a few words.
    pub label: String,
}

impl Fingerprint {
    /// What went wrong and under which fault: the label without system and workload.
    pub fn how(&self) -> &str {
        self.label.splitn(3, " · ").nth(2).unwrap_or(&self.label)
    }
}

#[derive(Deserialize)]
struct Outline {
    verdict: RunVerdict,
    #[serde(default)]
    headline: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    facts: Facts,
    #[serde(default)]
    duration_ns: u64,
    #[serde(default)]
    whole: Served,
    #[serde(default)]
    stormy: Served,
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    contradictions: Vec<Complete>,
    #[serde(default)]
    fingerprint: Option<Fingerprint>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Facts {
    system: String,
    workload: String,
    bug: Option<String>,
    seed: u64,
    started_utc: String,
    timings: Timings,
    stopped_at: Option<Stopped>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Timings {
    boot_ms: u64,
    clients_began_ms: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stopped {
    event_ms: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Served {
    total: Total,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Total {
    invoked: u64,
    ok_per_s: f64,
    ok_share: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    f: String,
    kind: String,
    took_hold: bool,
}

#[derive(Deserialize)]
struct Complete {
    complete_ns: u64,
}

/// Reads at most [`SIZE_MAX`] bytes of a file that should hold no more.
///
/// # Errors
/// Why it cannot be read, as a sentence without its full stop.
pub(crate) fn read(file: File) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let length = file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if length as u64 > SIZE_MAX { Err(too_large(length as u64)) } else { Ok(bytes) }
}

/// Says that a file is too large to be read.
pub(super) fn too_large(size: u64) -> String {
    format!("it has {} bytes, and no more than {} are read", count(size), count(SIZE_MAX))
}

impl Digest {
    /// Reads what the index needs.
    ///
    /// # Errors
    /// Why the file makes no sense, as a sentence without its full stop.
    pub(super) fn of(json: &[u8]) -> Result<Self, String> {
        let outline: Outline = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let Outline { facts, contradictions, .. } = &outline;
        let whole_ms = contradictions.iter().map(|found| found.complete_ns / 1_000_000).min();
        let certain_ms =
            facts.stopped_at.as_ref().map(|stop| stop.event_ms).into_iter().chain(whole_ms).min();
        let began_ms = facts.timings.clients_began_ms.unwrap_or(facts.timings.boot_ms);
        let violation = outline.verdict == RunVerdict::Violation;
        let name = |text: &str| shorten(text, NAME_CHARS_MAX);
        let took_hold = outline.faults.iter().filter(|fault| fault.took_hold);
        // Equal ones fall together before they are counted against the limit.
        let mut faults = BTreeSet::new();
        for fault in took_hold {
            if faults.len() < FAULTS_MAX {
                faults.insert(FaultKind { f: name(&fault.f), kind: name(&fault.kind) });
            }
        }
        Ok(Self {
            verdict: Some(outline.verdict),
            headline: shorten(&outline.headline, NAME_CHARS_MAX),
            reason: shorten(&outline.reason, SENTENCE_CHARS_MAX),
            system: name(&facts.system),
            bug: facts.bug.as_deref().map(name),
            workload: name(&facts.workload),
            seed: facts.seed,
            started_utc: name(&facts.started_utc),
            duration_ns: outline.duration_ns,
            operations: outline.whole.total.invoked,
            ok_per_s: outline.whole.total.ok_per_s,
            ok_share_under_faults: outline.stormy.total.ok_share,
            faults,
            detected_ms: certain_ms.filter(|_| violation).map(|ms| ms.saturating_sub(began_ms)),
            fingerprint: outline.fingerprint.map(|print| Fingerprint {
                id: name(&print.id),
                label: shorten(&print.label, LABEL_CHARS_MAX),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(results: &serde_json::Value) -> Digest {
        Digest::of(results.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn many_equal_faults_hide_no_other_kind() {
        let fault = |kind: &str| json!({ "f": "pause", "kind": kind, "took_hold": true });
        let mut faults = vec![fault("pause-leader"); 520];
        faults.push(fault("pause-majority"));
        let digest = digest(&json!({ "verdict": "linearizable", "faults": faults }));
        let kinds: Vec<_> = digest.faults.iter().map(|fault| fault.kind.as_str()).collect();
        assert_eq!(kinds, ["pause-leader", "pause-majority"]);
    }

    #[test]
    fn a_label_of_four_long_parts_is_kept_whole() {
        let label = ["s", "w", "k", "f"].map(|part| part.repeat(PART_CHARS_MAX)).join(" · ");
        let print = json!({ "id": "0123456789ab", "label": label });
        let digest = digest(&json!({ "verdict": "violation", "fingerprint": print }));
        assert_eq!(digest.fingerprint.unwrap().label, label);
    }
}
