//! The summary a terminal shows after a run.
use crate::summary::Results;

/// Whether to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// With ANSI escape sequences, for a terminal.
    Ansi,
    /// Plain text, for files and pipes.
    Plain,
}

/// Renders a run for a terminal, on one screen.
pub fn one_screen(results: &Results, colour: Colour) -> String {
    let _ = colour;
    results.reason.clone()
}
