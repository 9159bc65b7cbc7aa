//! A name for a failure that is the same whenever the same failure is seen again.
//!
//! Nightly suites run other seeds every night; what a person wants to know is whether last
//! night's failure is a new one. A [`Fingerprint`] has four parts that say what failed and
//! under what: system, workload, kind, fault. Whatever differs between two runs of one plan is
//! left out on purpose: seeds, times, keys, values, names of nodes, figures and versions.
//! Deliberately absent: any judgement. Two runs with one fingerprint look alike; whether they
//! have one cause is for a person to say.

mod hash;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use squall_checker::history::Outcome;

use crate::checks::{CheckReport, CheckStatus};
use crate::facts::RunFacts;
use crate::summary::{ContradictionDetail, Doubt, FaultRecord, RunVerdict};

/// What a failure looks like, without what differs from run to run.
///
/// The parts are plain text of at most [`PART_CHARS_MAX`] characters, without control
/// characters. One that would be longer is cut, and ends in `…` and eight digits that stand for
/// the whole of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Twelve hexadecimal digits that stand for the four parts.
    ///
    /// Made so, and fixed for ever: the parts `1`, system, workload, kind and fault are written
    /// one after another as netstrings (the length in bytes, `:`, the text in UTF-8, `,`);
    /// FNV-1a makes 64 bits of them; the upper 16 bits are folded onto the lower 48 by exclusive
    /// or, as its authors advise. Another definition would begin with another number than 1.
    pub id: String,
    /// The four parts for a person, with ` · ` between them.
    pub label: String,
    /// The system, and the bug planted in it, if any: `node`, `node+stale-read`. Never its
    /// version: a failure that outlives an upgrade is the same failure.
    pub system: String,
    /// The workload.
    pub workload: String,
    /// What went wrong, as [`Fingerprint::of`] says.
    pub kind: String,
    /// Under which faults, as [`Fingerprint::of`] says.
    pub fault: String,
}

/// How long a part may be, in characters.
pub const PART_CHARS_MAX: usize = 120;

/// What of a run its fingerprint is made of.
pub(crate) struct Failure<'a> {
    pub(crate) facts: &'a RunFacts,
    pub(crate) verdict: RunVerdict,
    /// Why the verdict is in doubt, where it is.
    pub(crate) doubt: Option<Doubt>,
    /// The earliest complete one.
    pub(crate) contradiction: Option<&'a ContradictionDetail>,
    pub(crate) checks: &'a [CheckReport],
    pub(crate) faults: &'a [FaultRecord],
}

impl Fingerprint {
    /// The fingerprint of a run, unless it is linearizable.
    ///
    /// *Kind* is the kind of the first contradiction of a violation (`value-returned`), with
    /// `+unconfirmed` where the independent verifier rejects it: that would be a defect of the
    /// checker. Of a failed run it is the names of the failed checks (`logs+recovery`), of any
    /// other the word for its doubt (`node-gone`).
    ///
    /// *Fault* is what was in force when a contradiction came about, as function and kind
    /// (`partition/isolate-leader`), sorted, or `none`. It came about between the last moment at
    /// which all was well and the answer that completed it: from the invocation of the last
    /// operation of the contradiction that had been acknowledged when the completing one was
    /// invoked, to the completion of the latter. A lost write is that write until the read that
    /// misses it; a stale read, the write it misses until the read. Where none had been
    /// acknowledged before (all were under way at once), it begins with the first invocation.
    /// Older operations only say what the values were, and indeterminate ones may be as old as
    /// the run: with them, every fault of a night would be part of the name, and no two nights
    /// alike. A fault counts from when the nemesis began to bring it about until it was seen to
    /// be undone, as it may have had an effect at any time between.
    ///
    /// Without a contradiction there is no such moment. Then *fault* is the functions alone
    /// (`kill, partition`) of all faults that took hold: which kinds came up is chance.
    pub(crate) fn of(failure: &Failure<'_>) -> Option<Self> {
        let facts = failure.facts;
        let system = match &facts.bug {
            Some(bug) => Cow::Owned(format!("{}+{bug}", facts.system)),
            None => Cow::Borrowed(facts.system.as_str()),
        };
        let (kind, fault) = match (failure.verdict, failure.contradiction) {
            (RunVerdict::Linearizable, _) => return None,
            (RunVerdict::Violation, Some(first)) => {
                let rejected = facts.proof_verified == Some(false);
                let kind = format!("{}{}", first.kind, if rejected { "+unconfirmed" } else { "" });
                (kind, faults_around(first, failure.faults, &facts.nodes))
            }
            (RunVerdict::Violation, None) => ("contradiction".to_owned(), functions(failure)),
            (RunVerdict::Failed, _) => (failed_checks(failure.checks), functions(failure)),
            (RunVerdict::Unknown | RunVerdict::Inconclusive | RunVerdict::Unavailable, _) => {
                let word = failure.doubt.map_or(failure.verdict.as_str(), Doubt::as_str);
                (word.to_owned(), functions(failure))
            }
        };
        Some(Self::new(&system, &facts.workload, &kind, &fault))
    }

