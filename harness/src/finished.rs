//! A run that is over: what it came to, and where it is kept.
//!
//! Deliberately absent: any judgement. Whoever ran it says here what they expect of it.

use std::{fmt, path::PathBuf};

use squall_results::{
    run_dir::RunDir,
    summary::{Results, RunVerdict},
    text::{Colour, Width, one_screen},
};

/// A run that is over. Shown, it is the summary that `squall test` prints.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it came to.
    pub results: Results,
    /// Where it is kept: report, history, proof, logs.
    pub run_dir: RunDir,
}

impl Finished {
    /// Where the report is, to be opened in a browser.
    pub fn report(&self) -> PathBuf {
        self.run_dir.report()
    }

    /// Demands that the run be proven linearizable.
    ///
    /// # Panics
    /// It came to anything else, also to `inconclusive`: a run that proves little must not look
    /// like one that proves something. The message is the summary, with the operations that
    /// contradict each other, the seed and the path of the report.
    #[track_caller]
    pub fn assert_linearizable(&self) {
        self.assert_verdict(RunVerdict::Linearizable);
    }

    /// Demands that the run be a proven violation, as a test of a test does: a store that is wrong
    /// on purpose must be found out.
    ///
    /// # Panics
    /// It came to anything else; as [`Finished::assert_linearizable`].
    #[track_caller]
    pub fn assert_violation(&self) {
        self.assert_verdict(RunVerdict::Violation);
    }

    /// # Panics
    /// The run came to another verdict than `expected`.
    #[track_caller]
    fn assert_verdict(&self, expected: RunVerdict) {
        assert!(
            self.results.verdict == expected,
            "the run is {}, not {}\n\n{self}",
            self.results.verdict.as_str(),
            expected.as_str()
        );
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_screen(&self.results, Colour::Plain, Width::Unlimited))?;
        write!(f, "report: {}", self.report().display())
    }
}
