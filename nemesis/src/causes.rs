//! Errors in one line, for evidence and for reasons given among others.

use std::error::Error;

/// The message of `error` and of everything that caused it.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