    fn new(system: &str, workload: &str, kind: &str, fault: &str) -> Self {
        let parts = [system, workload, kind, fault].map(part);
        let id = hash::id(&parts);
        let label = parts.join(" · ");
        let [system, workload, kind, fault] = parts;
        Self { id, label, system, workload, kind, fault }
    }
}

fn failed_checks(checks: &[CheckReport]) -> String {
    let failed = checks.iter().filter(|check| check.status == CheckStatus::Failed);
    failed.map(|check| check.name.as_str()).collect::<Vec<_>>().join("+")
}

/// The functions of all faults that took hold.
fn functions(failure: &Failure<'_>) -> String {
    let held = failure.faults.iter().filter(|fault| fault.took_hold);
    listed(held.map(|fault| nameless(&fault.f, fault, &failure.facts.nodes)).collect())
}

/// Functions and kinds of the faults that may have had a part in a contradiction.
fn faults_around(
    contradiction: &ContradictionDetail,
    faults: &[FaultRecord],
    nodes: &[String],
) -> String {
    let from_ns = came_about_from(contradiction);
    let to_ns = contradiction.complete_ns;
    let around = faults.iter().filter(|fault| {
        let over_ns = fault.undone_ns.unwrap_or(fault.end_ns).max(fault.end_ns);
        fault.took_hold && fault.invoked_ns <= to_ns && over_ns >= from_ns
    });
    let named = around.map(|fault| {
        let function = nameless(&fault.f, fault, nodes);
        match nameless(&fault.kind, fault, nodes) {
            kind if kind == function => function,
            kind => format!("{function}/{kind}"),
        }
    });
    listed(named.collect())
}

/// The last moment at which all was well; see [`Fingerprint::of`].
fn came_about_from(contradiction: &ContradictionDetail) -> u64 {
    let operations = &contradiction.operations;
    let first_ns = operations.iter().map(|op| op.invoked_ns).min().unwrap_or(0);
    let acknowledged = || {
        let ok = operations.iter().filter(|op| op.outcome == Outcome::Ok);
        ok.filter_map(|op| Some((op.completed_ns?, op.invoked_ns)))
    };
    let Some((_, completing_ns)) = acknowledged().max() else {
        return first_ns;
    };
    let before = acknowledged().filter(|(completed_ns, _)| *completed_ns <= completing_ns);
    before.max().map_or(first_ns, |(_, invoked_ns)| invoked_ns)
}

fn listed(names: BTreeSet<String>) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// A word of a fault with `node` for every name of one and `#` for every figure.
fn nameless(word: &str, fault: &FaultRecord, nodes: &[String]) -> String {
    let mut names: Vec<&str> = nodes.iter().chain(&fault.targets).map(String::as_str).collect();
    // Of two names that begin alike the longer one is meant.
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    let mut written = String::new();
    let mut rest = word;
    while let Some(next) = rest.chars().next() {
        let begins = !written.ends_with(char::is_alphanumeric);
        let name = names.iter().find(|name| begins && !name.is_empty() && is_word(rest, name));
        match name {
            Some(name) => {
                written.push_str("node");
                rest = &rest[name.len()..];
            }
            None if next.is_ascii_digit() => {
                written.push('#');
                rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            }
            None => {
                written.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    written
}

/// Whether `text` begins with `name`, and the word ends with it.
fn is_word(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// A part as it is kept: on one line, without characters that drive a terminal or turn the
/// direction of writing, and not too long.
fn part(text: &str) -> String {
    let misleads = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.is_empty() {
        // Of a history that came without its run nobody knows.
        return "unknown".to_owned();
    }
    let plain: String = text.chars().map(|c| if misleads(c) { '\u{fffd}' } else { c }).collect();
    if plain.chars().count() <= PART_CHARS_MAX {
        return plain;
    }
    let whole = hash::short(&plain);
    let kept: String = plain.chars().take(PART_CHARS_MAX - 1 - whole.len()).collect();
    format!("{kept}…{whole}")
}

#[cfg(test)]
mod tests;
