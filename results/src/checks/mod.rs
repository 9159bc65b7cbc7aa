//! Checks beside linearizability: what else a run shows of a system, or of itself.
//!
//! Each looks at one thing, says in a sentence what it found, and warns or fails as the plan
//! asks. None turns a violation into anything else, and the checker knows of none: the
//! verdict on the history stands by itself, and [`summary`](crate::summary) weighs the two.
//! What a system answered is only ever compared: a value of another shape than expected
//! makes a check not applicable, or is counted as not understood, and nothing worse.

mod availability;
mod constant_total;
mod errors;
mod fencing_tokens;
mod functions;
pub mod logs;
mod pace;
mod recovery;
mod revisions;
mod set_full;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use squall_checker::history::History;
use squall_checker::verdict::Analysis;

use crate::facts::RunFacts;
use crate::summary::{Availability, FaultRecord, Service};
use crate::wording::shorten;

pub use availability::{FaultWindow, Served, UnderFaults};
pub use constant_total::Totals;
pub use errors::{ErrorGroup, Errors};
pub use fencing_tokens::FencingTokens;
pub use logs::LogFindings;
pub use revisions::Revisions;
pub use set_full::{Delays, SetFull};

/// The checks there are, in the order they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// Each function that was invoked succeeded at least once.
    Functions,
    /// The system served under faults that leave a majority.
    Availability,
    /// No acknowledged element was lost, or visible only later.
    SetFull,
    /// No node's log tells of a panic or the like.
    Logs,
    /// Every reply was understood.
    Errors,
    /// Every node served again once every fault was undone.
    Recovery,
    /// The rate that was asked for was held.
    Pace,
    /// Accounts always sum to the same total.
    ConstantTotal,
    /// The tokens of a lock rise.
    FencingTokens,
    /// Revisions fit the values and never go back.
    Revisions,
}

impl CheckName {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Functions,
        Self::Availability,
        Self::SetFull,
        Self::Logs,
        Self::Errors,
        Self::Recovery,
        Self::Pace,
        Self::ConstantTotal,
        Self::FencingTokens,
        Self::Revisions,
    ];

    /// The word for it in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Availability => "availability",
            Self::SetFull => "set-full",
            Self::Logs => "logs",
            Self::Errors => "errors",
            Self::Recovery => "recovery",
            Self::Pace => "pace",
            Self::ConstantTotal => "constant-total",
            Self::FencingTokens => "fencing-tokens",
            Self::Revisions => "revisions",
        }
    }

    /// What it does where the plan says nothing.
    pub fn default_severity(self) -> Severity {
        match self {
            Self::Functions | Self::Availability | Self::Errors | Self::Pace => Severity::Warn,
            Self::SetFull
            | Self::Logs
            | Self::Recovery
            | Self::ConstantTotal
            | Self::FencingTokens
            | Self::Revisions => Severity::Fail,
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no check, or no severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{given}`; there is: {known}")]
pub struct UnknownWord {
    what: &'static str,
    given: String,
    known: String,
}

impl FromStr for CheckName {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownWord {
            what: "check",
            given: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// What becomes of a check that finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It is not made.
    Off,
    /// The report says so; the verdict stays as it is.
    Warn,
    /// A linearizable run has failed.
    Fail,
}

impl Severity {
    /// The word for it in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Off, Self::Warn, Self::Fail];
        all.into_iter().find(|severity| severity.as_str() == text).ok_or_else(|| UnknownWord {
            what: "severity",
            given: text.to_owned(),
            known: all.map(Self::as_str).join(", "),
        })
    }
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// It found nothing.
    Passed,
    /// It found something, and was to warn.
    Warned,
    /// It found something, and was to fail.
    Failed,
    /// There was nothing to look at, or it was switched off.
    NotApplicable,
}

impl CheckStatus {
    /// The word for it in every rendering.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Which check it is.
    pub name: CheckName,
    /// What was to become of it.
    pub severity: Severity,
    /// What became of it.
    pub status: CheckStatus,
    /// What it found, in a sentence.
    pub sentence: String,
    /// What it found more closely, the gravest first; at most [`DETAILS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What it counted and measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
}

/// How many details a report keeps.
pub const DETAILS_MAX: usize = 20;

/// Details longer than this are cut short.
const DETAIL_CHARS_MAX: usize = 300;

/// What a check counted and measured; those whose figures stand elsewhere in the results
/// have none of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figures {
    /// Of [`CheckName::Availability`].
    Availability(UnderFaults),
    /// Of [`CheckName::SetFull`].
    SetFull(SetFull),
    /// Of [`CheckName::Logs`].
    Logs(LogFindings),
    /// Of [`CheckName::Errors`].
    Errors(Errors),
    /// Of [`CheckName::ConstantTotal`].
    ConstantTotal(Totals),
    /// Of [`CheckName::FencingTokens`].
    FencingTokens(FencingTokens),
    /// Of [`CheckName::Revisions`].
    Revisions(Revisions),
}

