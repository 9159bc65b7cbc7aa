//! Exit codes, and how an error reaches a person.

use std::process::ExitCode;

use squall::run::chain;
use squall_checker::verdict::Verdict;
use squall_results::summary::RunVerdict;

/// How the command ends when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for was done, and no verdict with it.
    Done,
    Linearizable,
    Violation,
    Unknown,
    /// The code of a process that did the work in our stead.
    As(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done | Exit::Linearizable => 0,
            Exit::Violation => 10,
            Exit::Unknown => 11,
            Exit::As(code) => code,
        })
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Linearizable => Self::Linearizable,
            Verdict::Violation => Self::Violation,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

impl From<RunVerdict> for Exit {
    fn from(verdict: RunVerdict) -> Self {
        match verdict {
            RunVerdict::Linearizable => Self::Linearizable,
            RunVerdict::Violation => Self::Violation,
            RunVerdict::Unknown
            | RunVerdict::Inconclusive
            | RunVerdict::Unavailable
            | RunVerdict::Failed => Self::Unknown,
        }
    }
}

/// Why the command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense.
    Asked(String),
    /// What was asked for could not be done here.
    Setup(String),
}

impl Failure {
    /// Bad arguments or bad input: exit code 2.
    pub(crate) fn asked(error: &dyn std::error::Error) -> Self {
        Self::Asked(chain(error))
    }

    /// The harness or the system could not be set up: exit code 12.
    pub(crate) fn setup(error: &dyn std::error::Error) -> Self {
        Self::Setup(chain(error))
    }

    /// Says so on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        let (text, code) = match self {
            Self::Asked(text) => (text, 2),
            Self::Setup(text) => (text, 12),
        };
        // Errors complete "failed to"; some libraries say so themselves.
        let text = text.strip_prefix("failed to ").unwrap_or(text);
        tell!("squall: failed to {text}");
        ExitCode::from(code)
    }
}
