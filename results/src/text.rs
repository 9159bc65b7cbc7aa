//! The summary a terminal shows after a run.

use std::fmt::Write as _;

use crate::checks::{CheckName, CheckReport, CheckStatus};
use crate::junit::operation_line;
use crate::summary::{Results, RunVerdict};
use crate::wording::{Millis, Nanos, count, percent, plural, rate, shorten};

/// Whether to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// With ANSI escape sequences, for a terminal.
    Ansi,
    /// Plain text, for files and pipes.
    Plain,
}

impl Colour {
    /// `text` as a headline in the colour of `verdict`; `None` is a run that could not be set up.
    pub(crate) fn paint(self, verdict: Option<RunVerdict>, text: &str) -> String {
        let code = match (self, verdict) {
            (Self::Plain, _) => return text.to_owned(),
            (Self::Ansi, Some(RunVerdict::Linearizable)) => "1;32",
            (Self::Ansi, Some(RunVerdict::Violation)) => "1;31",
            (
                Self::Ansi,
                Some(
                    RunVerdict::Unknown
                    | RunVerdict::Inconclusive
                    | RunVerdict::Unavailable
                    | RunVerdict::Failed,
                )
                | None,
            ) => "1;33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Operations and caveats listed before the rest is only counted, so that it stays one screen.
const LIST_MAX: usize = 8;

/// What is told of a check on its line.
const CHECK_CHARS_MAX: usize = 200;

/// Renders a run for a terminal, on one screen and ending with a newline.
///
/// Control characters that nodes or clients put into values are shown escaped, so that
/// nothing they answer can drive the terminal.
pub fn one_screen(results: &Results, colour: Colour) -> String {
    let mut screen = String::new();
    let mut line = |name: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(screen, "  {name:<11} {}", printable(text));
    };
    line("run", &run(results));
    line("operations", &operations(results));
    line("faults", &faults(results));
    line("recovery", &recovery(results));
    line("checked", &checked(results));
    if let Some(first) = results.contradictions.first() {
        let rows = first.operations.iter().take(LIST_MAX).enumerate();
        for (index, op) in rows {
            line(if index == 0 { "conflict" } else { "" }, &operation_line(op));
        }
        let more = first.operations.len().saturating_sub(LIST_MAX);
        if more > 0 {
            line("", &format!("and {}", plural(more as u64, "more operation", "more operations")));
        }
    }
    // Recovery has a line of its own already.
    let bad = |check: &&CheckReport| {
        check.name != CheckName::Recovery
            && matches!(check.status, CheckStatus::Warned | CheckStatus::Failed)
    };
    for (index, check) in results.checks.iter().filter(bad).enumerate() {
        let told = format!("{} {}: {}", check.name, check.status.as_str(), check.sentence);
        line(if index == 0 { "checks" } else { "" }, &shorten(&told, CHECK_CHARS_MAX));
    }
    for (index, caveat) in results.caveats.iter().take(LIST_MAX).enumerate() {
        line(if index == 0 { "note" } else { "" }, caveat);
    }
    if let Some(fingerprint) = &results.fingerprint {
        line("fingerprint", &format!("{} {}", fingerprint.id, fingerprint.label));
    }
    if !results.facts.command.is_empty() {
        line("run again", &results.facts.command);
    }
    let headline = colour.paint(Some(results.verdict), &printable(&results.headline));
    format!("{headline}\n  {}\n\n{screen}", printable(&results.reason))
}

fn run(results: &Results) -> String {
    let facts = &results.facts;
    let bug = facts.bug.as_ref().map_or_else(String::new, |bug| format!(" with bug {bug}"));
    format!(
        "{} on {}{bug}, {}, {}, seed {}",
        facts.workload,
        facts.system,
        plural(facts.nodes.len() as u64, "node", "nodes"),
        Nanos(results.duration_ns),
        facts.seed,
    )
}

fn operations(results: &Results) -> String {
    let total = &results.whole.total;
    let mut text = format!(
        "{}: {} ok, {} failed, {} indeterminate; {} ok/s",
        count(total.invoked),
        count(total.ok),
        count(total.fail),
        count(total.info),
        rate(total.ok_per_s),
    );
    if let Some(latency) = total.latency {
        let _ = write!(text, ", p50 {}, p99 {}", Nanos(latency.p50_ns), Nanos(latency.p99_ns));
    }
    text
}

fn faults(results: &Results) -> String {
    let held = results.faults.iter().filter(|fault| fault.took_hold).count();
    let planned = (results.facts.faults_planned as usize).max(results.faults.len());
    if planned == 0 {
        return "none planned".to_owned();
    }
    let mut text = format!("{held} of {planned} took hold");
    if let Some(share) = results.stormy.total.ok_share {
        let _ = write!(
            text,
            "; {} ok and {} ok/s while in force",
            percent(share),
            rate(results.stormy.total.ok_per_s)
        );
    }
    text
}

fn recovery(results: &Results) -> String {
    let recovered = &results.facts.recovered;
    let served = match recovered.served_again_ms {
        Some(ms) => format!("served again {} after the last heal", Millis(ms)),
        None if !recovered.was_looked_for() => "not looked for: the run ended before".to_owned(),
        None => results.availability.sentence(&results.facts),
    };
    format!(
        "{served}; {} of {} answered",
        count(recovered.final_reads_ok),
        plural(recovered.final_reads_expected, "final read", "final reads")
    )
}

fn checked(results: &Results) -> String {
    let proof = match results.facts.proof_verified {
        Some(true) => "proof verified",
        Some(false) => "proof rejected",
        None => "proof not verified",
    };
    format!(
        "{} on {} as {} in {}; {proof}",
        plural(results.check.operations, "operation", "operations"),
        plural(results.check.keys.len() as u64, "key", "keys"),
        results.check.model,
        Millis(results.facts.timings.check_ms),
    )
}

/// `text` on one line, without characters that a terminal obeys.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}