/// What the checks look at.
pub(crate) struct Evidence<'a> {
    pub(crate) history: &'a History,
    pub(crate) analysis: &'a Analysis,
    pub(crate) facts: &'a RunFacts,
    pub(crate) whole: &'a Service,
    pub(crate) stormy: &'a Service,
    pub(crate) faults: &'a [FaultRecord],
    pub(crate) availability: &'a Availability,
    /// `None` where there were no logs to read.
    pub(crate) logs: Option<&'a LogFindings>,
}

/// What a check found, before it is weighed.
struct Found {
    judgement: Judgement,
    sentence: String,
    details: Vec<String>,
    figures: Option<Figures>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// There was nothing to look at.
    Nothing,
}

impl Judgement {
    fn bad_if(bad: bool) -> Self {
        if bad { Self::Bad } else { Self::Good }
    }
}

impl Found {
    fn new(judgement: Judgement, sentence: impl Into<String>) -> Self {
        Self { judgement, sentence: sentence.into(), details: Vec::new(), figures: None }
    }

    fn nothing(sentence: impl Into<String>) -> Self {
        Self::new(Judgement::Nothing, sentence)
    }

    fn with(self, figures: Figures) -> Self {
        Self { figures: Some(figures), ..self }
    }

    fn because(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }
}

/// Makes every check, in the order of [`CheckName::ALL`].
pub(crate) fn make(evidence: &Evidence<'_>) -> Vec<CheckReport> {
    let asked: &BTreeMap<CheckName, Severity> = &evidence.facts.checks;
    let report = |name: CheckName| {
        let severity = asked.get(&name).copied().unwrap_or(name.default_severity());
        let found = match severity {
            Severity::Off => Found::nothing("The plan switches it off."),
            Severity::Warn | Severity::Fail => look(name, evidence),
        };
        weigh(name, severity, found)
    };
    CheckName::ALL.into_iter().map(report).collect()
}

fn look(name: CheckName, evidence: &Evidence<'_>) -> Found {
    match name {
        CheckName::Functions => functions::look(evidence.whole),
        CheckName::Availability => availability::look(evidence),
        CheckName::SetFull => set_full::look(evidence.history, evidence.analysis),
        CheckName::Logs => logs::look(evidence.logs),
        CheckName::Errors => errors::look(evidence.history),
        CheckName::Recovery => recovery::look(evidence),
        CheckName::Pace => pace::look(evidence.facts.pace.as_ref()),
        CheckName::ConstantTotal => constant_total::look(evidence.history, &evidence.facts.beside),
        CheckName::FencingTokens => fencing_tokens::look(evidence.history, &evidence.facts.beside),
        CheckName::Revisions => {
            revisions::look(evidence.history, evidence.analysis, &evidence.facts.beside)
        }
    }
}

fn weigh(name: CheckName, severity: Severity, found: Found) -> CheckReport {
    let status = match (found.judgement, severity) {
        (Judgement::Nothing, _) | (_, Severity::Off) => CheckStatus::NotApplicable,
        (Judgement::Good, _) => CheckStatus::Passed,
        (Judgement::Bad, Severity::Warn) => CheckStatus::Warned,
        (Judgement::Bad, Severity::Fail) => CheckStatus::Failed,
    };
    let kept = found.details.iter().take(DETAILS_MAX);
    let details = kept.map(|detail| shorten(detail, DETAIL_CHARS_MAX)).collect();
    let Found { sentence, figures, .. } = found;
    CheckReport { name, severity, status, sentence, details, figures }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written_and_others_are_refused_by_name() {
        for name in CheckName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
            let json = serde_json::to_value(name).expect("a word");
            assert_eq!(json, name.as_str());
        }
        let refused = "log".parse::<CheckName>().expect_err("there is none").to_string();
        assert!(refused.starts_with("there is no check `log`; there is: functions, "), "{refused}");
        let refused = "error".parse::<Severity>().expect_err("there is none").to_string();
        assert_eq!(refused, "there is no severity `error`; there is: off, warn, fail");
    }

    #[test]
    fn severity_decides_between_warning_and_failure_and_never_invents_one() {
        let weighed = |judgement, severity| {
            weigh(CheckName::Logs, severity, Found::new(judgement, "so")).status
        };
        assert_eq!(weighed(Judgement::Bad, Severity::Warn), CheckStatus::Warned);
        assert_eq!(weighed(Judgement::Bad, Severity::Fail), CheckStatus::Failed);
        assert_eq!(weighed(Judgement::Good, Severity::Fail), CheckStatus::Passed);
        assert_eq!(weighed(Judgement::Nothing, Severity::Fail), CheckStatus::NotApplicable);
    }

    #[test]
    fn details_are_few_and_short() {
        let found = Found::new(Judgement::Bad, "so").because(vec!["é".repeat(9_999); 99]);
        let report = weigh(CheckName::Errors, Severity::Warn, found);
        assert_eq!(report.details.len(), DETAILS_MAX);
        assert!(report.details.iter().all(|detail| detail.chars().count() == DETAIL_CHARS_MAX));
    }
}
