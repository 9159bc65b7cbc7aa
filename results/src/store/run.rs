//! One run as the index lists it, whatever state its folder is in.

use serde::Serialize;

use super::digest::Digest;
use super::when::When;
use crate::report::mark;
use crate::summary::RunVerdict;

/// A run of the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Where its folder lies, from the store.
    pub id: String,
    /// Its name, which is that of the folder around it.
    pub name: String,
    /// The suite it is part of, if any.
    pub suite: Option<String>,
    /// The night of that suite, as the folder is called.
    pub night: Option<String>,
    /// When it began.
    pub when: When,
    /// Whether there are results.
    pub state: State,
    /// Why there are none, as a sentence without its full stop; empty if there are.
    pub trouble: String,
    /// There is a report.html.
    pub has_report: bool,
    /// What the results say; empty where there are none.
    #[serde(flatten)]
    pub digest: Digest,
    /// What a search looks through, in small letters.
    #[serde(skip)]
    searched: String,
}

/// Whether a run has results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has.
    Finished,
    /// It is still going on, or was cut short.
    Unfinished,
    /// Its results make no sense, or cannot be read.
    Damaged,
    /// Its results are larger than any that are read.
    TooLarge,
}

impl State {
    /// The word for it in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
            Self::Damaged => "damaged",
            Self::TooLarge => "too-large",
        }
    }
}

/// What a run without results is told to be.
const UNFINISHED: &str = "still going on, or cut short: there is no results.json";

impl Run {
    /// The run at `id`, of whose results this is known; `None` where there are none.
    pub(super) fn new(
        id: &str,
        has_report: bool,
        results: Option<Result<Digest, (State, String)>>,
    ) -> Self {
        let parts: Vec<&str> = id.split('/').collect();
        let leaf = parts.last().copied().unwrap_or_default();
        let name = parts.iter().rev().nth(1).copied().unwrap_or(leaf);
        let within = parts.iter().position(|part| *part == "runs").filter(|at| *at >= 2);
        let (state, trouble, digest) = match results {
            None => (State::Unfinished, UNFINISHED.to_owned(), Digest::default()),
            Some(Ok(digest)) => (State::Finished, String::new(), digest),
            Some(Err((state, why))) => (state, why, Digest::default()),
        };
        let mut run = Self {
            id: id.to_owned(),
            name: name.to_owned(),
            suite: within.map(|at| parts[at - 2].to_owned()),
            night: within.map(|at| parts[at - 1].to_owned()),
            when: When::of(&digest.started_utc).unwrap_or_else(|| When::of_folder(leaf)),
            state,
            trouble,
            has_report,
            digest,
            searched: String::new(),
        };
        run.searched = run.searched().to_lowercase();
        run
    }

    fn searched(&self) -> String {
        let digest = &self.digest;
        let print = digest.fingerprint.as_ref();
        let mut words = vec![
            self.id.as_str(),
            self.verdict_word(),
            &digest.headline,
            &digest.reason,
            &digest.system,
            digest.bug.as_deref().unwrap_or_default(),
            &digest.workload,
            print.map_or("", |print| &print.id),
            print.map_or("", |print| &print.label),
        ];
        words
            .extend(digest.faults.iter().flat_map(|fault| [fault.f.as_str(), fault.kind.as_str()]));
        words.join("\n")
    }

    /// Whether every one of `words`, which are in small letters, occurs in what it says.
    pub(super) fn mentions(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.searched.contains(word.as_str()))
    }

    /// The verdict as a word, or why there is none.
    pub fn verdict_word(&self) -> &'static str {
        self.digest.verdict.map_or(self.state.as_str(), RunVerdict::as_str)
    }

    /// A shape that goes with the verdict.
    pub(crate) fn mark(&self) -> &'static str {
        match (self.digest.verdict, self.state) {
            (Some(verdict), _) => mark(verdict),
            (None, State::Damaged | State::TooLarge) => "!",
            (None, _) => "…",
        }
    }

    /// The class of its colour.
    pub(crate) fn class(&self) -> &'static str {
        match self.digest.verdict {
            Some(RunVerdict::Linearizable) => "good",
            Some(RunVerdict::Violation) => "bad",
            Some(_) => "doubt",
            None if self.state == State::Unfinished => "none",
            None => "bad",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_suite_knows_its_suite_and_night() {
        let run = Run::new("nightly/20260102T030405Z/runs/clean/20260102T030409Z-7", true, None);
        assert_eq!(run.name, "clean");
        assert_eq!(run.suite.as_deref(), Some("nightly"));
        assert_eq!(run.night.as_deref(), Some("20260102T030405Z"));
        assert_eq!(run.when.to_string(), "2026-01-02 03:04:09");
        assert_eq!(run.verdict_word(), "unfinished");
    }

    #[test]
    fn a_plain_run_may_be_called_runs() {
        let run = Run::new(
            "runs/20260102T030409Z-7",
            false,
            Some(Err((State::Damaged, "line 1".to_owned()))),
        );
        assert_eq!((run.name.as_str(), run.suite.as_deref()), ("runs", None));
        assert_eq!((run.verdict_word(), run.mark()), ("damaged", "!"));
    }
}
