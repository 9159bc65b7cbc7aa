//! JUnit XML, for continuous integration.
use crate::summary::Results;

/// Renders a run as a JUnit file.
pub fn render(results: &Results) -> String {
    results.reason.clone()
}
